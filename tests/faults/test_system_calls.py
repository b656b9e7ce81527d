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

"""A kill, or an error of the kernel, at any system call that matters.

Without ``--all-faults``, a sample; with it, each call that fails is a test of
its own, so that a long run can be told by its parts.
"""

from __future__ import annotations

import collections
import json

import pytest

from tests.faults import subject as subjects
from tests.faults import system_calls

CODES = (0, 1, 2, 3, 4, 5)
PREFLIGHT = ('preflight', '--host', 'cmp1', '-f', 'json')
SAMPLE = 8


@pytest.fixture
def subject(build_cloud):
    return subjects.Subject(build_cloud(subjects.SERVERS))


def pytest_generate_tests(metafunc):
    """Give tests with errors the calls that fail."""
    if 'names' in metafunc.fixturenames:
        every = tuple(system_calls.ERRORS)
        parts = [(name,) for name in every] if metafunc.config.getoption(
            '--all-faults') else [every]
        metafunc.parametrize(
            'names', parts, ids=[part[0] if len(part) == 1 else 'any'
                                 for part in parts])


def recorded(subject, words, names):
    """Return the recorded calls with some names; skip if there are none."""
    found = {name: numbers for name, numbers in system_calls.record(
        subject, words).items() if name in names}
    if not found:
        pytest.skip('the command makes no such call')
    return found


def is_told(done):
    """Return whether an error has a sentence, or a place in the report."""
    return 'rbd-mon-fix: ' in done.err or done.code == 4 and any(
        words in done.out for words in ('LEFT ALONE', 'NOT WRITTEN'))


def sample(faults, everything):
    """Return all faults, or some that are far apart."""
    return faults if everything else faults[::len(faults) // SAMPLE + 1]


def suffer(subject, faults, is_expected):
    """Inject faults, one after the other, and count the exit codes."""
    codes = collections.Counter()
    wrong, told = [], 0
    for fault in faults:
        subject.restore()
        done = system_calls.inject(subject, fault, subjects.REFRESH)
        codes[done.code] += 1
        if not is_expected(done):
            wrong.append((fault, done))
        wrong += subjects.complaints(subject, fault, done, fault.kills)
        # All faults take an hour; whoever watches should know before.
        for each in wrong[told:]:
            print(each, flush=True)
        told = len(wrong)
    assert not wrong, '\n'.join(map(str, wrong))
    return codes


def test_a_kill_loses_nothing(subject, all_faults, counted):
    calls = system_calls.record(subject, subjects.REFRESH)
    codes = suffer(subject, sample(system_calls.kills(calls), all_faults),
                   lambda done: done.code in (-9, 0))
    counted(killed=codes[-9], undisturbed=codes[0])
    assert codes[-9] > 0


def test_an_error_has_a_sentence_and_a_code(subject, all_faults, counted,
                                            names):
    calls = recorded(subject, subjects.REFRESH, names)
    codes = suffer(subject, sample(system_calls.errors(calls), all_faults),
                   lambda done: done.code in CODES
                   and (not done.code or is_told(done)))
    survived = codes.pop(0, 0)
    failed = sum(codes.values())
    counted(failed=failed, survived=survived)
    # A call alone may be one that the command can do without.
    assert failed > 0 or all_faults and survived


def failed_checks(done):
    """Return the checks that failed, each with a next step."""
    rows = json.loads(done.out)['checks']
    assert {row['check'] for row in rows} >= {
        'config', 'libvirt', 'journal', 'clock', 'qemu'}, rows
    found = [row for row in rows if row['works'] == 'no']
    assert all(row['advice'] for row in found), found
    return found


def is_one_check(done):
    """Return whether an error failed a check, and the others were made.

    Without its own config, or a place for the report, the command ends.
    """
    if done.code in (2, 4):
        return 'rbd-mon-fix: ' in done.err and (
            done.code == 2 or 'Cannot write the report' in done.err)
    return done.code == bool(failed_checks(done))


def test_an_error_fails_one_check(subject, all_faults, counted, names):
    # A write is one of the report.
    calls = recorded(subject, PREFLIGHT, {*names} - {'write'})
    codes = collections.Counter()
    for fault in sample(system_calls.errors(calls), all_faults):
        done = system_calls.inject(subject, fault, PREFLIGHT)
        codes[done.code] += 1
        assert is_one_check(done), (fault, done)
        said = done.out + done.err
        assert 'crashed' not in said.lower(), (fault, done)
        assert subjects.CANARY not in said, (fault, done)
    counted(failed=codes[1], survived=codes[0], ended=codes[2] + codes[4])
    assert codes[1] > 0 or all_faults and codes
    assert subject.documents() == subject.stale
