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

"""Faults at system calls, injected by strace.

A fault is planned from a recording: the calls of an undisturbed run that
concern the cloud's folder, each with its number among the calls of that name
in its thread. strace counts in the same way, and hits the call of that number
in each thread.
"""

from __future__ import annotations

import collections
import dataclasses
import pathlib
import re
import sys
import tempfile
from typing import Iterator, Sequence

from tests.faults import subject as subjects
from tests.functional import operator

# The calls by which a run changes or locks files, or learns what is there.
CALLS = ('openat', 'read', 'write', 'pread64', 'pwrite64', 'fsync',
         'fdatasync', 'ftruncate', 'flock', 'rename', 'unlink', 'mkdir',
         'fchmod', 'getdents64', 'newfstatat', 'fcntl')
CHANGING = ('write', 'pwrite64', 'fsync', 'fdatasync', 'ftruncate', 'rename',
            'unlink', 'mkdir', 'fchmod', 'flock')

# What the kernel may answer (the manual page of each call).
ERRORS = {
    'openat': ('EMFILE', 'EACCES', 'EROFS', 'ENOSPC', 'EIO'),
    'read': ('EIO', 'EINTR'), 'pread64': ('EIO', 'EINTR'),
    'write': ('ENOSPC', 'EIO', 'EINTR', 'EDQUOT'),
    'pwrite64': ('ENOSPC', 'EIO', 'EINTR'),
    'fsync': ('EIO', 'ENOSPC'), 'fdatasync': ('EIO',),
    'ftruncate': ('EIO', 'ENOSPC'), 'flock': ('ENOLCK', 'EINTR'),
    'rename': ('EROFS', 'ENOSPC', 'EIO'), 'unlink': ('EROFS', 'EACCES'),
    'mkdir': ('EROFS', 'ENOSPC', 'EACCES'), 'fchmod': ('EPERM', 'EROFS'),
    'getdents64': ('EIO',), 'newfstatat': ('EACCES', 'EIO'),
    'fcntl': ('ENOLCK', 'EINTR'),
}

_LINE = re.compile(r'(\d+) +(\w+)\((.*)')


@dataclasses.dataclass(frozen=True)
class Fault:
    """One fault at one system call.

    :param number: of the call among those of its name in its thread, from 1
    :param what: in strace's words, such as ``signal=KILL``
    """

    call: str
    number: int
    what: str

    def __str__(self) -> str:
        return f'{self.call}:{self.what}:when={self.number}'

    @property
    def kills(self) -> bool:
        """Return whether the process does not survive."""
        return self.what == 'signal=KILL'


def record(subject: subjects.Subject, words: Sequence[str]
           ) -> dict[str, list[int]]:
    """Run a command, and return the calls that concern the cloud.

    :returns: the numbers of the main thread's calls, by name
    """
    inside = [str(subject.folder), *subject.cloud.databases.names]
    found: dict[str, list[int]] = collections.defaultdict(list)
    seen: collections.Counter[str] = collections.Counter()
    main = None
    for line in _traced(subject, words):
        match = _LINE.match(line)
        if not match or match[2] not in CALLS:
            continue
        main = main or match[1]
        if match[1] != main:
            continue
        seen[match[2]] += 1
        # Python asks so whether a stream is open. Only a closed one is an
        # error to the kernel.
        if 'F_GETFD' in match[3]:
            continue
        if any(path in match[3] for path in inside) or match[3].startswith(
                ('1<', '2<')):
            found[match[2]].append(seen[match[2]])
    return dict(found)


def _traced(subject: subjects.Subject, words: Sequence[str]
            ) -> Iterator[str]:
    with tempfile.NamedTemporaryFile('r') as trace:
        done = subject.admin.run(*words, program=[
            'strace', '-f', '-qq', '-y', '-o', trace.name,
            '-e', 'trace=' + ','.join(CALLS), *_program()])
        assert done.code == 0, done.err
        yield from pathlib.Path(trace.name).read_text(
            errors='replace').splitlines()


def inject(subject: subjects.Subject, fault: Fault, words: Sequence[str]
           ) -> operator.Answer:
    """Run a command with a fault.

    A write fails in the main thread alone. If an earlier one failed in a
    thread of libvirt, the main thread's write of that number would be its
    sentence about it.
    """
    alone = fault.call == 'write' and not fault.kills
    return subject.admin.run(*words, program=[
        'strace', *([] if alone else ['-f']), '-qq', '-o', '/dev/null', '-e',
        f'trace={fault.call}', '-e', f'inject={fault}', *_program()])


def _program() -> list[str]:
    return [sys.executable, '-B', str(operator.COMMAND)]


def kills(calls: dict[str, list[int]]) -> list[Fault]:
    """Return a kill right before each call that changes something."""
    return [Fault(call, number, 'signal=KILL') for call in CHANGING
            for number in calls.get(call, ())]


def errors(calls: dict[str, list[int]]) -> list[Fault]:
    """Return each error of each call."""
    return [Fault(call, number, f'error={error}')
            for call, numbers in calls.items() for number in numbers
            for error in ERRORS[call]]
