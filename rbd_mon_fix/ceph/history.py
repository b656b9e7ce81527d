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

"""Ask a cluster for earlier epochs of its monmap.

``ceph`` reads commands from standard input, one per line, so one process and
one connection serve all epochs. ``ceph`` prints nothing for a missing epoch,
so each batch of commands ends with one that always prints a line.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import subprocess
import time
from typing import Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.ceph import mon_dump
from rbd_mon_fix.clients import commands as client_commands
from rbd_mon_fix.model.cluster import Way
from rbd_mon_fix.model.history import MonEpoch

# Seconds for all epochs of a cluster.
TIMEOUT = 20.0

# Epochs to ask for at a time; an answer takes some milliseconds.
_AT_ONCE = 16

_MARK = b'fsid\n'


def epochs(way: Way, numbers: Sequence[int],
           timeout: float = TIMEOUT) -> Iterator[MonEpoch]:
    """Yield the existing ones among some epochs of a monmap.

    Any client may read them: ``profile rbd``, which Cinder's user has,
    includes that permission (src/mon/MonCap.cc, MonCapGrant::expand_profile).

    :param way: the ``ceph`` arguments for the cluster
    :param numbers: the epochs to ask for, in this order
    :param timeout: seconds for all epochs
    :raises Unreachable: no ``ceph``, no quorum in time, or no permission
    """
    deadline = time.monotonic() + timeout
    if not numbers:
        return
    with _asking(client.arguments(['ceph', '--format=json'], way.conf,
                                  way.flag, way.user, way.bypass)
                 ) as process:
        for start in range(0, len(numbers), _AT_ONCE):
            batch = numbers[start:start + _AT_ONCE]
            for text in _answers(process, batch, deadline):
                epoch = _epoch(text)
                if epoch is not None:
                    yield epoch


@contextlib.contextmanager
def _asking(command: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = client.start(command, subprocess.PIPE)
    try:
        yield process
    finally:
        client_commands.end(process)


def _answers(process: subprocess.Popen[bytes], numbers: Sequence[int],
             deadline: float) -> Iterator[str]:
    """Ask for some epochs, and yield each line of the answers."""
    assert process.stdin is not None
    questions = b''.join(b'mon dump %d\n' % each for each in numbers)
    try:
        process.stdin.write(questions + _MARK)
        process.stdin.flush()
    except OSError:
        raise _ended(process) from None
    for line in _lines(process, deadline):
        if _is_mark(line):
            return
        yield line
    raise _ended(process)


def _lines(process: subprocess.Popen[bytes],
           deadline: float) -> Iterator[str]:
    """Yield lines until the process ends.

    :raises Unreachable: the process sends nothing before the deadline
    """
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    rest = b''
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or not selector.select(left):
                raise exceptions.Unreachable(
                    'The cluster did not return its former monitors in time.',
                    'Try again.')
            part = os.read(descriptor, 1 << 16)
            if not part:
                return
            *lines, rest = (rest + part).split(b'\n')
            for line in lines:
                if line.strip():
                    yield line.decode(errors='replace')


def _is_mark(line: str) -> bool:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and set(found) == {'fsid'}


def _epoch(text: str) -> Optional[MonEpoch]:
    try:
        return mon_dump.parse(text).epoch
    except exceptions.Unreachable:
        return None


def _ended(process: subprocess.Popen[bytes]) -> exceptions.Unreachable:
    """Return the error for a process that ended too early."""
    assert process.stderr is not None
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    os.set_blocking(process.stderr.fileno(), False)
    words = process.stderr.read() or b''
    return exceptions.Unreachable(
        'Cannot read the former monitors of the cluster: '
        f'{client.last_line(words)}',
        'Check that the cephx user may read the monmap; "profile rbd" '
        'includes it.')
