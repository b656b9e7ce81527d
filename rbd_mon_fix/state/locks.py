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

"""Locks that allow one run per host at a time.

The kernel (flock) releases a lock when the process that holds it ends, so a
crash leaves nothing to clean up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Iterator, Sequence
from urllib import parse

from rbd_mon_fix import exceptions
from rbd_mon_fix.state import private_folder


@contextlib.contextmanager
def held(folder: str, hosts: Sequence[str]) -> Iterator[None]:
    """Hold the locks of hosts within the block.

    :param folder: the journal directory
    :raises Refused: another run holds one of the locks
    :raises ConfigError: a lock file cannot be written, or other users could
        redirect it
    """
    with contextlib.ExitStack() as stack:
        # All runs lock hosts in the same order, so no two can deadlock.
        for host in sorted(set(hosts)):
            stack.enter_context(_lock(folder, host))
        yield


@contextlib.contextmanager
def _lock(folder: str, host: str) -> Iterator[None]:
    locks = os.path.join(folder, 'locks')
    name = parse.quote(host, safe='') + '.lock'
    path = os.path.join(locks, name)
    try:
        with private_folder.opened(locks, create=0o700) as place:
            file = _opened(place, name)
    except OSError as error:
        raise exceptions.ConfigError(
            f'Cannot write the lock file {path}: {error.strerror}.',
            'Nothing was changed. Choose another directory with '
            '--journal-dir, or run as a user who may write there.') from error
    try:
        _take(file, host, path)
        yield
    finally:
        os.close(file)


def _opened(locks: private_folder.PrivateFolder, name: str) -> int:
    with contextlib.suppress(FileExistsError):
        return locks.create(name, os.O_RDWR)
    return locks.open(name, os.O_RDWR)


def _take(file: int, host: str, path: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(file, 0)
        os.pwrite(file, f'{os.getpid()}\n'.encode(), 0)
    except BlockingIOError:
        holder = os.pread(file, 32, 0).decode(errors='replace').strip()
        raise exceptions.Refused(
            f'Another run (pid {holder}) holds the lock for host {host}.',
            'Wait until that run ends, then try again.') from None
    except OSError as error:
        raise OSError(error.errno, error.strerror, path) from None
