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

import types

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Locator

UUID = 'ddee15e6-74fe-4a44-9b26-4ba7df465bcd'
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


def live(*images):
    """Return a libvirt whose guest has some disks now."""
    text = LIVE.format(uuid=UUID, disks=''.join(
        DISK.format(image=image, dev=f'vd{number}')
        for number, image in enumerate(images)))
    return types.SimpleNamespace(live_xml=lambda uuid: text)


def libvirt_down(host):
    raise exceptions.Unreachable('Libvirt is down.')


def site(hypervisor=None):
    return types.SimpleNamespace(
        nova=types.SimpleNamespace(host='cmp1'), clusters=CLUSTERS,
        hypervisor=(lambda host: hypervisor) if hypervisor else libvirt_down)


def copies(cluster='a', host='cmp1', image='a/i', store='domain'):
    return [Copy(Locator(store, host, UUID, UUID), Instance(UUID, host),
                 disk(image), 'vda', cluster, (), State.STALE)]


def watch(monkeypatch, peers=(), disks=('a/i',), hypervisor=None):
    watched = connectivity.Watch(site(hypervisor))
    monkeypatch.setitem(watched.__dict__, 'guests', [
        Guest(7, UUID, tuple(map(disk, disks)), frozenset(peers))])
    return watched


@pytest.mark.parametrize('peers, found', [
    ((), [UUID]), ((OLD,), [UUID]), ((RIGHT,), [])])
def test_stranded(monkeypatch, peers, found):
    watched = watch(monkeypatch, peers)
    watched.add(copies())
    assert watched.stranded() == found


def test_servers_of_other_hosts_are_not_looked_at(monkeypatch):
    watched = watch(monkeypatch)
    watched.add(copies(host='cmp2'))
    assert watched.stranded() == []


def test_other_hosts_cost_no_look_at_processes():
    watched = connectivity.Watch(site())
    watched.add(copies(host='cmp2'))
    watched.stranded()
    assert 'guests' not in watched.__dict__


def test_guests_that_the_run_is_not_about_are_left_out(monkeypatch):
    assert watch(monkeypatch).stranded() == []


def test_copies_that_disagree_make_it_unknown(monkeypatch):
    watched = watch(monkeypatch)
    watched.add(copies('a') + copies('b', store='nova-bdm'))
    assert watched.stranded() == []


@pytest.mark.parametrize('cluster, found', [('a', [UUID]), (None, [])])
def test_a_cluster_that_is_not_known_is_not_guessed(
        monkeypatch, cluster, found):
    watched = watch(monkeypatch)
    watched.add(copies(cluster))
    assert watched.stranded() == found


@pytest.mark.parametrize('now, found', [
    (('a/i',), []), (('a/i', 'b/j'), [UUID]), (('b/j',), [UUID]), ((), [])])
def test_the_disks_are_those_that_it_has_now(monkeypatch, now, found):
    watched = watch(monkeypatch, [RIGHT], hypervisor=live(*now))
    watched.add(copies() + copies('b', image='b/j'))
    assert watched.stranded() == found
