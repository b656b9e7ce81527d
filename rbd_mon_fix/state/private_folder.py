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

"""Folders in which no other user can alter or redirect our files.

Each folder on the way is checked, as sshd does for a user's keys (OpenSSH's
misc.c, ``safe_path``), and each name is looked up in the open folder above.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import stat
from typing import Iterator, Optional

from rbd_mon_fix.state import permissions

OPTION = '--journal-dir'

# The kernel's limit for one path (path_resolution(7)).
_MOST_LINKS = 40
_STEP = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a named pipe would block.
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NOT_SUPPORTED = (errno.EINVAL, errno.ENOTSUP)


@contextlib.contextmanager
def opened(path: str, option: str = OPTION, create: Optional[int] = None
           ) -> Iterator[PrivateFolder]:
    """Open a folder for the block.

    :param option: the option that names the folder, for hints
    :param create: the mode of folders to create if they are missing
    :raises ConfigError: other users could alter or redirect files in it
    :raises OSError: the folder is missing, or cannot be opened
    """
    walk = _Walk(os.path.abspath(path), option, create)
    try:
        walk.go()
        fd = os.open('.', os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC,
                     dir_fd=walk.fd)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(walk.fd)
    try:
        yield PrivateFolder(fd, path, option)
    finally:
        os.close(fd)


def check(path: str) -> None:
    """Check a folder if it can be opened, or the folders above it.

    :raises ConfigError: as ``opened`` does
    """
    with contextlib.suppress(OSError):
        with opened(path):
            pass


class PrivateFolder:
    """An open folder; ``opened`` checks it first."""

    def __init__(self, fd: int, path: str, option: str):
        self.path = path
        self._fd = fd
        self._option = option

    def names(self) -> list[str]:
        """Return the names in the folder, sorted."""
        return sorted(os.listdir(self._fd))

    def open(self, name: str, flags: int) -> int:
        """Open a file, and return its descriptor.

        :raises ConfigError: the file is a link, or others could alter it
        """
        path = os.path.join(self.path, name)
        try:
            fd = os.open(name, flags | _FILE, 0o600, dir_fd=self._fd)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise permissions.refused(
                    path, 'is a symbolic link', 'remove it',
                    self._option) from None
            raise OSError(error.errno, error.strerror, path) from None
        try:
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                raise permissions.refused(
                    path, 'is not a regular file', 'remove it', self._option)
            permissions.check(path, found, self._option)
        except BaseException:
            os.close(fd)
            raise
        return fd

    def open_foreign(self, name: str, flags: int) -> int:
        """Open a file that others may alter; return its descriptor."""
        return os.open(name, flags, dir_fd=self._fd)

    def create(self, name: str, flags: int) -> int:
        """Create a file with mode 0600; return its descriptor.

        :raises FileExistsError: the name is taken
        """
        fd = self.open(name, flags | os.O_CREAT | os.O_EXCL)
        try:
            os.fchmod(fd, 0o600)  # whatever the umask
        except BaseException:
            os.close(fd)
            self.remove(name)
            raise
        return fd

    def read(self, name: str) -> bytes:
        """Return the content of a file; raise as ``open`` does."""
        with os.fdopen(self.open(name, os.O_RDONLY), 'rb') as file:
            return file.read()

    def rename(self, name: str, new: str) -> None:
        """Rename a file; replace the one that has the new name."""
        os.replace(name, new, src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=self._fd)

    def lock(self) -> None:
        """Keep other runs from locking the folder until it is closed."""
        fcntl.flock(self._fd, fcntl.LOCK_EX)

    def sync(self) -> None:
        """Sync the names: syncing a file does not sync its name."""
        try:
            os.fsync(self._fd)
        except OSError as error:
            # Some filesystems do not support this, and do not need it.
            if error.errno not in _NOT_SUPPORTED:
                raise OSError(error.errno, error.strerror,
                              self.path) from None


class _Walk:
    """The way to a folder, one step after another from the root.

    :param fd: the folder that was reached
    """

    def __init__(self, path: str, option: str, create: Optional[int]):
        self.fd = os.open('/', _STEP)
        self._option = option
        self._create = create
        self._way: list[str] = []
        self._links = 0
        self._todo = self._parts(path)

    def go(self) -> None:
        """Walk to the end; check each folder on the way."""
        self._check(self.fd)
        while self._todo:
            name = self._todo.pop()
            try:
                target = self._link(name)
            except FileNotFoundError:
                self._make(name)
                target = None
            if target is None:
                self._enter(name)
            else:
                self._follow(target)

    @staticmethod
    def _parts(path: str) -> list[str]:
        return [name for name in reversed(path.split('/'))
                if name not in ('', '.')]

    def _link(self, name: str) -> Optional[str]:
        """Return where a link leads, or None if the name is no link.

        Nobody else can exchange what belongs to us in a checked folder.
        """
        found = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        if not stat.S_ISLNK(found.st_mode):
            return None
        permissions.check_owner(self._path(name), found, self._option)
        return os.readlink(name, dir_fd=self.fd)

    def _follow(self, target: str) -> None:
        self._links += 1
        if self._links > _MOST_LINKS:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        self._todo += self._parts(target)
        if target.startswith('/'):
            self._step(os.open('/', _STEP))
            self._way = []

    def _make(self, name: str) -> None:
        if self._create is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, self._create, dir_fd=self.fd)
            # Whatever the umask. The new folder is ours, so the name still
            # leads to it.
            os.chmod(name, self._create, dir_fd=self.fd)

    def _enter(self, name: str) -> None:
        self._step(os.open(name, _STEP, dir_fd=self.fd))
        if name == '..':
            self._way = self._way[:-1]
        else:
            self._way.append(name)
        self._check(self.fd)

    def _step(self, fd: int) -> None:
        os.close(self.fd)
        self.fd = fd

    def _check(self, fd: int) -> None:
        permissions.check(self._path(), os.fstat(fd), self._option,
                        above=bool(self._todo))

    def _path(self, *name: str) -> str:
        return '/' + '/'.join((*self._way, *name))
