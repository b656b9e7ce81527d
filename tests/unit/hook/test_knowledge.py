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

import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from tests.unit.hook import hosts

DISK = knowledge.Identity('vms', 'cinder', hosts.SECRET)
NEW = hosts.addresses('10.0.0.1:6789', '10.0.0.2:6789')
OLD = hosts.addresses('10.9.0.1:6789')
OLDER = hosts.addresses('10.8.0.1:6789', 'mon')


def cluster(name='a', fsid='f', owner='nova', pool='vms', monitors=NEW):
    return Cluster(name, fsid, Source.MON_DUMP, MonMap(tuple(
        Monitor('', addr, (addr, *hosts.addresses(f'{addr.host}:3300')))
        for addr in monitors)), (
        Backend(owner, '', pool, 'cinder', hosts.SECRET),))


ALL_NEW = frozenset(NEW + hosts.addresses('10.0.0.1:3300', '10.0.0.2:3300'))


@pytest.mark.parametrize('before', [
    [], [knowledge.Known('a', 'f', (), frozenset(OLDER))],
    [knowledge.Known('renamed', 'f', OLD, frozenset(OLDER))],
    [knowledge.Known('a', None, OLD, frozenset(OLDER))]])
def test_what_was_known_is_kept(before):
    known, = knowledge.learn([cluster()], [knowledge.Sighting('a', OLD)],
                             before)
    assert known == knowledge.Known(
        'a', 'f', NEW,
        ALL_NEW | set(OLD) | (set(OLDER) if before else set()),
        frozenset({DISK}))


@pytest.mark.parametrize('before', [
    knowledge.Known('a', 'other', OLD, frozenset(OLDER), frozenset({DISK})),
    knowledge.Known('b', None, OLD, frozenset(OLDER))])
def test_of_a_cluster_that_is_not_named_the_right_ones_are_unknown(before):
    known, kept = knowledge.learn([cluster()], [], [before])
    assert known == knowledge.Known('a', 'f', NEW, ALL_NEW,
                                    frozenset({DISK}))
    assert kept == knowledge.Known(before.name, before.fsid, (),
                                   before.addresses, before.disks)


def test_sightings_are_of_their_own_cluster():
    a, b = knowledge.learn(
        [cluster(), cluster('b', 'g', pool='ssd')],
        [knowledge.Sighting('b', OLD, DISK)], [])
    assert not a.addresses & set(OLD)
    assert b.addresses >= set(OLD)
    assert b.disks == {DISK,
                       knowledge.Identity('ssd', 'cinder', hosts.SECRET)}


@pytest.mark.parametrize('pool', [None, 'vms'])
def test_a_plain_host_knows_the_disks_that_were_seen(pool):
    plain = cluster(owner='libvirt', pool=pool)
    assert knowledge.learn([plain], [], [])[0].disks == frozenset()
    seen = knowledge.Sighting('a', OLD, knowledge.Identity('x', None, None))
    assert knowledge.learn([plain], [seen], [])[0].disks == {seen.identity}


def test_a_second_look_changes_nothing():
    sightings = [knowledge.Sighting('a', OLD, DISK)]
    once = knowledge.learn([cluster()], sightings, [hosts.B])
    assert knowledge.learn([cluster()], sightings, once) == once


def test_dumps_and_loads():
    known = (hosts.A, hosts.B, knowledge.Known('c', None))
    content = knowledge.dumps(known, 'then')
    assert knowledge.loads(content) == (known, 'then')


@pytest.mark.parametrize('content', [
    b'', b'\xff', b'[]', b'{}', b'{"version": 2}', b'{"version": 1}',
    json.dumps({'version': 1, 'written': '', 'clusters': [{}]}).encode(),
    json.dumps({'version': 1, 'written': '', 'clusters': [
        {'name': 'a', 'fsid': None, 'monitors': ['?'], 'known': [],
         'disks': []}]}).encode()])
def test_unreadable(content):
    with pytest.raises(exceptions.Unreadable):
        knowledge.loads(content)
