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

"""The epochs of a monmap and the monitors in each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap


def monitor(name, last):
    addr = MonAddr(f'10.0.0.{last}', 6789)
    return Monitor(name, addr, (addr,))


def epoch(number, *monitors):
    return MonEpoch(number, f'2026-11-{number:02}T00:00:00Z',
                    MonMap(tuple(monitors)))


A, B, C, MOVED = (monitor('a', 1), monitor('b', 2), monitor('c', 3),
                  monitor('a', 9))
HISTORY = MonHistory().merged(
    [epoch(4, B, C), epoch(1, A), epoch(3, A, B, C), epoch(2, A, B)])


def test_who_left_and_when():
    assert HISTORY.former == (
        FormerMonitor('a', A.addrs, 1, 3, '2026-11-04T00:00:00Z'),)
    assert str(HISTORY.former[0]) == 'mon.a until 2026-11-04'


def test_a_monitor_that_moved_is_a_former_one_at_its_old_place():
    found = HISTORY.merged([epoch(5, B, C, MOVED)]).former
    assert [(each.name, each.addrs) for each in found] == [('a', A.addrs)]


def test_a_monitor_that_came_back_is_none():
    assert HISTORY.merged([epoch(5, B, C, A)]).former == ()


def test_nothing_known():
    assert MonHistory().former == ()


@pytest.mark.parametrize('former, words', [
    (FormerMonitor('a', A.addrs, 1, 1), 'mon.a'),
    (FormerMonitor('', A.addrs, 1, 1), 'a former monitor'),
    (FormerMonitor('', A.addrs, 1, 1, '2026-11-20T01:02:03Z'),
     'a former monitor until 2026-11-20')])
def test_in_words(former, words):
    assert str(former) == words


@given(st.lists(st.lists(st.sampled_from([A, B, C, MOVED]), min_size=1,
                         unique=True), min_size=1, max_size=8),
       st.randoms())
def test_every_address_is_present_or_former(maps, random):
    epochs = [epoch(number, *monitors)
              for number, monitors in enumerate(maps, 1)]
    shuffled = random.sample(epochs, len(epochs))
    history = MonHistory().merged(shuffled[:3]).merged(shuffled)
    assert history.epochs == tuple(epochs)
    present = {addr for each in maps[-1] for addr in each.addrs}
    former = {addr for each in history.former for addr in each.addrs}
    ever = {addr for monitors in maps for each in monitors
            for addr in each.addrs}
    assert present | former == ever
    for each in history.former:
        seen = [number for number, monitors in enumerate(maps, 1)
                if any(one.name == each.name and one.addrs == each.addrs
                       for one in monitors)]
        assert (each.first, each.last) == (seen[0], seen[-1])


def test_span():
    assert MonHistory().span is None
    assert MonHistory().merged([epoch(7, A), epoch(3, B)]).span == (3, 7)


def test_before_a_list_without_names():
    """A list from a ceph.conf or a monitors file has no names."""
    history = MonHistory().merged([epoch(1, A), epoch(2, B)])
    assert [each.name for each in history.former] == ['a']
    unnamed = MonMap(tuple(Monitor('', each.addr, each.addrs)
                           for each in (B, C)))
    assert [each.name for each in history.before(unnamed)] == ['a']
    # What was the last known list is former as well.
    assert {each.name for each in history.before(MonMap((C,)))} == {'a', 'b'}
