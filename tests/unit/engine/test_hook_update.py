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

import dataclasses
import logging
import pathlib

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.engine import session
from rbd_mon_fix.hook import knowledge
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from tests.unit import memory
from tests.unit import worlds
from tests.unit.hook import hosts

UUID = '6f1c4f1e-53ae-4a57-9a61-6c1a2d1f0d01'
CLUSTER = Cluster(
    'a', 'f-a', Source.MON_DUMP,
    MonMap(tuple(Monitor('', addr, (addr,)) for addr in hosts.RIGHT)),
    (Backend('nova', '', 'vms', 'cinder', hosts.SECRET),))
DISK = RbdDisk('vda', 'volumes/x', 'cinder', hosts.SECRET, hosts.OLD, '')
COPY = Copy(Locator('domain', 'h', UUID, UUID), Instance(UUID, 'h'), DISK,
            'vda', 'a', hosts.RIGHT, State.STALE)
IDENTITIES = frozenset(knowledge.Identity(pool, 'cinder', hosts.SECRET)
                       for pool in ('vms', 'volumes'))


@pytest.fixture
def context(tmp_path):
    return worlds.context_of(worlds.World(tmp_path), CLUSTER)


@pytest.fixture
def hook(context):
    hook = hook_update.installed(context)
    hook.install()
    return hook


def feed(context, *copies):
    lesson = hook_update.Lesson()
    lesson.add(Plan(copies, ()))
    hook_update.feed(context, lesson)


def test_a_host_without_the_hook_is_left_alone(context):
    feed(context, COPY)
    assert not pathlib.Path(context.conf.hook.dir).exists()


@pytest.mark.parametrize('answering', [None, frozenset(hosts.RIGHT[1:])])
def test_the_hook_learns_what_was_seen(context, hook, answering):
    context.__dict__['answering'] = answering
    feed(context, COPY)
    known, _ = hook.known()
    assert known == (knowledge.Known(
        'a', 'f-a', hosts.RIGHT, frozenset(hosts.OLD + hosts.RIGHT),
        IDENTITIES),)


@pytest.mark.parametrize('copy', [
    Copy(COPY.locator, COPY.instance, DISK, 'vda', None, (),
         State.UNKNOWN_CLUSTER),
    Copy(COPY.locator, COPY.instance, None, 'vda', None, (),
         State.UNREADABLE)])
def test_a_disk_of_no_known_cluster_teaches_nothing(context, hook, copy):
    feed(context, copy)
    known, _ = hook.known()
    assert known[0].addresses == frozenset(hosts.RIGHT)


def test_monitors_of_which_none_answers_are_not_relied_on(context, hook):
    context.__dict__['answering'] = frozenset()
    feed(context, COPY)
    assert hook.known()[0] == ()


def test_trouble_is_said_not_raised(context, hook, caplog):
    pathlib.Path(hook.knowledge).mkdir()
    with caplog.at_level(logging.WARNING):
        feed(context, COPY)
    assert 'could not be updated' in caplog.text


def test_install_learns_from_the_journal(context):
    """A plain host's config names no pools; the changes of a run do."""
    context.__dict__['clusters'] = (dataclasses.replace(CLUSTER, backends=()),)
    edit = Edit('vda', DISK.image, 'a', hosts.OLD, hosts.RIGHT, '', '')
    for each in (edit, dataclasses.replace(
            edit, image='vms/x', user='cinder', secret_uuid=hosts.SECRET)):
        record = Record(COPY.locator, memory.sheet())
        journal = session.journal(context)
        journal.prepare()
        writer = journal.start('refresh', ['h'], [])
        writer.begin([Change(record, memory.sheet(), (each,))])
        writer.close()
    hook_update.install_hook(context)
    known, _ = hook_update.installed(context).known()
    # Journals of earlier versions record no users.
    assert known == (knowledge.Known(
        'a', 'f-a', hosts.RIGHT, frozenset(hosts.OLD + hosts.RIGHT),
        frozenset([knowledge.Identity('vms', 'cinder', hosts.SECRET)])),)


def test_install_changes_nothing_where_no_monitor_can_be_learnt(tmp_path):
    world = worlds.World(tmp_path)
    (tmp_path / 'ceph.conf').unlink()
    with pytest.raises(exceptions.ConfigError):
        hook_update.install_hook(world.context())
    assert not hook_update.installed(world.context()).installed


def test_remove(context, hook):
    hook_update.remove_hook(context)
    assert not hook.installed


def test_equal_disks_are_one_sighting():
    lesson = hook_update.Lesson()
    for server in range(9):
        lesson.add(Plan((dataclasses.replace(
            COPY, instance=Instance(memory.uuid(server), 'h')),), ()))
    assert len(lesson.sightings) == 1
