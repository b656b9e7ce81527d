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
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Plan
from tests.unit import worlds
from tests.unit.engine import test_hook_update

CLUSTER, COPY = test_hook_update.CLUSTER, test_hook_update.COPY


@pytest.fixture
def context(tmp_path, monkeypatch):
    monkeypatch.setattr(daemon, 'readers', lambda script: iter(()))
    return worlds.context_of(worlds.World(tmp_path), CLUSTER)


@pytest.fixture
def hook(context):
    hook = hook_update.installed(context)
    hook.install()
    return hook


def parts(context):
    return {each.part: each for each in hook_parts.hook_status(context)}


def states(context):
    return {part: each.state for part, each in parts(context).items()}


def learn(context, *clusters):
    context.__dict__['clusters'] = clusters


def feed(context, *copies):
    lesson = hook_update.Lesson()
    lesson.add(Plan(copies, ()))
    hook_update.feed(context, lesson)


def test_parts(context, hook):
    assert states(context) == {
        'script': 'current', 'monitors': 'missing', 'libvirt': 'not running'}
    feed(context)
    assert states(context)['monitors'] == 'current'
    learn(context, dataclasses.replace(
        CLUSTER, monmap=MonMap(CLUSTER.monmap.monitors[:2])))
    assert states(context)['monitors'] == 'outdated'
    pathlib.Path(hook.knowledge).write_text(json.dumps({'version': 3}))
    assert states(context)['monitors'] == 'unreadable'
    older = pathlib.Path(hook.folder).with_suffix('')
    older.touch(0o755)
    assert states(context)['other hook'] == 'runs first'
    pathlib.Path(hook.script).unlink()
    assert states(context) == {'script': 'missing'}


def test_which_parts_are_fine(context, hook):
    feed(context)
    assert {name: each.fine for name, each in parts(context).items()} == {
        'script': True, 'monitors': True, 'libvirt': True}
    learn(context, dataclasses.replace(
        CLUSTER, monmap=MonMap(CLUSTER.monmap.monitors[:2])))
    assert not parts(context)['monitors'].fine
    pathlib.Path(hook.script).unlink()
    assert not parts(context)['script'].fine


def test_a_hook_that_knows_no_disks_says_so(context):
    learn(context, dataclasses.replace(CLUSTER, backends=()))
    hook_update.install_hook(context)
    part = parts(context)['monitors']
    assert part.state == 'outdated'
    assert ("no disks of a and corrects none of them: run 'refresh'"
            in part.note)
    feed(context, COPY)
    assert states(context)['monitors'] == 'current'


def test_monitors_that_cannot_be_compared(tmp_path, context, hook):
    feed(context)
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
    assert states(context)['virtqemud'] == state


def test_only_root_sees_what_daemons_see(context, hook, monkeypatch):
    def readers(script):
        raise PermissionError
    monkeypatch.setattr(daemon, 'readers', readers)
    assert states(context)['libvirt'] == 'unknown'
