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
import json
import logging
import pathlib
import types

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import hook as hook_command
from rbd_mon_fix.engine import execution
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.hook import installation
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
def site(tmp_path):
    (tmp_path / 'libvirt').mkdir()
    conf = types.SimpleNamespace(
        hook=types.SimpleNamespace(dir=str(tmp_path / 'libvirt/hooks/q.d')),
        journal_dir=str(tmp_path / 'journal'),
        command=types.SimpleNamespace(format='json', action='status'))
    return types.SimpleNamespace(
        conf=conf, clusters=(CLUSTER,), answering=None)


@pytest.fixture
def hook(site):
    hook = installation.Installation(site.conf.hook.dir)
    hook.install()
    return hook


def test_a_host_without_the_hook_is_left_alone(site):
    hook_update.feed(site, Plan((COPY,), ()))
    assert not pathlib.Path(site.conf.hook.dir).exists()


@pytest.mark.parametrize('answering', [None, frozenset(hosts.RIGHT[1:])])
def test_the_hook_learns_what_was_seen(site, hook, answering):
    site.answering = answering
    hook_update.feed(site, Plan((COPY,), ()))
    known, _ = hook.known()
    assert known == (knowledge.Known(
        'a', 'f-a', hosts.RIGHT, frozenset(hosts.OLD + hosts.RIGHT),
        IDENTITIES),)


@pytest.mark.parametrize('copy', [
    Copy(COPY.locator, COPY.instance, DISK, 'vda', None, (),
         State.UNKNOWN_CLUSTER),
    Copy(COPY.locator, COPY.instance, None, 'vda', None, (),
         State.UNREADABLE)])
def test_a_disk_of_no_known_cluster_teaches_nothing(site, hook, copy):
    hook_update.feed(site, Plan((copy,), ()))
    known, _ = hook.known()
    assert known[0].addresses == frozenset(hosts.RIGHT)


def test_monitors_of_which_none_answers_are_not_relied_on(site, hook):
    site.answering = frozenset()
    hook_update.feed(site, Plan((COPY,), ()))
    assert hook.known()[0] == ()


def test_trouble_is_said_not_raised(site, hook, caplog):
    pathlib.Path(hook.knowledge).mkdir()
    with caplog.at_level(logging.WARNING):
        hook_update.feed(site, Plan((COPY,), ()))
    assert 'was not told' in caplog.text


def test_install_learns_from_the_journal(site):
    """A plain host's config has no pools; what a run changed tells them."""
    site.clusters = (dataclasses.replace(CLUSTER, backends=()),)
    edit = Edit('vda', DISK.image, 'a', hosts.OLD, hosts.RIGHT, '', '')
    for each in (edit, dataclasses.replace(
            edit, image='vms/x', user='cinder', secret_uuid=hosts.SECRET)):
        record = Record(COPY.locator, memory.sheet())
        journal = execution.journal(site)
        journal.prepare()
        writer = journal.start('refresh', ['h'], '', [])
        writer.begin([Change(record, memory.sheet(), (each,))])
        writer.close()
    hook = installation.Installation(site.conf.hook.dir)
    hook_update.install(site, hook)
    known, _ = hook.known()
    # Journals of earlier versions have no users.
    assert known == (knowledge.Known(
        'a', 'f-a', hosts.RIGHT, frozenset(hosts.OLD + hosts.RIGHT),
        frozenset([knowledge.Identity('vms', 'cinder', hosts.SECRET)])),)


def test_a_hook_that_knows_no_disks_says_so(site, monkeypatch):
    monkeypatch.setattr(daemon, 'readers', lambda script: iter(()))
    site.clusters = (dataclasses.replace(CLUSTER, backends=()),)
    hook = installation.Installation(site.conf.hook.dir)
    hook_update.install(site, hook)
    row = next(row for row in hook_command._rows(site, hook)
               if row['part'] == 'monitors')
    assert row['state'] == 'outdated'
    assert "no disk of a, and mends none: run 'refresh'" in row['note']
    hook_update.feed(site, Plan((COPY,), ()))
    assert states(site, hook)['monitors'] == 'current'


def test_install_changes_nothing_where_no_monitor_can_be_learnt(site):
    class Nowhere(types.SimpleNamespace):
        @property
        def clusters(self):
            raise exceptions.ConfigError('No ceph.conf.')

    hook = installation.Installation(site.conf.hook.dir)
    with pytest.raises(exceptions.ConfigError):
        hook_update.install(Nowhere(conf=site.conf), hook)
    assert not hook.installed


def states(site, hook) -> dict[str, str]:
    return {row['part']: row['state']
            for row in hook_command._rows(site, hook)}


def test_rows(site, hook, monkeypatch):
    monkeypatch.setattr(daemon, 'readers', lambda script: iter(()))
    assert states(site, hook) == {
        'script': 'current', 'monitors': 'missing', 'libvirt': 'not running'}
    hook_update.feed(site, Plan((), ()))
    assert states(site, hook)['monitors'] == 'current'
    site.clusters = (Cluster('a', 'f-a', Source.MON_DUMP, MonMap(
        CLUSTER.monmap.monitors[:2]), ()),)
    assert states(site, hook)['monitors'] == 'outdated'
    pathlib.Path(hook.knowledge).write_text(json.dumps({'version': 3}))
    assert states(site, hook)['monitors'] == 'unreadable'
    older = pathlib.Path(hook.folder).with_suffix('')
    older.touch(0o755)
    assert states(site, hook)['other hook'] == 'runs first'
    pathlib.Path(hook.script).unlink()
    assert states(site, hook) == {'script': 'missing'}


@pytest.mark.parametrize('started, state', [
    (0.0, 'restart'), (9e9, 'sees it')])
def test_rows_of_daemons(site, hook, monkeypatch, started, state):
    monkeypatch.setattr(daemon, 'readers', lambda script: iter(
        [daemon.Daemon('virtqemud', 7, started)]))
    assert states(site, hook)['virtqemud'] == state


def test_only_root_sees_what_daemons_see(site, hook, monkeypatch):
    def readers(script):
        raise PermissionError
    monkeypatch.setattr(daemon, 'readers', readers)
    assert states(site, hook)['libvirt'] == 'unknown'
