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

"""Files in directories that other users may write to."""

from __future__ import annotations

import errno
import os
import stat

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import folder

NAME = 'unrescue.xml'


@pytest.fixture
def path(tmp_path):
    made = tmp_path / 'server' / NAME
    made.parent.mkdir()
    made.write_bytes(b'old')
    return made


def read(path):
    with folder.opened(str(path.parents[1]), path.parent.name) as place:
        return place.read(path.name, 4 << 20)


def replace(path, old=b'old', new=b'new'):
    with folder.opened(str(path.parents[1]), path.parent.name) as place:
        place.replace(path.name, old, new)


def names(path):
    return [each.name for each in path.parent.iterdir()]


def failing(number):
    def fail(*arguments, **options):
        raise OSError(number, os.strerror(number))
    return fail


def test_a_file_is_replaced_and_nothing_is_left_behind(path):
    path.chmod(0o640)
    replace(path)
    assert read(path) == b'new'
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert names(path) == [NAME]


def test_a_large_file_is_read_as_a_whole(path):
    content = b'x' * ((1 << 20) + 7)
    path.write_bytes(content)
    assert read(path) == content


def test_a_file_that_has_changed(path):
    with pytest.raises(exceptions.Conflict, match='changed'):
        replace(path, old=b'older')
    assert path.read_bytes() == b'old'
    assert names(path) == [NAME]


def test_a_file_that_changes_just_before_it_is_replaced(path, monkeypatch):
    sync = os.fsync
    monkeypatch.setattr(
        os, 'fsync', lambda fd: (sync(fd), path.write_bytes(b'theirs')))
    with pytest.raises(exceptions.Conflict):
        replace(path)
    assert path.read_bytes() == b'theirs'
    assert names(path) == [NAME]


def test_the_draft_of_a_killed_run_is_no_obstacle(path):
    (path.parent / f'.{NAME}.rbd-mon-fix').write_bytes(b'draft')
    replace(path)
    assert read(path) == b'new'
    assert names(path) == [NAME]


def test_names_that_do_not_exist(path):
    path.unlink()
    with pytest.raises(exceptions.Gone, match=f'{NAME} does not exist'):
        read(path)
    path.parent.rmdir()
    with pytest.raises(exceptions.Gone, match='server does not exist'):
        read(path)
    path.parent.write_bytes(b'')
    with pytest.raises(exceptions.Gone, match='server is not a directory'):
        read(path)


def test_a_parent_that_does_not_exist(path):
    with pytest.raises(exceptions.Unreachable, match='/none/such') as caught:
        with folder.opened('/none/such', 'server'):
            pass
    assert 'root' in caught.value.hint


def test_symbolic_links_are_not_followed(path):
    target = path.with_name('target')
    path.rename(target)
    path.symlink_to(target)
    with pytest.raises(folder.Inaccessible,
                       match=f'{NAME} is a symbolic link'):
        read(path)
    moved = path.parents[1] / 'moved'
    path.parent.rename(moved)
    path.parent.symlink_to(moved)
    with pytest.raises(folder.Inaccessible,
                       match='server is a symbolic link'):
        read(path)


def test_the_parent_may_be_a_symbolic_link(path, tmp_path):
    link = tmp_path / 'link'
    link.symlink_to(tmp_path)
    assert read(link / 'server' / NAME) == b'old'


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir])
def test_only_regular_files_are_read(path, make):
    path.unlink()
    make(path)
    with pytest.raises(folder.Inaccessible, match='not a regular file'):
        read(path)


@pytest.mark.parametrize('function', [
    'fchown', 'fchmod', 'listxattr', 'fsync', 'replace'])
def test_a_file_that_cannot_be_replaced_stays(path, monkeypatch, function):
    monkeypatch.setattr(os, function, failing(errno.EPERM))
    with pytest.raises(folder.Inaccessible, match='not permitted'):
        replace(path)
    monkeypatch.undo()
    assert path.read_bytes() == b'old'
    assert names(path) == [NAME]


def test_a_file_that_cannot_be_read(path, monkeypatch):
    monkeypatch.setattr(os, 'read', failing(errno.EIO))
    with pytest.raises(folder.Inaccessible, match='Input/output'):
        read(path)


def test_a_file_that_cannot_be_opened(path, monkeypatch):
    with folder.opened(str(path.parents[1]), 'server') as place:
        monkeypatch.setattr(os, 'open', failing(errno.EACCES))
        with pytest.raises(folder.Inaccessible, match='denied'):
            place.read(NAME, 4 << 20)
        monkeypatch.setattr(os, 'stat', failing(errno.EACCES))
        with pytest.raises(folder.Inaccessible, match='denied'):
            place.read(NAME, 4 << 20)
        monkeypatch.undo()


def test_a_file_system_without_attributes(path, monkeypatch):
    monkeypatch.setattr(os, 'listxattr', failing(errno.ENOTSUP))
    replace(path)
    assert read(path) == b'new'


def test_attributes_are_kept(path):
    try:
        os.setxattr(path, 'user.note', b'mine')
    except OSError as error:
        pytest.skip(f'the file system has no attributes: {error}')
    replace(path)
    assert os.getxattr(path, 'user.note') == b'mine'


def test_a_disk_that_does_not_confirm(path, monkeypatch):
    sync = os.fsync

    def fsync(fd):
        if stat.S_ISDIR(os.fstat(fd).st_mode):
            failing(errno.EIO)()
        sync(fd)

    monkeypatch.setattr(os, 'fsync', fsync)
    with pytest.raises(folder.Unsure, match='Input/output'):
        replace(path)
    assert path.read_bytes() == b'new'
