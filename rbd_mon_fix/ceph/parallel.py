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

"""Commands that run side by side and end together."""

from __future__ import annotations

from concurrent import futures
import contextlib
import dataclasses
import errno
import os
import signal
import subprocess
import threading
from typing import Callable, Optional, Sequence, TypeVar

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client

R = TypeVar('R')
Words = Sequence[str]

# Seconds after which the wait looks for signals; see clients/waiting.py.
_GLANCE = 0.1

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
    running = _Running()
    with futures.ThreadPoolExecutor(at_once) as pool:
        try:
            return _results([
                pool.submit(lambda words: read(
                    words, running.answer(words, timeout)), words)
                for words in commands])
        finally:
            running.end()


class _Running:
    """The commands that run, which end together.

    asyncio would leave a command behind if a signal came while it starts.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    def answer(self, command: Words, timeout: float) -> Answer:
        """Run a command.

        :raises Unreachable: the command is not installed
        """
        process = self._start(command)
        if process is None:
            return Answer(None, '', 'ended')
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return Answer(None, '', f'no answer within {timeout:g} seconds')
        finally:
            client.end(process)
            with self._lock:
                self._processes.discard(process)
        return Answer(process.returncode, out.decode(errors='replace'),
                      client.last_line(err),
                      any(words in err for words in _DENIED))

    def end(self) -> None:
        """Kill all commands with their children, and start no more."""
        with self._lock:
            self._ended = True
            for process in self._processes:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    def _start(self, command: Words) -> Optional[subprocess.Popen[bytes]]:
        with self._lock:
            if self._ended:
                return None
            try:
                process = client.start(command, subprocess.DEVNULL)
            except exceptions.Unreachable as error:
                raise exceptions.Unreachable(
                    error.message, 'Install ceph-common.') from error
            self._processes.add(process)
            return process


def _results(jobs: Sequence[futures.Future[R]]) -> list[R]:
    """Return the results of jobs, or raise the first error."""
    waiting = True
    while waiting:
        done, left = futures.wait(jobs, _GLANCE, futures.FIRST_EXCEPTION)
        waiting = bool(left) and not any(job.exception() for job in done)
    failed = [job for job in jobs if job.done() and job.exception()]
    return [job.result() for job in failed or jobs]
