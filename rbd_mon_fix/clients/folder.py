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

"""Files in directories that other users may write to.

Every name is looked up relative to an open directory, and symbolic links are
not followed, so users who may write there cannot redirect us elsewhere.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from typing import Iterator

from rbd_mon_fix import exceptions

# A fixed name, so that a later run removes the file of a killed one.
_NEW = '.{}.rbd-mon-fix'
_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_BLOCK = 1 << 20


class Inaccessible(exceptions.RbdMonFixError):
    """A file exists, but cannot be read or replaced; it is unchanged."""


class Unsure(exceptions.RbdMonFixError):
    """A file was replaced, but may not have reached the disk."""


@contextlib.contextmanager
def opened(parent: str, name: str) -> Iterator[Folder]:
    """Open a directory inside another one.

    :param parent: a path from the config, which may be a symbolic link
    :param name: the directory in it, which must not be a symbolic link
    :raises Gone: the directory does not exist
    :raises Inaccessible: the directory is a symbolic link, or cannot be
        opened
    :raises Unreachable: the parent cannot be opened
    """
    try:
        above = os.open(parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise exceptions.Unreachable(
            f'The directory {parent} cannot be read: {error.strerror}.',
            'Run as root on the compute host.') from None
    try:
        place = Folder(_open(above, name, _READ | os.O_DIRECTORY))
    finally:
        os.close(above)
    try:
        yield place
    finally:
        place.close()


class Folder:
    """An open directory; made by ``opened``."""

    def __init__(self, fd: int):
        self._fd = fd

    def close(self) -> None:
        """Close the directory."""
        os.close(self._fd)

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a file in the directory.

        :param limit: largest size to read, in bytes
        :raises Gone: the file does not exist
        :raises Inaccessible: the file is not regular, is larger, or cannot
            be read
        """
        with self._file(name) as fd:
            content = _content(fd, limit)
        if len(content) > limit:
            raise Inaccessible(f'{name} is larger than {limit >> 20} MiB.')
        return content

    def replace(self, name: str, old: bytes, new: bytes) -> None:
        """Replace a file atomically if its content has not changed.

        The new file has the owner, mode and extended attributes (access
        lists, the SELinux label) of the old one.

        :raises Gone: the file does not exist
        :raises Conflict: the content has changed
        :raises Inaccessible: the file cannot be replaced; it is unchanged
        :raises Unsure: the file was replaced, but fsync failed
        """
        draft = _NEW.format(name)
        try:
            with self._file(name) as fd:
                _check(fd, old)
                self._write(draft, new, fd)
            with self._file(name) as fd:
                _check(fd, old)
                self._rename(draft, name)
        except BaseException:
            self._remove(draft)
            raise
        try:
            os.fsync(self._fd)
        except OSError as error:
            raise Unsure(_words(error)) from None

    @contextlib.contextmanager
    def _file(self, name: str) -> Iterator[int]:
        # Without O_NONBLOCK, opening a named pipe would block.
        fd = _open(self._fd, name, _READ | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise Inaccessible(f'{name} is not a regular file.')
            yield fd
        finally:
            os.close(fd)

    def _write(self, draft: str, content: bytes, like: int) -> None:
        self._remove(draft)
        try:
            fd = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL
                         | os.O_CLOEXEC, 0o600, dir_fd=self._fd)
            with open(fd, 'wb') as stream:
                stream.write(content)
                stream.flush()
                _dress(fd, like)
                os.fsync(fd)
        except OSError as error:
            raise Inaccessible(_words(error)) from None

    def _rename(self, draft: str, name: str) -> None:
        try:
            os.replace(draft, name, src_dir_fd=self._fd, dst_dir_fd=self._fd)
        except OSError as error:
            raise Inaccessible(_words(error)) from None

    def _remove(self, draft: str) -> None:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=self._fd)


def _open(above: int, name: str, flags: int) -> int:
    try:
        return os.open(name, flags, dir_fd=above)
    except FileNotFoundError:
        raise exceptions.Gone(f'{name} does not exist.') from None
    except OSError as error:
        if _is_link(above, name):
            raise Inaccessible(f'{name} is a symbolic link.') from None
        if error.errno == errno.ENOTDIR:
            raise exceptions.Gone(f'{name} is not a directory.') from None
        raise Inaccessible(_words(error)) from None


def _is_link(above: int, name: str) -> bool:
    try:
        found = os.stat(name, dir_fd=above, follow_symlinks=False)
    except OSError:
        return False
    return stat.S_ISLNK(found.st_mode)


def _content(fd: int, limit: int) -> bytes:
    """Return the content of a file; little more than a limit of bytes."""
    parts: list[bytes] = []
    try:
        while limit >= 0 and (part := os.read(fd, _BLOCK)):
            parts.append(part)
            limit -= len(part)
    except OSError as error:
        raise Inaccessible(_words(error)) from None
    return b''.join(parts)


def _check(fd: int, old: bytes) -> None:
    if _content(fd, len(old)) != old:
        raise exceptions.Conflict(
            'The file has changed since it was read.')


def _dress(fd: int, like: int) -> None:
    """Copy owner, mode and attributes of one file to another.

    The owner is set first: a change clears mode bits and capabilities.
    """
    known = os.fstat(like)
    os.fchown(fd, known.st_uid, known.st_gid)
    os.fchmod(fd, stat.S_IMODE(known.st_mode))
    for name in _attributes(like):
        os.setxattr(fd, name, os.getxattr(like, name))


def _attributes(fd: int) -> list[str]:
    try:
        return os.listxattr(fd)
    except OSError as error:
        if error.errno == errno.ENOTSUP:
            return []
        raise


def _words(error: OSError) -> str:
    return f'{error.strerror or type(error).__name__}.'
