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

"""Replacing files atomically."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
import subprocess
import sys

import pytest

from rbd_mon_fix.state import atomic_file
from rbd_mon_fix.state import private_folder

BOUND = 30
# A draft that is being written: it is locked.
WRITING = """
import sys
from rbd_mon_fix.state import atomic_file, private_folder
with private_folder.opened(sys.argv[1]) as folder:
    print(atomic_file._draft(folder, 'file')[0], flush=True)
    sys.stdin.read()
"""


def replace(path, content, mode):
    with private_folder.opened(str(path.parent)) as folder:
        atomic_file.replace(folder, path.name, content, mode)


@pytest.mark.parametrize('umask', [0o000, 0o077, 0o777])
@pytest.mark.parametrize('mode', [0o600, 0o644, 0o755])
def test_a_new_file_has_the_mode(tmp_path, umask, mode):
    path = tmp_path / 'file'
    before = os.umask(umask)
    try:
        replace(path, b'new', mode)
    finally:
        os.umask(before)
    assert path.read_bytes() == b'new'
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_reader_keeps_the_old_content(tmp_path):
    path = tmp_path / 'file'
    path.write_bytes(b'the old one')
    with path.open('rb') as reader:
        replace(path, b'new', 0o644)
        assert reader.read() == b'the old one'
    assert path.read_bytes() == b'new'
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize('call', ['write', 'fsync', 'fchmod', 'replace'])
@pytest.mark.parametrize('error', [OSError('no room'), KeyboardInterrupt()])
def test_a_failure_leaves_the_old_file_alone(
        tmp_path, monkeypatch, call, error):
    def fail(*args, **kwargs):
        raise error

    path = tmp_path / 'file'
    path.write_bytes(b'old')
    if call == 'write':
        monkeypatch.setattr('builtins.open', open_that_cannot_write(fail))
    else:
        monkeypatch.setattr(os, call, fail)
    with pytest.raises(type(error)):
        replace(path, b'new', 0o644)
    assert path.read_bytes() == b'old'
    assert list(tmp_path.iterdir()) == [path]


def open_that_cannot_write(fail):
    opened = open

    def refusing(number, mode):
        return Unwritable(opened(number, mode), fail)
    return refusing


class Unwritable:
    """A file on a full disk."""

    def __init__(self, file, fail):
        self._file = file
        self.write = fail

    def __enter__(self):
        return self

    def __exit__(self, *_args):
        self._file.close()


def test_a_missing_folder(tmp_path):
    with pytest.raises(FileNotFoundError):
        replace(tmp_path / 'none' / 'file', b'', 0o644)


@pytest.fixture
def writing(tmp_path):
    """Return a function that starts a process that writes a draft."""
    started = []

    def start():
        process = subprocess.Popen(
            [sys.executable, '-c', WRITING, str(tmp_path)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        return process, tmp_path / process.stdout.readline().strip()

    yield start
    for process in started:
        process.kill()
        process.communicate(timeout=BOUND)


def test_the_draft_of_a_killed_run_goes(tmp_path, writing):
    """Only once its writer is dead, and only a draft of the same file."""
    process, draft = writing()
    others = [tmp_path / name for name in (
        '.file.abc', '.file.abcdefghi', '.other.abcdefgh', 'file.abcdefgh',
        '.file.ABCDEFGH', '.file.abcdefgh.bak')]
    for other in others:
        other.write_bytes(b'')
    replace(tmp_path / 'file', b'new', 0o600)
    assert draft.exists()
    process.kill()
    process.wait(timeout=BOUND)
    # Earlier versions named their drafts like this.
    (tmp_path / '.file.a_c1efgh').write_bytes(b'')
    replace(tmp_path / 'file', b'newer', 0o600)
    assert sorted(tmp_path.iterdir()) == sorted(
        [*others, tmp_path / 'file'])


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can give files away')
def test_what_is_not_ours_is_no_draft(tmp_path):
    foreign, link = tmp_path / '.file.abcdefgh', tmp_path / '.file.bbbbbbbb'
    foreign.write_bytes(b'')
    os.chown(foreign, 65534, 65534)
    link.symlink_to(tmp_path / 'file')
    (tmp_path / '.file.cccccccc').mkdir()
    replace(tmp_path / 'file', b'new', 0o600)
    assert foreign.exists() and link.is_symlink()
    assert (tmp_path / '.file.cccccccc').is_dir()


def test_a_draft_that_is_taken_for_one_of_a_killed_run(tmp_path, monkeypatch):
    """It is removed before its writer has locked it: there is another."""
    flock, removed = fcntl.flock, []

    def late(fd, operation):
        if not removed:
            removed.append(os.readlink(f'/proc/self/fd/{fd}'))
            os.unlink(removed[0])
        flock(fd, operation)

    monkeypatch.setattr(fcntl, 'flock', late)
    replace(tmp_path / 'file', b'new', 0o600)
    assert (tmp_path / 'file').read_bytes() == b'new'
    assert list(tmp_path.iterdir()) == [tmp_path / 'file']
    assert len(removed) == 1


def test_the_new_name_is_synced(tmp_path, monkeypatch):
    """A folder that cannot be synced is told; the file is replaced."""
    synced = []

    def fsync(fd):
        synced.append(os.readlink(f'/proc/self/fd/{fd}'))
        if synced[-1] == str(tmp_path):
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, 'fsync', fsync)
    with pytest.raises(OSError, match=str(tmp_path)):
        replace(tmp_path / 'file', b'new', 0o600)
    assert len(synced) == 2
    assert (tmp_path / 'file').read_bytes() == b'new'


def test_a_shared_file_is_replaced_in_a_folder_of_others(tmp_path):
    """A link of the folder's owner is replaced, not followed."""
    tmp_path.chmod(0o777)
    victim = tmp_path / 'victim'
    victim.write_text('precious')
    path = tmp_path / 'x.prom'
    path.symlink_to(victim)
    atomic_file.replace_shared(str(path), b'new')
    assert (victim.read_text(), path.read_text()) == ('precious', 'new')
    assert not path.is_symlink()
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert sorted(os.listdir(tmp_path)) == ['victim', 'x.prom']


def test_a_shared_file_that_cannot_be_written(tmp_path):
    path = tmp_path / 'x.prom'
    path.mkdir()
    with pytest.raises(OSError) as caught:
        atomic_file.replace_shared(str(path), b'new')
    assert caught.value.filename == str(path)
    assert os.listdir(tmp_path) == ['x.prom']
