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

"""Causes, each told once."""

import pytest

from rbd_mon_fix.report import causes


def drawn(found, most=2, several=False, width=40):
    return [''.join(text for text, _ in line)
            for line in found.drawn(width, most, several)]


def test_no_cause_takes_no_line():
    assert drawn(causes.Causes(1)) == []


@pytest.mark.parametrize(('named', 'count', 'first'), [
    (1, 1, ['  s0']), (1, 2, ['  s0, and 1 more']),
    (1, 1234, ['  s0, and 1,233 more']),
    (2, 2, ['  s0', '  s1']), (2, 3, ['  s0', '  s1, and 1 more'])])
def test_subjects_are_named_and_counted(named, count, first):
    found = causes.Causes(named)
    for number in range(count):
        found.add('It is locked.', 'cmp1', f's{number}')

    assert drawn(found) == [*first, '    It is locked.']


def test_the_most_frequent_causes_come_first():
    found = causes.Causes(1)
    for cause in ('rare', 'often', 'often', 'once'):
        found.add(cause, 'cmp1', 's')

    assert drawn(found, most=1) == [
        '  s, and 1 more', '    often',
        '  and 2 other causes (-v shows each copy)']
    assert drawn(found)[-1] == '  and 1 other cause (-v shows each copy)'


def test_hosts_are_named_if_there_are_several():
    found = causes.Causes(1)
    found.add('cause', 'cmp1', 's')

    assert drawn(found, several=True) == ['  cmp1  s', '    cause']


def test_every_line_fits():
    found = causes.Causes(1)
    for cause in ('a long cause ' * 20, 'b'):
        for _ in range(1000):
            found.add(cause, 'cmp1', 'a subject ' * 20)

    assert max(map(len, drawn(found, width=40))) <= 40
