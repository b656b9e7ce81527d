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

"""The smallest set of old addresses that reaches every stranded client."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.core import lifeline
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap

TODAY = 'p q'
HOSTS = 'abcdef'
SETS = st.lists(st.frozensets(st.sampled_from(HOSTS), min_size=1), max_size=8)


def monitor(name, *ports):
    """Return the monitor of a host; ``p`` is at 10.0.0.112."""
    addrs = tuple(MonAddr(host(name), port) for port in ports or (3300, 6789))
    return Monitor(name, addrs[-1], addrs)


def host(name):
    return f'10.0.0.{ord(name)}'


def monmap(names):
    return MonMap(tuple(map(monitor, names.split())))


def history(*maps):
    """Return epochs from 1 on; '' for one that is not known."""
    return MonHistory(tuple(
        MonEpoch(number, '', monmap(names))
        for number, names in enumerate(maps, 1) if names))


def plan(*maps, greeting=''):
    """Return the plan of a cluster whose present epoch is the last."""
    return lifeline.plan(history(*maps, TODAY), monmap(TODAY), [
        addr for name in greeting.split() for addr in monitor(name).addrs])


def told(found):
    return [(each.name, each.epochs) for each in found.lifelines]


@pytest.mark.parametrize('maps, candidates, addresses', [
    # A client of epoch 2 has found p already.
    (('a', 'a p'), (1,), [('a', (1,))]),
    (('a b c',), (1,), [('a', (1,))]),
    (('a b c', 'b c d', 'c d p'), (1, 2), [('b', (1, 2))]),
    (('a b c', 'b c', 'c'), (1, 2, 3), [('c', (1, 2, 3))]),
    # Two moves of all monitors at once need two addresses.
    (('a b', 'c d'), (1, 2), [('a', (1,)), ('c', (2,))]),
    # Greedily, it would be c and two more.
    (('a c', 'a d', 'b c', 'b e', 'b c', 'a c'), (1, 2, 3, 4, 5, 6),
     [('a', (1, 2, 6)), ('b', (3, 4, 5))]),
    # Every map that a client may have has a monitor of today.
    (('a p', 'b q'), (), [])])
def test_plan(maps, candidates, addresses):
    found = plan(*maps)
    assert (found.candidates, told(found)) == (candidates, addresses)
    assert (found.taken, found.unreached, found.unknown) == ((), (), ())
    assert found.is_smallest


def test_of_several_sets_the_one_in_most_and_later_maps():
    assert told(plan('a b', 'b c', 'c')) == [
        ('b', (1, 2)), ('c', (2, 3))]
    assert told(plan('a b', 'c', 'c b')) == [('b', (1, 3)), ('c', (2, 3))]


@pytest.mark.parametrize('greeting, addresses, taken, unreached', [
    ('a', [('b', (1,))], ('a',), ()),
    ('a b', [], ('a', 'b'), (1,)),
    # Somebody's monitor that is in none of these maps.
    ('z', [('a', (1,))], (), ())])
def test_a_living_monitor_is_left_alone(greeting, addresses, taken,
                                        unreached):
    found = plan('a b', 'a p', greeting=greeting)
    assert told(found) == addresses
    assert found.taken == tuple(map(host, taken))
    assert found.unreached == unreached


def test_a_monmap_that_is_not_known():
    assert plan('a', '', 'a p').unknown == (2,)


def test_without_any_history():
    found = lifeline.plan(MonHistory(), monmap(TODAY), ())
    assert (found.candidates, found.lifelines, found.unknown) == ((), (), ())


def test_another_port_of_a_present_host():
    """Only its v1 monitor was ever told, and it has none any more."""
    today = MonMap((monitor('p', 3300),))
    found = lifeline.plan(MonHistory((
        MonEpoch(1, '', MonMap((monitor('p', 6789),))),
        MonEpoch(2, '', today))), today, ())
    only, = found.lifelines
    assert (only.host, only.endpoints) == (
        host('p'), (f'v1:{host("p")}:6789/0',))
    way, = only.ways
    assert way.commands == (
        'ceph mon stat', "ceph mon set-addrs p "
        f"'[v2:{host('p')}:3300/0,v1:{host('p')}:6789/0]'")


def test_endpoints_of_all_epochs():
    old = MonHistory((MonEpoch(1, '', MonMap((monitor('a', 6789),))),
                      MonEpoch(2, '', MonMap((monitor('a'),)))))
    only, = lifeline.plan(old, monmap(TODAY), ()).lifelines
    assert only.endpoints == (f'v2:{host("a")}:3300/0',
                              f'v1:{host("a")}:6789/0')


def test_addresses_in_order():
    found, _ = lifeline.smallest([{'10.0.0.10'}, {'10.0.0.9'}, {'fd00::1'}])
    assert found == ('10.0.0.9', '10.0.0.10', 'fd00::1')


@given(SETS)
def test_every_map_is_reached_and_no_smaller_set_does(sets):
    found, is_smallest = lifeline.smallest(sets)
    assert is_smallest
    assert all(each & {*found} for each in sets)
    assert not any(all(each & {*fewer} for each in sets)
                   for size in range(len(found))
                   for fewer in itertools.combinations(HOSTS, size))


@given(SETS, st.randoms())
def test_always_the_same_set(sets, random):
    """However Python orders the hosts of a set."""
    again = [frozenset(random.sample(sorted(each), len(each)))
             for each in sets]
    assert lifeline.smallest(sets) == lifeline.smallest(again)


def test_too_many_maps_for_a_search():
    sets = [frozenset(f'10.{number}.0.{last}' for last in range(5))
            for number in range(9)]
    found, is_smallest = lifeline.smallest(sets)
    assert not is_smallest
    assert found == tuple(f'10.{number}.0.0' for number in range(9))
