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

"""The hook of a host, part by part."""

from __future__ import annotations

import dataclasses
import json
import pathlib

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import hook_parts
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory
from tests.unit import worlds
from tests.unit.engine import test_hook_update
from tests.unit.hook import hosts

CLUSTER = test_hook_update.CLUSTER
CLAIM = test_hook_update.CLAIM
OTHER = test_hook_update.OTHER
living = test_hook_update.living
learn = test_hook_update.learn


@pytest.fixture
def context(tmp_path, monkeypatch, living):
    monkeypatch.setattr(daemon, 'readers', lambda script: iter(()))
    return test_hook_update.answered(
        worlds.context_of(worlds.World(tmp_path), CLUSTER))


@pytest.fixture
def hook(context):
    hook = hook_update.installed(context)
    hook.install()
    return hook


def parts(context):
    return {each.part: each for each in hook_parts.hook_status(context)}


def states(context):
    return {part: each.state for part, each in parts(context).items()}


def commands(context):
    return [each.command for each in hook_parts.hook_status(context)
            if each.command]


def test_parts(context, hook):
    assert states(context) == {
        'script': 'current', 'monitors': 'missing', 'libvirt': 'not running'}
    assert commands(context) == [('rbd-mon-fix', 'refresh')]
    hook_update.feed(context)
    assert states(context)['monitors'] == 'current'
    assert commands(context) == []
    pathlib.Path(hook.knowledge).write_text(json.dumps({'version': 3}))
    assert states(context)['monitors'] == 'unreadable'
    older = pathlib.Path(hook.folder).with_suffix('')
    older.touch(0o755)
    assert states(context)['other hook'] == 'runs first'
    pathlib.Path(hook.script).unlink()
    assert states(context) == {'script': 'missing'}
    assert commands(context) == [('rbd-mon-fix', 'hook', 'install')]


@pytest.mark.parametrize('finished', [True, False])
def test_what_a_run_replaced(context, hook, finished):
    """The evidence of the run, such as a statement, is gone."""
    hook_update.feed(context)
    journal = sessions.journal(context)
    journal.prepare()
    writer = journal.start('refresh', ['cmp1'], [
        {'name': CLUSTER.name, 'fsid': CLUSTER.fsid}])
    old = memory.Sheet('vda volumes/a cinder S 10.6.0.1:6789')
    where = memory.locator('nova-bdm', 1)
    writer.begin([Change(memory.record(where, old), old, (Edit(
        'vda', 'volumes/a', CLUSTER.name, memory.addrs('10.6.0.1:6789'),
        memory.addrs(memory.NEW), '', ''),))])
    if finished:
        writer.end([Outcome(where, Verdict.FIXED)])
        writer.close()
    assert states(context)['monitors'] == 'outdated'
    hook_update.feed(context)
    assert states(context)['monitors'] == 'current'
    assert '10.6.0.1' in pathlib.Path(hook.knowledge).read_text()


def test_which_parts_are_fine(context, hook):
    hook_update.feed(context)
    assert {name: each.fine for name, each in parts(context).items()} == {
        'script': True, 'monitors': True, 'libvirt': True}
    learn(context, OTHER)
    assert not parts(context)['monitors'].fine
    pathlib.Path(hook.script).unlink()
    assert not parts(context)['script'].fine


FEWER = MonMap(CLUSTER.monmap.monitors[:2])
FORMER = FormerMonitor('y', hosts.addresses('10.6.0.1:6789'), 1, 1)
COMPARE = 'cannot compare cluster a: '


@pytest.mark.parametrize('clusters, state, note', [
    ([CLUSTER], 'current', ''),
    ([dataclasses.replace(CLUSTER, name='renamed')], 'current', ''),
    ([dataclasses.replace(CLUSTER, monmap=FEWER)], 'outdated', 'refresh'),
    ([dataclasses.replace(CLUSTER, former=(*CLUSTER.former, FORMER))],
     'outdated', 'refresh'),
    ([dataclasses.replace(CLUSTER, stated=FORMER.addrs)],
     'outdated', 'refresh'),
    ([dataclasses.replace(CLUSTER, fsid='f-c')], 'outdated', 'refresh'),
    ([CLUSTER, OTHER], 'outdated', 'refresh'),
    ([CLAIM], 'unknown', COMPARE + 'its monitors come from ceph.conf'),
    ([dataclasses.replace(CLAIM, monmap=FEWER)], 'unknown', COMPARE),
    ([CLAIM, OTHER], 'outdated', 'refresh')])
def test_monitors_and_the_evidence(context, hook, clusters, state, note):
    hook_update.feed(context)
    learn(context, *clusters)
    part = parts(context)['monitors']
    assert part.state == state
    assert part.note.startswith('1 clusters, written 20')
    assert note in part.note


def test_a_former_address_that_somebody_else_has_now(context, hook, living):
    hook_update.feed(context)
    living.update(test_hook_update.FORMER)
    assert states(context)['monitors'] == 'outdated'
    hook_update.feed(context)
    assert states(context)['monitors'] == 'current'


def test_a_claim_that_was_not_taught(context, hook):
    learn(context, CLAIM)
    hook_update.feed(context)
    part = parts(context)['monitors']
    assert (part.state, part.note[:10]) == ('unknown', '0 clusters')


def test_monitors_of_version_1(context, hook):
    pathlib.Path(hook.knowledge).write_bytes(hosts.VERSION_1)
    part = parts(context)['monitors']
    assert part.state == 'outdated'
    assert "run 'hook install' again" in part.note
    hook_update.feed(context)
    assert states(context)['monitors'] == 'current'


def test_monitors_that_cannot_be_compared(tmp_path, context, hook):
    hook_update.feed(context)
    world = worlds.World(tmp_path)
    (tmp_path / 'ceph.conf').unlink()
    part = parts(world.context())['monitors']
    assert (part.state, part.fine) == ('unknown', False)
    with pytest.raises(exceptions.ConfigError) as caught:
        assert world.context().clusters
    assert str(caught.value) in part.note


@pytest.mark.parametrize('started, state', [
    (0.0, 'restart'), (9e9, 'sees it')])
def test_daemons(context, hook, monkeypatch, started, state):
    monkeypatch.setattr(daemon, 'readers', lambda script: iter(
        [daemon.Daemon('virtqemud', 7, started)]))
    found = parts(context)['virtqemud']
    assert (found.state, found.command) == (
        state, ('systemctl', 'restart', 'virtqemud')
        if state == 'restart' else ())


def test_only_root_sees_what_daemons_see(context, hook, monkeypatch):
    def readers(script):
        raise PermissionError
    monkeypatch.setattr(daemon, 'readers', readers)
    assert states(context)['libvirt'] == 'unknown'
