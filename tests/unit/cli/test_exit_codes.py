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

"""The meaning of exit codes."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes


@pytest.mark.parametrize('code, number', [
    ('OK', 0), ('WRONG', 1), ('USAGE', 2), ('REFUSED', 3),
    ('INCOMPLETE', 4), ('UNREACHABLE', 5), ('INTERRUPTED', 130),
    ('CRASH', 255),
])
def test_numbers(code, number):
    assert exit_codes.ExitCode[code] == number
    assert exit_codes.ExitCode(number).name == code


def test_each_has_a_meaning_of_its_own():
    meanings = [code.meaning for code in exit_codes.ExitCode]
    assert len(set(meanings)) == len(meanings) == 8
    assert all(meaning.endswith('.') for meaning in meanings)


@pytest.mark.parametrize('error, number', [
    (exceptions.ConfigError, 2), (exceptions.Refused, 3),
    (exceptions.Unreachable, 5), (exceptions.Conflict, 4),
    (exceptions.Gone, 4), (exceptions.Unreadable, 4),
    (exceptions.RbdMonFixError, 4),
])
def test_of_error(error, number):
    assert exit_codes.of_error(error('It is so.')) == number


def test_endings():
    assert exit_codes.of_error(exceptions.Interrupted()) == 130
    assert exit_codes.of_error(exceptions.Defect(ValueError('TOPSECRET'))
                               ) == 255


def test_a_defect_does_not_quote_the_exception():
    cause = ValueError('TOPSECRET')
    error = exceptions.Defect(cause)
    assert 'SECRET' not in str(error)
    assert error.__cause__ is cause


@pytest.mark.parametrize('wrong, lost, look, work', [
    (0, {}, 0, 0), (3, {}, 1, 4), (0, {'h': 1}, 5, 5), (3, {'h': 1}, 5, 5),
])
def test_of_look_and_of_work(wrong, lost, look, work):
    assert exit_codes.of_look(wrong, lost) == look
    assert exit_codes.of_work(wrong, lost) == work
