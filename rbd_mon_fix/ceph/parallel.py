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

"""Ceph commands that run side by side, and what they answer."""

from __future__ import annotations

import dataclasses
import errno
import functools
import subprocess
from typing import Callable, Optional, Sequence, TypeVar

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.clients import commands as client_commands

R = TypeVar('R')
Words = Sequence[str]

# ceph exits with EACCES if the key or the caps are wrong, but with 1 for an
# operation that is not permitted, for a missing keyring and for any other
# trouble, such as a time-out (main in src/ceph.in). rbd exits with the error.
_REFUSED = ('EPERM', 'Operation not permitted', 'RADOS object not found')

# A client that a monitor refuses tries the next one, so the last error is a
# time-out if any monitor is down (src/mon/MonClient.cc,
# handle_auth_bad_method, and src/auth/KeyRing.cc, from_ceph_context).
_DENIED = (b'handle_auth_bad_method', b'unable to find a keyring')


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a command answered.

    :param code: its exit code; None if it did not end in time
    :param out: its output
    :param told: the last line of its errors
    :param denied: whether a monitor refused the key before
    """

    code: Optional[int]
    out: str
    told: str
    denied: bool = False

    @property
    def is_refused(self) -> bool:
        """Return whether the cephx user lacks a permission, or its key."""
        return (self.code == errno.EACCES
                or self.code != 0 and self.denied
                or self.code == 1 and any(words in self.told
                                          for words in _REFUSED))

    @property
    def is_absent(self) -> bool:
        """Return whether what was asked about does not exist."""
        return self.code == errno.ENOENT


def run(commands: Sequence[Words], read: Callable[[Words, Answer], R],
        at_once: int, timeout: float) -> list[R]:
    """Run commands, and return what each answer is read as.

    The first error of a reader ends all commands.

    :param read: called with a command and its answer
    :param timeout: seconds for each command
    :raises Unreachable: a command is not installed
    :raises OSError: this process has too many open files, for example
    """
    def job(words: Words, running: client_commands.Running) -> R:
        return read(words, _answer(words, running, timeout))
    return client_commands.run(
        [functools.partial(job, words) for words in commands], at_once)


def _answer(words: Words, running: client_commands.Running,
            timeout: float) -> Answer:
    ended = running.wait(lambda: _start(words), timeout)
    if ended is None:
        return Answer(None, '', f'no answer within {timeout:g} seconds')
    return Answer(ended.code, ended.out.decode(errors='replace'),
                  client.last_line(ended.err),
                  any(denied in ended.err for denied in _DENIED))


def _start(words: Words) -> client_commands.Process:
    try:
        return client.start(words, subprocess.DEVNULL)
    except exceptions.Unreachable as error:
        raise exceptions.Unreachable(
            error.message, 'Install ceph-common.') from error
