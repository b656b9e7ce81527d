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

"""Failures by cause."""

from __future__ import annotations

from rbd_mon_fix.report import groups
from rbd_mon_fix.report import sheets


def shown(*sizes):
    found = [groups.Cause(f'cause {number}', '', ['tried a'],
                          [[(f'server-{each}', '')] for each in range(size)])
             for number, size in enumerate(sizes)]
    return [''.join(text for text, _ in line).rstrip()
            for line in groups.show(found, (0,), sheets.Sheet())]


def test_a_cause_is_told_once():
    assert shown(2) == ['  cause 0', '    tried a', '      server-0',
                        '      server-1']


def test_a_long_list_is_counted():
    assert shown(20)[-1] == '      server-19'
    assert shown(21)[-2:] == [
        '      server-19', '      and 1 more server (-f csv lists all)']
    assert len(shown(500)) == 23


def test_many_causes_are_counted():
    assert shown(*[1] * 7)[-1] == '  and 2 more causes (-f csv lists all)'
