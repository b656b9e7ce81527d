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

import errno

import pytest

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


SYSTEM = [
    (OSError(errno.EIO, 'sesame', '/etc/x'),
     'The operating system reports: Input/output error (/etc/x).'),
    (OSError(errno.EMFILE, 'sesame'),
     'The operating system reports: Too many open files.'),
    (ImportError('sesame', name='libvirt'),
     'Cannot load the Python module libvirt: it is missing or cannot be '
     'opened.')]


@pytest.mark.parametrize('error, sentence', SYSTEM)
def test_an_error_of_the_system(error, sentence):
    """The operator corrects it; nobody reports it as a defect."""
    found = checks.tried('kind', 'one', raising(error))
    assert (found.works, found.finding) == (Works.NO, sentence)
    assert found.advice and 'report' not in found.advice


@pytest.mark.parametrize('error, sentence', SYSTEM)
def test_an_error_between_two_checks(error, sentence):
    first = checks.not_asked('kind', 'first', 'No.')

    def both():
        yield first
        raise error

    found = list(checks.guarded('kind', 'the rest', both()))
    assert found[0] == first
    assert [(each.subject, each.works, each.finding)
            for each in found[1:]] == [('the rest', Works.NO, sentence)]


def test_any_other_error():
    found = checks.tried('kind', 'one', raising(ValueError('sesame')))
    assert found.works is Works.NO
    assert 'ValueError' in found.finding
    assert 'sesame' not in f'{found.finding} {found.advice}'


def test_not_asked():
    assert checks.not_asked('kind', 'one', 'There is none.') == Check(
        'kind', 'one', Works.NOT_ASKED, 'There is none.')
