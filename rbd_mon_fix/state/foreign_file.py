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

"""Edits of a file that others own and read, such as a ceph.conf.

Owner, mode and extended attributes (access list, SELinux label) stay.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import stat
from typing import Iterator

from rbd_mon_fix import exceptions
from rbd_mon_fix.state import atomic_file
from rbd_mon_fix.state import private_folder

# Without O_NONBLOCK, opening a named pipe would block.
_FLAGS = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
# The kernel writes these itself: they depend on the content.
_COMPUTED = ('security.ima', 'security.evm')


def read(path: str) -> bytes:
    """Return the content of a file; links are followed.

    :raises OSError: the file is missing, or cannot be read
    :raises ConfigError: it is not a regular file
    """
    with _folder(path) as (folder, name):
        with _opened(folder, name, os.O_RDONLY) as fd:
            return _content(fd)


def swap(path: str, before: bytes, after: bytes,
         in_place: bool = False) -> None:
    """Replace the content of a file, where a link leads if it is one.

    The file is replaced atomically. One that is mounted by itself, or that
    has several names, is overwritten: a new file would not be seen behind
    the mount, or under the other names.

    :param before: the content that was read
    :param in_place: overwrite it, for a file that a container has mounted
    :raises Conflict: the content has changed meanwhile; nothing was written
    :raises OSError: the file cannot be written; it is unchanged
    """
    with _folder(path) as (folder, name):
        with _opened(folder, name, os.O_RDONLY) as fd:
            if _content(fd) != before:
                raise exceptions.Conflict(
                    f'{path} has changed since it was read.',
                    'Nothing was changed. Run the same command again.')
            in_place |= os.fstat(fd).st_nlink > 1
            if not in_place and _replaced(folder, name, after, fd):
                return
        with _opened(folder, name, os.O_RDWR) as fd:
            _overwrite(fd, before, after)


def is_mounted(path: str, process: str = 'self') -> bool:
    """Return whether a file is a mount point by itself, for a process.

    Docker and Podman mount single files into containers like this; the
    container keeps the old file if a new one is renamed to its name.

    :param process: a process ID
    :raises OSError: the mounts of the process cannot be read
    """
    with open(f'/proc/{process}/mountinfo', 'rb') as file:
        points = {line.split(b' ')[4] for line in file}
    return any(_unescaped(point) == os.fsencode(path) for point in points)


@contextlib.contextmanager
def _folder(path: str
            ) -> Iterator[tuple[private_folder.PrivateFolder, str]]:
    """Open the folder of a file, and yield it with the name of the file.

    :raises ConfigError: the path leads into another mount namespace
    """
    real = os.path.realpath(path)
    os.stat(path)  # missing, or behind a folder that may not be entered
    # realpath reads /proc/1/root as a link to our own root folder.
    if not (os.path.exists(real) and os.path.samefile(path, real)):
        raise exceptions.ConfigError(
            f'{path} is a file of another mount namespace.',
            'Name the ceph.conf on the host that the container mounts.')
    where, name = os.path.split(real)
    fd = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield private_folder.PrivateFolder(fd, where, 'its folder'), name
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
    finally:
        os.close(fd)


@contextlib.contextmanager
def _opened(folder: private_folder.PrivateFolder, name: str,
            flags: int) -> Iterator[int]:
    fd = folder.open_foreign(name, flags | _FLAGS)
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise exceptions.ConfigError(
                f'{os.path.join(folder.path, name)} is not a regular file.',
                'Name the ceph.conf that QEMU reads.')
        yield fd
    finally:
        os.close(fd)


def _content(fd: int) -> bytes:
    with open(fd, 'rb', closefd=False) as file:
        return file.read()


def _replaced(folder: private_folder.PrivateFolder, name: str,
              content: bytes, old: int) -> bool:
    """Replace a file atomically; return False if it is a mount point."""
    try:
        atomic_file.replace_finished(
            folder, name, content, lambda new: _copy_attributes(old, new))
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


def _copy_attributes(old: int, new: int) -> None:
    """Give a file the owner, mode and extended attributes of another."""
    found = os.fstat(old)
    os.fchown(new, found.st_uid, found.st_gid)
    os.fchmod(new, stat.S_IMODE(found.st_mode))
    for name in _attributes(old):
        value = os.getxattr(old, name)
        if name not in _attributes(new) or os.getxattr(new, name) != value:
            os.setxattr(new, name, value)


def _attributes(fd: int) -> list[str]:
    try:
        return [name for name in os.listxattr(fd) if name not in _COMPUTED]
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        return []


def _overwrite(fd: int, before: bytes, after: bytes) -> None:
    """Write over a file; restore what it had if that fails."""
    try:
        _write(fd, after)
    except BaseException:
        _write(fd, before)
        raise


def _write(fd: int, content: bytes) -> None:
    with open(fd, 'r+b', buffering=0, closefd=False) as file:
        file.seek(0)
        rest = memoryview(content)
        while rest:
            rest = rest[file.write(rest):]
        file.truncate()
        os.fsync(fd)


def _unescaped(point: bytes) -> bytes:
    r"""Return a path of mountinfo without escapes such as ``\040``."""
    return re.sub(rb'\\([0-7]{3})',
                  lambda found: bytes([int(found[1], 8)]), point)
