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

"""From running guests and copies to those that are stranded."""

from __future__ import annotations

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.qemu import processes
from tests.unit import memory
from tests.unit.stores import places

UUID = memory.uuid(1)
RIGHT, OLD = MonAddr('10.0.0.1', 6789), MonAddr('10.9.9.9', 6789)
CLUSTERS = tuple(
    Cluster(name, None, Source.CEPH_CONF,
            MonMap((Monitor('', addr, (addr,)),)),
            (Backend('nova', '', name, 'cinder', None),))
    for name, addr in (('a', RIGHT), ('b', MonAddr('10.0.0.2', 6789))))
LIVE = '''<domain><name>g</name><uuid>{uuid}</uuid><devices>{disks}</devices>
</domain>'''
DISK = '''<disk type='network'><source protocol='rbd' name='{image}'>
<host name='10.9.9.9' port='6789'/></source><target dev='{dev}'/></disk>'''


def disk(image):
    return RbdDisk('vda', image, 'cinder', None, (OLD,), '')


@pytest.fixture
def context(world):
    """Return the context of host cmp1, whose libvirt has no domains yet."""
    world.write_nova_conf(host='cmp1')
    context = world.context()
    context.__dict__['clusters'] = CLUSTERS
    return context


def run(world, *images):
    """Define a guest with some disks in the libvirt of cmp1."""
    world.domains().add(1)
    world.domains().live_texts[UUID] = LIVE.format(uuid=UUID, disks=''.join(
        DISK.format(image=image, dev=f'vd{number}')
        for number, image in enumerate(images)))


def copies(cluster='a', host='cmp1', image='a/i', store='domain'):
    return [Copy(Locator(store, host, UUID, UUID), Instance(UUID, host),
                 disk(image), 'vda', cluster, (), State.STALE)]


@pytest.fixture
def watch(context, monkeypatch):
    def watch(peers=(), disks=('a/i',)):
        monkeypatch.setattr(processes, 'running', lambda: [
            Guest(7, UUID, tuple(map(disk, disks)), frozenset(peers))])
        return connectivity.Watch(context)

    return watch


@pytest.mark.parametrize('peers, found', [
    ((), [UUID]), ((OLD,), [UUID]), ((RIGHT,), [])])
def test_stranded(world, watch, peers, found):
    run(world, 'a/i')
    watched = watch(peers)
    watched.add(copies())
    assert watched.stranded() == found


def test_a_process_that_is_no_domain_of_this_libvirt(world, watch):
    watched = watch()
    watched.add(copies())
    assert watched.stranded() == []
    assert watched.state(watched.guests[0], [disk('a/i')]) is (
        GuestState.UNKNOWN)


def test_a_domain_that_does_not_run(world, watch):
    world.domains().add(1)
    watched = watch()
    watched.add(copies())
    assert watched.stranded() == []


def test_without_libvirt_nothing_is_judged(world, watch):
    world.libvirts.clear()
    watched = watch()
    watched.add(copies())
    assert watched.stranded() == []


def test_names_of_other_processes_are_not_looked_up(
        world, watch, monkeypatch):
    asked = []
    monkeypatch.setattr(connectivity.judging, 'names', lambda hosts: (
        asked.extend(hosts), {})[1])
    run(world, 'a/i')
    watched = watch()
    watched.guests.append(Guest(8, None, (RbdDisk(
        'vda', 'a/i', 'cinder', None, (MonAddr('evil', 6789),), ''),),
        frozenset()))
    watched.guests.append(Guest(9, UUID, (RbdDisk(
        'vda', 'a/i', 'cinder', None, (MonAddr('mon1', 6789),), ''),),
        frozenset()))
    watched.add(copies())
    watched.stranded()
    assert asked == ['mon1']


def test_servers_of_other_hosts_are_not_looked_at(watch):
    watched = watch()
    watched.add(copies(host='cmp2'))
    assert watched.stranded() == []


def test_other_hosts_cost_no_look_at_processes(watch):
    watched = watch()
    watched.add(copies(host='cmp2'))
    watched.stranded()
    assert 'guests' not in watched.__dict__


def test_guests_that_the_run_is_not_about_are_left_out(watch):
    assert watch().stranded() == []


