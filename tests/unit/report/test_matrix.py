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

from __future__ import annotations

import io

import pytest

from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.report import matrix
from rbd_mon_fix.report import plain
from tests.unit.report import sample


def shown(*rows):
    found = matrix.Matrix()
    for instance, operations in rows:
        found.add(instance, operations)
    stream = io.StringIO()
    plain.Plain(stream).table(found.rows())
    return stream.getvalue().splitlines()


def test_nothing_fails_nothing_is_shown():
    assert shown() == []
    assert shown((sample.instance(1), ())) == []


def test_columns_are_those_of_operations_that_fail_somewhere():
    suspended = sample.instance(3, name='')
    long = sample.instance(4, name='a-name-that-is-much-too-long')
    assert shown(
        (sample.instance(1), ()),
        (sample.instance(2), (Operation.START, Operation.LIVE_MIGRATE)),
        (suspended, (Operation.RESUME,)),
        (long, (Operation.START,)),
    ) == [
        '                                          '
        'start  resume  live-migrate',
        '    00000002  web-2                       '
        'fails  -       fails',
        '    00000003-0000-4000-8000-000000000000  '
        '-      fails   -',
        '    00000004  a-name-that-is-mu...        '
        'fails  -       -',
        '    3 servers                             '
        '2      1       1']


@pytest.mark.parametrize('servers, listed, more', [
    (200, 200, []), (201, 200, ['    and 1 more'])])
def test_a_large_host_is_counted_whole_and_listed_in_part(servers, listed,
                                                          more):
    lines = shown(*((sample.instance(number), (Operation.START,))
                    for number in range(servers)))
    assert len(lines) == listed + 2 + len(more)
    assert lines[listed + 1:-1] == more
    assert lines[-1].split() == [str(servers), 'servers', str(servers)]


def test_a_name_does_nothing_to_the_terminal():
    line = shown((sample.instance(1, name='a\x1b[31mb'),
                  (Operation.START,)))[1]
    assert '\\x1b[31m' in line and '\x1b' not in line
