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

"""One run per host at a time.

The lock is the kernel's (flock) and dies with its holder, so that a crash
leaves nothing to clean up.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from typing import Iterator, Sequence
from urllib import parse

from rbd_mon_fix import exceptions


@contextlib.contextmanager
def held(folder: str, hosts: Sequence[str]) -> Iterator[None]:
    """Hold the locks of some hosts.

    :param folder: the journal's
    :raises Refused: another run has one of them
    :raises ConfigError: the folder cannot be written
    """
    with contextlib.ExitStack() as stack:
        # Everybody takes them in one order, so no two runs wait in a ring.
        for host in sorted(set(hosts)):
            stack.enter_context(_lock(folder, host))
        yield


@contextlib.contextmanager
def _lock(folder: str, host: str) -> Iterator[None]:
    locks = os.path.join(folder, 'locks')
    path = os.path.join(locks, parse.quote(host, safe='') + '.lock')
    try:
        os.makedirs(locks, mode=0o700, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise exceptions.ConfigError(
            f'The lock {path} cannot be written: {error.strerror}.',
            'Nothing was changed. Give another folder with --journal-dir, '
            'or run as a user who may write there.') from error
    try:
        _take(file, host)
        yield
    finally:
        os.close(file)


def _take(file: int, host: str) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 32, 0).decode(errors='replace').strip()
        raise exceptions.Refused(
            f'Another run is at work on host {host} (process {holder}).',
            'Wait for it to end, then run this again.') from None
    os.ftruncate(file, 0)
    os.pwrite(file, f'{os.getpid()}\n'.encode(), 0)
