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

"""Edits of files that others own and read."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import subprocess
import sys

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.state import foreign_file

BOUND = 30
OLD, NEW = b'[global]\na = 1\n', b'[global]\na = 1\n[client.x]\nb = 2\n'
ROOT = pytest.mark.skipif(os.geteuid() != 0, reason='needs root')


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'etc' / 'ceph.conf'
    path.parent.mkdir()
    path.write_bytes(OLD)
    return path


def inode(path):
    return os.stat(path).st_ino


@pytest.mark.parametrize('in_place', [False, True])
@pytest.mark.parametrize('before, after', [
    (OLD, NEW), (NEW, OLD), (OLD, b''), (b'', NEW), (b'\xff\r\n', b'\x00')])
def test_swap(path, before, after, in_place):
    path.write_bytes(before)
    number = inode(path)
    foreign_file.swap(str(path), before, after, in_place)
    assert foreign_file.read(str(path)) == path.read_bytes() == after
    assert (inode(path) == number) is in_place
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize('mode', [0o600, 0o640, 0o644, 0o664])
def test_mode_and_attributes_stay(path, mode):
    path.chmod(mode)
    os.setxattr(path, 'user.label', b'ceph')
    umask = os.umask(0o077)
    try:
        foreign_file.swap(str(path), OLD, NEW)
    finally:
        os.umask(umask)
    assert path.read_bytes() == NEW
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert os.getxattr(path, 'user.label') == b'ceph'


@ROOT
def test_the_owner_stays(path):
    os.chown(path, 64045, 64046)
    path.chmod(0o640)
    foreign_file.swap(str(path), OLD, NEW)
    found = path.stat()
    assert (found.st_uid, found.st_gid) == (64045, 64046)
    assert stat.S_IMODE(found.st_mode) == 0o640


@pytest.mark.parametrize('target', ['real.conf', '{0}/real.conf'])
def test_a_link_stays_one(path, target):
    """A charm links /etc/ceph/ceph.conf to a file of its own."""
    real = path.with_name('real.conf')
    path.rename(real)
    path.symlink_to(target.format(path.parent))
    foreign_file.swap(str(path), OLD, NEW)
    assert path.is_symlink() and not real.is_symlink()
    assert real.read_bytes() == NEW


def test_a_second_name_shows_the_same_file(path):
    second = path.with_name('second')
    os.link(path, second)
    foreign_file.swap(str(path), OLD, NEW)
    assert second.read_bytes() == NEW and inode(second) == inode(path)


@pytest.mark.parametrize('in_place', [False, True])
def test_a_file_that_has_changed(path, in_place):
    with pytest.raises(exceptions.Conflict, match='ceph.conf has changed'):
        foreign_file.swap(str(path), NEW, b'', in_place)
    assert path.read_bytes() == OLD


@pytest.mark.parametrize('call', ['fsync', 'fchown', 'fchmod', 'replace'])
@pytest.mark.parametrize('error', [
    OSError(errno.ENOSPC, 'no room'), KeyboardInterrupt()])
def test_a_failure_leaves_the_file_alone(path, monkeypatch, call, error):
    def fail(*args, **kwargs):
        raise error

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        foreign_file.swap(str(path), OLD, NEW)
    assert path.read_bytes() == OLD
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_to_overwrite_restores_the_file(path, monkeypatch):
    sync, failures = os.fsync, [OSError(errno.EIO, 'broken')]

    def fail(fd):
        if failures:
            raise failures.pop()
        sync(fd)

    monkeypatch.setattr(os, 'fsync', fail)
    with pytest.raises(OSError, match=str(path)):
        foreign_file.swap(str(path), OLD, NEW, in_place=True)
    assert path.read_bytes() == OLD


@pytest.mark.parametrize('action', [
    lambda path: foreign_file.read(path),
    lambda path: foreign_file.swap(path, OLD, NEW)])
def test_what_is_not_a_file(path, action):
    with pytest.raises(exceptions.ConfigError, match='not a regular file'):
        action(str(path.parent))
    os.mkfifo(path.with_name('pipe'))
    with pytest.raises(exceptions.ConfigError, match='not a regular file'):
        action(str(path.with_name('pipe')))
    with pytest.raises(FileNotFoundError, match='none'):
        action(str(path.with_name('none')))


def mounted(path, code):
    """Run code where another file is mounted over a path."""
    source = path.with_name('source file')
    source.write_bytes(OLD)
    command = ['unshare', '--mount', 'sh', '-c',
               'mount --bind "$1" "$2" || exit 77; shift; '
               'exec "$2" -c "$3" "$1"', 'sh', source, path, sys.executable,
               code]
    done = subprocess.run(command, timeout=BOUND, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if done.returncode in (1, 77) and 'Traceback' not in done.stderr:
        pytest.skip(f'cannot mount here: {done.stderr}')
    assert done.returncode == 0, done.stderr
    return source, done.stdout


CODE = f'''
import sys
from rbd_mon_fix.state import foreign_file
print(foreign_file.is_mounted(sys.argv[1]))
foreign_file.swap(sys.argv[1], {OLD!r}, {NEW!r})
'''


@ROOT
@pytest.mark.skipif(shutil.which('unshare') is None, reason='needs unshare')
@pytest.mark.parametrize('name', ['ceph.conf', 'a b\\.conf'])
def test_a_file_that_is_mounted_by_itself(path, name):
    """The rename fails with EBUSY; the file behind the mount is written."""
    path = path.rename(path.with_name(name))
    source, told = mounted(path, CODE)
    assert told == 'True\n'
    assert source.read_bytes() == NEW and path.read_bytes() == OLD
    assert sorted(path.parent.iterdir()) == sorted([path, source])


def test_a_plain_file_is_no_mount_point(path):
    assert not foreign_file.is_mounted(str(path))
    assert foreign_file.is_mounted('/proc')


@ROOT
@pytest.mark.skipif(shutil.which('unshare') is None, reason='needs unshare')
@pytest.mark.parametrize('has_own', [False, True])
@pytest.mark.parametrize('action', [
    foreign_file.read, lambda path: foreign_file.swap(path, OLD, NEW)])
def test_a_file_of_another_mount_namespace(path, namespaces, action, has_own):
    """Our own file of that name is another one."""
    if not has_own:
        path.unlink()
    process = namespaces(
        f'mount -t tmpfs none {path.parent}; printf "{OLD.decode()}" > {path}')
    inside = f'/proc/{process}/root{path}'
    with open(inside, 'rb') as file:
        assert file.read() == OLD
    with pytest.raises(exceptions.ConfigError, match='another mount namesp'):
        action(inside)
    assert not has_own or path.read_bytes() == OLD
