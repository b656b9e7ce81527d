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

"""Folders that other users cannot alter, with real links, owners, modes."""

from __future__ import annotations

import errno
import os
import pathlib
import stat

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.state import histories
from rbd_mon_fix.state import known_clusters
from rbd_mon_fix.state import locks
from rbd_mon_fix.state import private_folder

NOBODY = 65534
as_root = pytest.mark.skipif(
    os.geteuid() != 0, reason='only root can give files away')


@pytest.fixture
def place(tmp_path):
    """Return a folder below two others, and below the sticky /tmp."""
    made = tmp_path / 'a' / 'b'
    made.mkdir(parents=True, mode=0o755)
    return made


@pytest.fixture
def umask():
    """Return a function that sets the umask for a test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def mode(path: pathlib.Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def opened(path, **fields):
    with private_folder.opened(str(path), **fields) as folder:
        return folder.names()


def refused(path, *words, **fields):
    with pytest.raises(exceptions.ConfigError) as caught:
        opened(path, **fields)
    for word in (*words, '--journal-dir'):
        assert word in str(caught.value)


def test_a_folder_of_ours(place):
    (place / 'file').write_text('x')
    assert opened(place) == ['file']
    for good in (0o700, 0o755, 0o500, 0o2755, 0o1755):
        place.chmod(good)
        assert opened(place) == ['file']


@pytest.mark.parametrize('bad', [0o777, 0o775, 0o720, 0o702, 0o1777, 0o2775])
def test_a_folder_that_others_can_write_to(place, bad):
    place.chmod(bad)
    refused(place, str(place), f'{bad:04o}', f"'chmod go-w {place}'")


@pytest.mark.parametrize('bad', [0o777, 0o720])
def test_a_folder_above_that_others_can_write_to(place, bad):
    place.parent.chmod(bad)
    refused(place, f"'chmod go-w {place.parent}'")
    place.parent.chmod(bad | stat.S_ISVTX)
    assert opened(place) == []


@as_root
def test_a_folder_of_another_user(place):
    os.chown(place, NOBODY, NOBODY)
    refused(place, f'{place} belongs to user {NOBODY}',
            f"'chown -h root {place}'")
    # Sticky or not, its owner may rename what is in it.
    place.chmod(0o1777)
    refused(place / 'new', f'{place} belongs', create=0o700)
    os.chown(place, 0, 0)
    os.chown(place.parent, NOBODY, NOBODY)
    refused(place, f'{place.parent} belongs')
    assert not (place / 'new').exists()


@as_root
@pytest.mark.parametrize('target', ['', '/'])
def test_a_link_of_another_user_in_a_sticky_folder(place, target):
    place.parent.chmod(0o1777)
    link = place.parent / 'link'
    link.symlink_to(target and place or 'b')
    assert opened(link) == opened(link / '.') == []
    os.chown(link, NOBODY, NOBODY, follow_symlinks=False)
    refused(link, f'{link} belongs', 'chown -h')
    refused(link / 'c', f'{link} belongs', create=0o700)


def test_links_of_ours_are_followed_and_checked(place):
    """The journal may be on another disk."""
    (place / 'link').symlink_to('../../a/./b/')
    (place / 'absolute').symlink_to(place / 'link')
    assert opened(place / 'absolute') == ['absolute', 'link']
    assert opened(place / 'link' / 'new', create=0o700) == []
    assert (place / 'new').is_dir()
    place.parent.chmod(0o777)
    refused(place / 'absolute', f'{place.parent} can')


def test_a_circle_of_links(place):
    (place / 'one').symlink_to('two')
    (place / 'two').symlink_to('one')
    with pytest.raises(OSError) as caught:
        opened(place / 'one', create=0o700)
    assert caught.value.errno == errno.ELOOP
    assert caught.value.filename == str(place / 'one')


@pytest.mark.parametrize('make, error', [
    (lambda path: None, FileNotFoundError),
    (lambda path: path.symlink_to('nowhere'), FileNotFoundError),
    (lambda path: path.write_text(''), NotADirectoryError)])
def test_what_is_no_folder(place, make, error):
    make(place / 'x')
    for path in (place / 'x', place / 'x' / 'y'):
        with pytest.raises(error, match=str(path)):
            opened(path)
        private_folder.check(str(path))


def test_what_is_missing_is_checked_above(place):
    place.chmod(0o777)
    with pytest.raises(exceptions.ConfigError, match='go-w'):
        private_folder.check(str(place / 'x' / 'y'))


@pytest.mark.parametrize('bits', [0o000, 0o022, 0o077, 0o777])
def test_what_is_new_has_its_mode(place, umask, bits):
    umask(bits)
    opened(place / 'x' / 'y', create=0o700)
    with private_folder.opened(str(place / 'x')) as folder:
        fd = folder.create('file', os.O_WRONLY)
        os.write(fd, b'text')
        os.close(fd)
        assert folder.read('file') == b'text'
    assert mode(place / 'x') == mode(place / 'x' / 'y') == 0o700
    assert mode(place / 'x' / 'file') == 0o600


def test_a_file_that_cannot_be_created_leaves_nothing(place, monkeypatch):
    def fail(*args):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, 'fchmod', fail)
    before = os.listdir('/proc/self/fd')
    with private_folder.opened(str(place)) as folder:
        with pytest.raises(OSError):
            folder.create('file', os.O_WRONLY)
    assert list(place.iterdir()) == []
    assert os.listdir('/proc/self/fd') == before


@pytest.mark.parametrize('make, word', [
    (lambda path: path.symlink_to('other'), 'symbolic link'),
    (lambda path: path.symlink_to('nowhere'), 'symbolic link'),
    (os.mkfifo, 'not a regular file'),
    (lambda path: (path.write_text(''), path.chmod(0o620)), 'mode 0620'),
    pytest.param(lambda path: (path.write_text(''), os.chown(
        path, NOBODY, NOBODY)), 'belongs to user', marks=as_root)])
@pytest.mark.parametrize('flags', [os.O_RDONLY, os.O_RDWR])
def test_a_file_that_others_could_have_put_there(place, make, word, flags):
    (place / 'other').write_text('precious')
    make(place / 'file')
    before = os.listdir('/proc/self/fd')
    with private_folder.opened(str(place)) as folder:
        with pytest.raises(exceptions.ConfigError, match=word):
            folder.open('file', flags)
        with pytest.raises(FileExistsError):
            folder.create('file', os.O_RDWR)
    assert os.listdir('/proc/self/fd') == before
    assert (place / 'other').read_text() == 'precious'


def test_an_error_names_the_file(place):
    with private_folder.opened(str(place)) as folder:
        with pytest.raises(FileNotFoundError, match=f'{place}/none'):
            folder.read('none')


@pytest.mark.parametrize('number', [errno.EINVAL, errno.ENOTSUP, errno.EIO,
                                    errno.ENOSPC, errno.EROFS])
def test_a_folder_that_cannot_be_synced(place, monkeypatch, number):
    """Only where this is not supported, it is not needed."""
    def fail(fd):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, 'fsync', fail)
    with private_folder.opened(str(place)) as folder:
        if number in (errno.EINVAL, errno.ENOTSUP):
            folder.sync()
        else:
            with pytest.raises(OSError, match=str(place)):
                folder.sync()


USES = {
    'lock': lambda folder: locks.held(folder, ['cmp1']).__enter__(),
    'known clusters': known_clusters.load,
    'new clusters': lambda folder: known_clusters.save(folder, {}),
    'history': lambda folder: histories.load(folder, 'f'),
    'new history': lambda folder: histories.save(
        folder, 'f', histories.MonHistory())}
PATHS = {'lock': 'locks/cmp1.lock', 'known clusters': 'clusters.json',
         'history': 'histories/f.json'}


@pytest.mark.parametrize('use', USES)
def test_the_folder_is_checked_for_each_use(place, use):
    (place / 'histories').mkdir()
    place.chmod(0o777)
    with pytest.raises(exceptions.ConfigError, match='go-w.*--journal-dir'):
        USES[use](str(place))
    assert sorted(place.iterdir()) == [place / 'histories']


@pytest.mark.parametrize('use', PATHS)
def test_a_link_is_followed_nowhere(place, use):
    victim = place.parent / 'victim'
    victim.write_text('precious')
    path = place / PATHS[use]
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(victim)
    with pytest.raises(exceptions.ConfigError, match='symbolic link'):
        USES[use](str(place))
    assert victim.read_text() == 'precious'
    # A file that is replaced as a whole may have been anything.
    known_clusters.save(str(place), {})
    assert known_clusters.load(str(place)) == {}
    assert victim.read_text() == 'precious'


@pytest.mark.parametrize('bits', [0o000, 0o777])
def test_the_modes_of_all_files(place, umask, bits):
    umask(bits)
    folder = place / 'journal'
    with locks.held(str(folder), ['cmp1']):
        known_clusters.save(str(folder), {})
        histories.save(str(folder), 'f', histories.MonHistory())
    for path in (folder, *folder.rglob('*')):
        assert mode(path) == (0o700 if path.is_dir() else 0o600), path