def test_copies_that_disagree_make_it_unknown(world, watch):
    run(world, 'a/i')
    watched = watch()
    watched.add(copies('a') + copies('b', store='nova-bdm'))
    assert watched.stranded() == []


@pytest.mark.parametrize('cluster', ['b', None])
def test_the_ceph_conf_of_the_host_has_no_say(world, watch, cluster):
    run(world, 'a/i')
    watched = watch()
    watched.add([*copies(), *copies(cluster, store='ceph-conf')])
    assert watched.stranded() == [UUID]


@pytest.mark.parametrize('cluster, found', [('a', [UUID]), (None, [])])
def test_a_cluster_that_is_not_known_is_not_guessed(
        world, watch, cluster, found):
    run(world, 'a/i')
    watched = watch()
    watched.add(copies(cluster))
    assert watched.stranded() == found


@pytest.mark.parametrize('now, found', [
    (('a/i',), []), (('a/i', 'b/j'), [UUID]), (('b/j',), [UUID]), ((), [])])
def test_the_disks_are_those_that_it_has_now(world, watch, now, found):
    run(world, *now)
    watched = watch([RIGHT])
    watched.add(copies() + copies('b', image='b/j'))
    assert watched.stranded() == found


IMAGE = f'volumes/volume-{places.volume(1)}'
NEW = memory.addrs(memory.NEW)


@pytest.fixture
def running(world, monkeypatch):
    """Return a function that starts servers of cmp1 and examines them."""
    world.write_nova_conf(host='cmp1')
    for server in (1, 2):
        world.add(server)
    texts = world.domains().texts

    def look(*guests, **fields):
        world.domains().live_texts = {
            memory.uuid(server): texts[memory.uuid(server)]
            for server in (1, 2)}
        monkeypatch.setattr(processes, 'running', lambda: list(guests))
        return engine.guests(world.context(), engine.ScanRequest(
            ('cmp1',), **fields))

    return look


def guest(server, peers, pid=7, image=IMAGE):
    return Guest(pid, memory.uuid(server), (disk(image),) if image else (),
                 peers if peers is None else frozenset(peers))


def test_guests(running):
    found = running(guest(2, [OLD], 8), guest(1, [NEW[0], OLD], 7))
    assert [(each.host, each.guest.pid, each.launched_with,
             each.connected_to, each.state) for each in found.guests] == [
        ('cmp1', 7, (OLD,), (NEW[0], OLD), GuestState.FOLLOWING),
        ('cmp1', 8, (OLD,), (OLD,), GuestState.STRANDED)]
    assert found.stranded == [memory.uuid(2)]
    assert [each.lost for each in found.guests] == [(), ('ceph',)]
    assert (found.closed, found.hidden) == (0, 0)
    assert [cluster.name for cluster in found.clusters] == ['ceph']


def test_one_guest(running):
    found = running(guest(1, []), guest(2, [], 8),
                    instances=(memory.uuid(2),))
    assert [each.guest.pid for each in found.guests] == [8]


def test_what_cannot_be_seen_is_counted(running):
    """A guest in another PID namespace has no process here."""
    found = running(guest(1, None))
    assert [each.state for each in found.guests] == [GuestState.UNKNOWN]
    assert found.guests[0].connected_to is None
    assert (found.closed, found.hidden) == (1, 1)


@pytest.mark.parametrize('instance', [None, 'web', memory.uuid(9)])
def test_a_process_that_is_no_domain_is_shown_and_not_judged(
        running, instance):
    found = running(Guest(9, instance, (disk(IMAGE),), frozenset([OLD])))
    [report] = found.guests
    assert report.guest.instance == instance
    assert report.state is GuestState.UNKNOWN
    assert found.stranded == []


def test_guests_without_rbd_are_not_told_of(running):
    assert running(Guest(9, memory.uuid(5), (), frozenset())).guests == ()


def test_guests_of_another_host(world):
    world.write_nova_conf(host='cmp2')
    world.add(1)
    with pytest.raises(exceptions.ConfigError, match='not cmp1'):
        engine.guests(world.context(), engine.ScanRequest(('cmp1',)))
