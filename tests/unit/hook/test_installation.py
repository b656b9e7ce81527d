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

import errno
import os
import pathlib
import stat

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.hook import installation
from rbd_mon_fix.hook import script
from rbd_mon_fix.hook.installation import ScriptState
from tests.unit.hook import hosts


@pytest.fixture
def hook(tmp_path):
    (tmp_path / 'libvirt').mkdir()
    return installation.Installation(str(tmp_path / 'libvirt/hooks/qemu.d'))


def mode(path: str) -> int:
    return stat.S_IMODE(os.stat(path).st_mode)


def names(hook) -> list[str]:
    return sorted(os.listdir(hook.folder))


def test_install_twice_and_remove(hook):
    assert hook.state is ScriptState.MISSING
    umask = os.umask(0o077)
    try:
        hook.install()
        hook.teach(lambda before: (hosts.A,), 'then')
    finally:
        os.umask(umask)
    before = os.stat(hook.script)
    hook.install()
    assert os.stat(hook.script).st_ctime_ns == before.st_ctime_ns
    assert (hook.state, hook.installed) == (ScriptState.CURRENT, True)
    assert names(hook) == [installation.NAME]
    assert mode(hook.script) == 0o755
    assert mode(hook.knowledge) == 0o644
    source = pathlib.Path(script.__file__).read_bytes()
    assert pathlib.Path(hook.script).read_bytes() == source
    hook.remove()
    assert hook.state is ScriptState.MISSING
    assert not os.path.exists(hook.knowledge)
    hook.remove()


@pytest.mark.parametrize('age', [
    lambda path: path.write_bytes(path.read_bytes() + b'# older\n'),
    lambda path: path.chmod(0o644)])
def test_an_older_one_is_replaced(hook, age):
    hook.install()
    age(pathlib.Path(hook.script))
    assert (hook.state, hook.installed) == (ScriptState.OUTDATED, True)
    hook.install()
    assert hook.state is ScriptState.CURRENT


@pytest.mark.parametrize('put', [
    lambda path: path.write_text('#!/bin/sh\n'),
    lambda path: path.symlink_to(script.__file__),
    lambda path: path.mkdir()])
def test_what_is_not_ours_stays(hook, put):
    os.makedirs(hook.folder)
    path = pathlib.Path(hook.script)
    put(path)
    before = os.lstat(path)
    assert (hook.state, hook.installed) == (ScriptState.FOREIGN, False)
    for act in (hook.install, hook.remove):
        with pytest.raises(exceptions.Refused):
            act()
    assert os.lstat(path) == before


def test_a_host_without_libvirt(tmp_path):
    hook = installation.Installation(str(tmp_path / 'etc/hooks/qemu.d'))
    with pytest.raises(exceptions.ConfigError, match='does not exist'):
        hook.install()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(hook):
    pathlib.Path(hook.folder).parent.write_text('no folder')
    with pytest.raises(exceptions.ConfigError):
        hook.install()
    assert hook.state is ScriptState.MISSING


def test_lessons_build_on_each_other(hook):
    hook.install()
    with pytest.raises(exceptions.Gone):
        hook.known()
    hook.teach(lambda before: (*before, hosts.A), 'then')
    hook.teach(lambda before: (*before, hosts.B), 'later')
    assert hook.known() == ((hosts.A, hosts.B), 'later')


@pytest.mark.parametrize('content', [b'{', hosts.VERSION_1])
def test_knowledge_of_no_use_is_replaced(hook, content):
    hook.install()
    pathlib.Path(hook.knowledge).write_bytes(content)
    with pytest.raises(exceptions.Unreadable):
        hook.known()
    hook.teach(lambda before: (*before, hosts.A), 'then')
    assert hook.known() == ((hosts.A,), 'then')


def test_a_lesson_that_fails_changes_nothing(hook):
    hook.install()
    hook.teach(lambda before: (hosts.A,), 'then')
    with pytest.raises(ZeroDivisionError):
        hook.teach(lambda before: 1 / 0, 'later')
    assert hook.known() == ((hosts.A,), 'then')
    assert sorted(os.listdir(os.path.dirname(hook.folder))) == [
        'qemu.d', installation.KNOWLEDGE]


@pytest.mark.parametrize('number', [
    errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EIO, errno.EMFILE])
def test_an_error_of_the_system_is_told(tmp_path, monkeypatch, number):
    def failing(*args):
        raise OSError(number, os.strerror(number))

    hook = installation.Installation(str(tmp_path / 'hooks' / 'qemu.d'))
    monkeypatch.setattr(installation.atomic_file, 'replace', failing)
    with pytest.raises(exceptions.ConfigError, match=os.strerror(number)):
        hook.install()
    assert not hook.installed


def test_new_folders_and_files_are_for_libvirt_too(tmp_path):
    """Whatever the umask: libvirt reads the folder, the hook its data."""
    (tmp_path / 'libvirt').mkdir()
    hook = installation.Installation(str(tmp_path / 'libvirt/hooks/qemu.d'))
    umask = os.umask(0o777)
    try:
        hook.install()
        hook.teach(lambda before: (hosts.A,), 'then')
    finally:
        os.umask(umask)
    assert [mode(path) for path in (
        os.path.dirname(hook.folder), hook.folder, hook.script,
        hook.knowledge)] == [0o755, 0o755, 0o755, 0o644]


@pytest.mark.parametrize('folder', ['libvirt', 'libvirt/hooks',
                                    'libvirt/hooks/qemu.d'])
def test_a_folder_that_others_can_write_to(hook, tmp_path, folder):
    hook.install()
    hook.teach(lambda before: (hosts.A,), 'then')
    (tmp_path / folder).chmod(0o777)
    acts = [lambda: hook.state, hook.install, hook.remove, lambda: hook.teach(
        lambda before: (hosts.B,), 'later')]
    if not folder.endswith('.d'):
        acts.append(hook.known)
    for act in acts:
        with pytest.raises(exceptions.ConfigError,
                           match=f"'chmod go-w {tmp_path / folder}'.*--hook"):
            act()
    (tmp_path / folder).chmod(0o755)
    assert hook.known() == ((hosts.A,), 'then')
    assert hook.state is ScriptState.CURRENT


def test_knowledge_that_is_a_link(hook, tmp_path):
    """It is not read; a lesson refuses it too, and follows it nowhere."""
    hook.install()
    victim = tmp_path / 'victim'
    victim.write_bytes(hosts.VERSION_1)
    os.symlink(victim, hook.knowledge)
    for act in (hook.known, lambda: hook.teach(
            lambda before: (hosts.A,), 'then')):
        with pytest.raises(exceptions.ConfigError, match='symbolic link'):
            act()
    assert victim.read_bytes() == hosts.VERSION_1
    hook.remove()
    assert victim.exists() and not os.path.lexists(hook.knowledge)


def test_drafts_of_killed_runs_go(hook):
    hook.install()
    places = [hook.folder, os.path.dirname(hook.folder)]
    drafts = [pathlib.Path(place, f'.{name}.abcdefgh') for place, name in zip(
        places, (installation.NAME, installation.KNOWLEDGE))]
    for draft in drafts:
        draft.write_bytes(b'')
    hook.teach(lambda before: (hosts.A,), 'then')
    assert [draft.exists() for draft in drafts] == [True, False]
    drafts[1].write_bytes(b'')
    hook.remove()
    assert [draft.exists() for draft in drafts] == [False, False]
