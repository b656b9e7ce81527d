# Copyright The rbd-mon-fix authors
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.

"""A problem in a check becomes a line of the report."""

from __future__ import annotations

from rbd_mon_fix import exceptions
from rbd_mon_fix.preflight import check as checks
from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.preflight.check import Works


def raising(error):
    def act():
        raise error
    return act


def test_it_works():
    assert checks.tried('kind', 'one', lambda: 'Fine.') == Check(
        'kind', 'one', Works.YES, 'Fine.')


def test_an_error_of_ours():
    error = exceptions.Unreachable('It is down.', 'Start it.')
    assert checks.tried('kind', 'one', raising(error)) == Check(
        'kind', 'one', Works.NO, 'It is down.', 'Start it.')


def test_any_other_error():
    found = checks.tried('kind', 'one', raising(ValueError('sesame')))
    assert found.works is Works.NO
    assert 'ValueError' in found.finding
    assert 'sesame' not in f'{found.finding} {found.advice}'


def test_not_asked():
    assert checks.not_asked('kind', 'one', 'There is none.') == Check(
        'kind', 'one', Works.NOT_ASKED, 'There is none.')
