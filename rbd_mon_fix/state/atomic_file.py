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

"""Atomic file replacement: readers see the old or the new file."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import secrets
from typing import Callable

from rbd_mon_fix import exceptions
from rbd_mon_fix.state import private_folder


def replace(folder: private_folder.PrivateFolder, name: str, content: bytes,
            mode: int) -> None:
    """Replace a file in a folder atomically.

    :param mode: the permissions of the file, regardless of the umask
    :raises OSError: the folder or the file cannot be written; the old file
        is unchanged, unless only the sync of the folder failed
    """
    replace_finished(folder, name, content, lambda fd: os.fchmod(fd, mode))


def replace_finished(folder: private_folder.PrivateFolder, name: str,
                     content: bytes, finish: Callable[[int], object]) -> None:
    """Replace a file in a folder atomically.

    :param finish: gives owner and permissions to the complete file, whose
        descriptor it gets
    :raises OSError: as ``replace`` does
    """
    remove_drafts(folder, name)
    draft, fd = _draft(folder, name)
    try:
        with open(fd, 'wb') as file:
            file.write(content)
            file.flush()
            # Make the draft executable only when it is complete: libvirt
            # runs every executable file in its hook folder.
            finish(fd)
            os.fsync(fd)
            folder.rename(draft, name)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            folder.remove(draft)
        raise
    folder.sync()


def replace_shared(path: str, content: bytes) -> None:
    """Replace a file that others read, in a folder that may be theirs.

    The draft is a new file, and the rename follows no link, so nothing
    outside the folder can be changed. Others cannot read the file until it is
    complete.

    :raises OSError: the file cannot be written; the old one is unchanged
    """
    where, name = os.path.split(os.path.abspath(path))
    try:
        fd = os.open(where, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            replace(private_folder.PrivateFolder(fd, where, 'its folder'),
                    name, content, 0o644)
        finally:
            os.close(fd)
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None


def remove_drafts(folder: private_folder.PrivateFolder, name: str) -> None:
    """Remove the drafts of a file that killed runs have left.

    A draft is locked until it gets its name, so that others leave it alone.
    """
    # Versions without locks made such names, too (tempfile.mkstemp).
    ours = re.compile(rf'\.{re.escape(name)}\.[a-z0-9_]{{8}}')
    for each in filter(ours.fullmatch, folder.names()):
        with contextlib.suppress(OSError, exceptions.ConfigError):
            fd = folder.open(each, os.O_RDWR)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if os.fstat(fd).st_uid == os.geteuid():
                    folder.remove(each)
            finally:
                os.close(fd)


def _draft(folder: private_folder.PrivateFolder, name: str
           ) -> tuple[str, int]:
    """Create a draft and lock it; return its name and descriptor."""
    while True:
        draft = f'.{name}.{secrets.token_hex(4)}'
        fd = folder.create(draft, os.O_RDWR)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            # Another run may have removed the draft before it was locked.
            if os.fstat(fd).st_nlink:
                return draft, fd
        except BaseException:
            os.close(fd)
            folder.remove(draft)
            raise
        os.close(fd)
