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

"""Files with saved plans."""

from __future__ import annotations

import json
import os
import pathlib
import stat

import jsonschema
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.saved_plan import PlannedChange
from rbd_mon_fix.model.saved_plan import PlannedCluster
from rbd_mon_fix.model.saved_plan import PlannedEdit
from rbd_mon_fix.model.saved_plan import PlannedScope
from rbd_mon_fix.model.saved_plan import SavedPlan
from rbd_mon_fix.state import plan_file
from rbd_mon_fix.stores import registry
from tests.unit import memory

OLD = memory.addrs('[fd00::1]:6789,mon-a,0.0.0.0:0,[fd00::2]')
EDITS = (PlannedEdit('vda', 'volumes/volume-a', 'ceph', OLD,
                     memory.addrs(memory.NEW)),
         PlannedEdit(None, 'volumes/site/volume-b', 'ceph', (), OLD))
PLAN = SavedPlan(
    '3f9c-11aa', '2026-11-26T02:00:00+00:00', '2.0',
    PlannedScope(('cmp1', 'cmp2'), ('domain',), (memory.uuid(1),), True),
    (PlannedCluster('ceph', None, memory.addrs(memory.NEW)),),
    (PlannedChange(memory.locator('domain', 1), 'a' * 64, 'b' * 64, EDITS),))
EMPTY = SavedPlan('e3b0-c442', 'now', '2.0', PlannedScope(
    ('cmp1',), (), (), False), (), ())
SCHEMA = pathlib.Path(plan_file.__file__).with_name('plan_file.schema.json')


@pytest.fixture
def path(tmp_path):
    return tmp_path / 'plan.json'


@pytest.mark.parametrize('plan', [PLAN, EMPTY])
def test_what_is_written_is_read(path, plan):
    plan_file.write(str(path), plan)
    assert plan_file.read(str(path)) == plan
    jsonschema.validate(json.loads(path.read_text()),
                        json.loads(SCHEMA.read_text()))


def test_the_schema():
    schema = json.loads(SCHEMA.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema['properties']['version']['const'] == plan_file.VERSION
    assert set(schema['$defs']['store']['enum']) == {
        name for name, spec in registry.SPECS.items() if spec.writable}


@pytest.mark.parametrize('umask', [0, 0o777])
def test_only_the_owner_may_read_it(path, umask):
    path.write_text('an older plan')
    path.chmod(0o644)
    before = os.umask(umask)
    try:
        plan_file.write(str(path), PLAN)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('mode', [0o700, 0o777, 0o1777])
def test_any_folder_will_do(path, mode):
    """Even /tmp: a plan that somebody else altered is not carried out."""
    path.parent.chmod(mode)
    plan_file.check_target(str(path))
    plan_file.write(str(path), PLAN)
    assert plan_file.read(str(path)) == PLAN


def test_a_name_in_this_folder(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    plan_file.write('plan.json', PLAN)
    assert plan_file.read('plan.json') == plan_file.read(str(path)) == PLAN


def link(path):
    path.with_name('target').write_text('kept')
    path.symlink_to('target')


@pytest.mark.parametrize('make', [
    link, lambda path: path.symlink_to('nowhere'), pathlib.Path.mkdir,
    os.mkfifo])
@pytest.mark.parametrize('act', [
    plan_file.check_target, lambda path: plan_file.write(path, PLAN)])
def test_only_a_regular_file_is_replaced(path, make, act):
    """Otherwise, root would replace /dev/stdout, for example."""
    make(path)
    before = sorted(os.listdir(path.parent))
    with pytest.raises(exceptions.ConfigError, match='not a regular file'):
        act(str(path))
    assert sorted(os.listdir(path.parent)) == before
    target = path.with_name('target')
    assert not target.exists() or target.read_text() == 'kept'


@pytest.mark.parametrize('name, words', [
    ('none/plan.json', 'No such file or directory'),
    ('file/plan.json', 'Not a directory')])
def test_a_folder_that_cannot_be_used(tmp_path, name, words):
    (tmp_path / 'file').touch()
    for act in (plan_file.check_target,
                lambda path: plan_file.write(path, PLAN)):
        with pytest.raises(exceptions.ConfigError, match=words):
            act(str(tmp_path / name))


def test_a_full_disk(path, monkeypatch):
    path.write_text('an older plan')

    def full(fd):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(exceptions.RbdMonFixError) as caught:
        plan_file.write(str(path), PLAN)
    assert caught.value.message == (
        f'Cannot save the plan to {path}: No space left on device.')
    assert type(caught.value) is exceptions.RbdMonFixError
    assert path.read_text() == 'an older plan'
    assert list(path.parent.iterdir()) == [path]


def altered(**fields):
    return lambda document: document.update(fields)


def in_change(**fields):
    return lambda document: document['changes'][0].update(fields)


def in_edit(**fields):
    return lambda document: document['changes'][0]['edits'][0].update(fields)


@pytest.mark.parametrize('alter, words', [
    (altered(version=2), 'a version of rbd-mon-fix with another format'),
    (lambda document: document.pop('version'), 'not a plan of rbd-mon-fix'),
    (lambda document: document.pop('request'), 'request is missing'),
    (altered(digest='SECRET'), 'digest has another form'),
    (altered(changes={}), 'changes must be a list'),
    (altered(request={'hosts': [], 'stores': [], 'instances': [],
                      'unmanaged': False}), 'request.hosts is empty'),
    (in_change(before='SECRET'), r'changes\[0\].before has another form'),
    (in_change(store='live-domain'), r'changes\[0\].store must be '),
    (in_change(edits=[]), r'changes\[0\].edits is empty'),
    (in_edit(image=None), r'edits\[0\].image must be a string'),
    (in_edit(new=['10.0.0.1:port']), 'not a valid')])
def test_a_file_that_was_edited(path, alter, words):
    plan_file.write(str(path), PLAN)
    document = json.loads(path.read_text())
    alter(document)
    path.write_text(json.dumps(document))
    with pytest.raises(exceptions.ConfigError, match=words) as caught:
        plan_file.read(str(path))
    assert caught.value.message.startswith(f'Invalid plan {path}: ')
    assert caught.value.hint == plan_file.HINT
    assert 'SECRET' not in caught.value.message


@pytest.mark.parametrize('content, words', [
    (b'', 'is damaged: it is not valid JSON'),
    (b'{"version": 1', 'is damaged: it is not valid JSON'),
    (b'\xff', 'is damaged: it is not valid JSON'),
    (b'[' * 100_000, 'is damaged: it is not valid JSON'),
    (b'[]', 'not a plan of rbd-mon-fix'), (b'1', 'not a plan')])
def test_a_file_that_is_no_plan(path, content, words):
    path.write_bytes(content)
    with pytest.raises(exceptions.ConfigError, match=words):
        plan_file.read(str(path))


@pytest.mark.parametrize('make, words', [
    (lambda path: None, 'No such file or directory'),
    (pathlib.Path.mkdir, 'Is a directory|not a regular file'),
    (os.mkfifo, 'not a regular file')])
def test_what_cannot_be_read(path, make, words):
    make(path)
    with pytest.raises(exceptions.ConfigError, match=words):
        plan_file.read(str(path))


def test_a_file_that_is_too_large(path, monkeypatch):
    plan_file.write(str(path), PLAN)
    monkeypatch.setattr(plan_file, '_MAX_BYTES', 10)
    with pytest.raises(exceptions.ConfigError, match='larger than 0 GiB'):
        plan_file.read(str(path))
