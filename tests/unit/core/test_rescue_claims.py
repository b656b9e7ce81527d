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

"""Which disks of a guest are stranded, and what Nova and Ceph say."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import rescue_claims
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Locator
from tests.unit import memory

OLD, NEW = memory.addrs(memory.OLD), memory.addrs(memory.NEW)
SERVER = Instance(memory.uuid(1), 'cmp1', 's1', 'active')


def copy(store='live-domain', key='vda', image='vms/a', cluster='ceph',
         note='', **fields):
    return Copy(
        Locator(store, 'cmp1', SERVER.uuid, SERVER.uuid), SERVER,
        RbdDisk(key, image, 'cinder', 'S', OLD, ''), key, cluster,
        NEW if cluster else (), State.STALE, note=note, **fields)


def told(*copies, lost=('ceph',)):
    return [(each.target, each.cluster, each.new, each.note)
            for each in rescue_claims.claims(copies, lost)]


def test_the_disks_that_the_guest_has_now():
    """A disk of the persistent XML alone is not connected."""
    assert told(copy(), copy('domain'), copy('domain', 'vdb', 'vms/b'),
                copy(key='vdc', image='vms/c')) == [
        ('vda', 'ceph', NEW, ''), ('vdc', 'ceph', NEW, '')]


def test_a_cluster_that_is_not_lost():
    assert told(copy(), copy(key='vdb', image='x/b', cluster='other')) == [
        ('vda', 'ceph', NEW, '')]
    assert told(copy(), lost=()) == []


@pytest.mark.parametrize('copies, note', [
    ([copy(cluster=None, note='No cluster had it.')], 'No cluster had it.'),
    ([copy(), copy('domain', cluster=None, note='Greets.')], 'Greets.'),
    ([copy(), copy('domain', cluster='other')],
     'its copies do not all tell the same cluster.')])
def test_a_cluster_that_is_not_certain(copies, note):
    assert told(*copies) == [('vda', None, (), note)]


def test_images_below_a_disk():
    assert told(copy(key='vda/backingStore'))[0][0] == 'vda'


@pytest.mark.parametrize('server, words', [
    (SERVER, []),
    (dataclasses.replace(SERVER, task_state='migrating'),
     ['Nova is working on the server (migrating).']),
    (dataclasses.replace(SERVER, host='cmp2'),
     ['Nova has the server on host cmp2.']),
    (dataclasses.replace(SERVER, host='cmp2', managed=False), [])])
def test_of_server(server, words):
    copies = [dataclasses.replace(copy(), instance=server)]
    assert list(map(str, rescue_claims.of_server(copies, 'cmp1'))) == words


def test_live_xml_that_cannot_be_read():
    copies = [dataclasses.replace(copy(), disk=None, note='bad XML')]
    assert list(map(str, rescue_claims.of_server(copies, 'cmp1'))) == [
        'The XML of the running guest cannot be read: bad XML.']


@pytest.mark.parametrize('count, refused', [(3, 0), (2, 0), (1, 1), (0, 1)])
def test_a_majority_of_the_monitors_answers(count, refused):
    cluster = memory.cluster()
    found = list(rescue_claims.of_clusters([cluster], ['ceph'],
                                           set(NEW[:count])))
    assert len(found) == refused
    if refused:
        assert f'{count} of 3 monitors of ceph answer' in str(found[0])
    assert list(rescue_claims.of_clusters([cluster], ['other'], ())) == []
