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

"""Which running guests learn of new monitors, and which are stranded."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import connectivity
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from tests.unit import memory

FOLLOWING, STRANDED, UNKNOWN = (
    GuestState.FOLLOWING, GuestState.STRANDED, GuestState.UNKNOWN)


def cluster(name, *hosts, pool='vms', user='cinder'):
    """Return a cluster; as often, only one port of it is known."""
    addrs = [MonAddr.of(host, 6789) for host in hosts]
    return Cluster(name, None, Source.CEPH_CONF, MonMap(tuple(
        Monitor('', addr, (addr,)) for addr in addrs)),
        (Backend('nova', '', pool, user, 'secret'),))


A = cluster('a', '10.0.0.1', '10.0.0.2')
B = cluster('b', 'fd00::1', 'mon-b')
EMPTY = cluster('empty')
NAMES = {'mon-b': frozenset({'10.9.9.9'})}


def peers(*words):
    return frozenset(map(MonAddr.parse, words))


@pytest.mark.parametrize('seen, clusters, state', [
    (peers('10.0.0.1:6789'), [A], FOLLOWING),
    (peers('10.0.0.2:3300'), [A, A], FOLLOWING),
    (peers('10.0.0.1:3300', '[fd00::1]:3300'), [A, B], FOLLOWING),
    (peers('10.0.0.1:3300', '10.9.9.9:6789'), [A, B], FOLLOWING),
    # An OSD on the host of a monitor does not count as a monitor.
    (peers('10.0.0.1:6800'), [A], STRANDED),
    (peers('10.1.0.1:6789'), [A], STRANDED),
    (peers(), [A], STRANDED),
    (peers('10.0.0.1:3300'), [A, B], STRANDED),
    (peers(), [A, None], STRANDED),
    (peers('10.0.0.1:3300'), [A, None], UNKNOWN),
    (peers(), [None], UNKNOWN),
    (peers(), [EMPTY], UNKNOWN),
    (peers(), [], UNKNOWN),
    (None, [A], UNKNOWN),
])
def test_judge(seen, clusters, state):
    assert connectivity.judge(seen, clusters, NAMES) is state


def test_a_monitor_on_a_port_of_its_own():
    odd = MonAddr('10.0.0.1', 40000)
    other = Cluster('c', None, Source.MON_DUMP,
                    MonMap((Monitor('x', odd, (odd,)),)), ())
    for port, state in ((40000, FOLLOWING), (40001, STRANDED)):
        assert connectivity.judge(
            peers(f'10.0.0.1:{port}'), [other], {}) is state


def disk(image='vms/i', user='cinder', monitors=()):
    return RbdDisk('vda', image, user, None, tuple(monitors), '')


def test_connected_to_right_monitors_and_old_ones():
    old = MonAddr('192.0.2.1', 6789)
    seen = peers('192.0.2.1:3300', '192.0.2.1:6800', '10.0.0.2:3300',
                 '10.5.5.5:6789', '10.0.0.1:22')
    guest = Guest(1, 'u', (disk(monitors=[old]),), seen)
    assert connectivity.connected(guest, [A, B], NAMES) == (
        MonAddr('10.0.0.2', 3300), MonAddr('192.0.2.1', 3300))


def test_connected_when_it_may_not_be_seen():
    assert connectivity.connected(Guest(1, 'u', (), None), [A], {}) is None


@pytest.mark.parametrize('addrs, name', [
    ('10.0.0.1:6789', 'a'), ('10.0.0.1:6789,192.0.2.1:6789', 'a'),
    ('10.0.0.1:6789,0.0.0.0:0', 'a'), ('0.0.0.0:0', None),
    ('mon-b:6789', 'b'), ('10.0.0.1:6789,192.0.2.2:6789', None),
    # An address that was handed on.
    ('192.0.2.9:6789', None), ('', None)])
def test_by_addresses(addrs, name):
    a = dataclasses.replace(A, stated=memory.addrs(
        '192.0.2.1:6789,192.0.2.9:6789'))
    c = cluster('c', '192.0.2.9')
    found = connectivity.by_addresses(
        disk(monitors=memory.addrs(addrs)), [a, B, c], NAMES)
    assert (found and found.name) == name


@pytest.mark.parametrize('seen, clusters, names', [
    (peers('10.0.0.1:3300'), [A, B, B, None], ('b',)),
    (peers(), [B, A, EMPTY], ('b', 'a')),
    (peers('10.0.0.1:3300'), [A], ()),
    (None, [A], ())])
def test_the_clusters_that_a_guest_has_lost(seen, clusters, names):
    assert connectivity.lost(seen, clusters, NAMES) == names
