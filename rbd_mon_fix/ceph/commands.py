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

"""Run several of Ceph's commands at once, and read their JSON.

The commands run as an administrator of the cluster. None of them outlives
the call, however it ends.
"""

from __future__ import annotations

from concurrent import futures
import contextlib
import dataclasses
import errno
import json
import os
import signal
import subprocess
import threading
from typing import Any, Callable, Optional, Sequence, TypeVar

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.model.cluster import Way

R = TypeVar('R')
Words = Sequence[str]

# Seconds for one command. The monitors answer late during an election.
TIMEOUT = 20.0

_AT_ONCE = 8

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

# More than a name in Ceph can have, and less than Linux takes.
_LONGEST = 4096


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


@dataclasses.dataclass(frozen=True)
class Administrator:
    """A cephx user that may read everything in a cluster.

    :param cluster: the name of the cluster
    :param way: the ``ceph`` arguments of the services for the cluster
    :param user: the cephx user to use instead, without ``client.``
    """

    cluster: str
    way: Way
    user: str

    def run(self, commands: Sequence[Words],
            read: Callable[[Words, Answer], R], timeout: float = TIMEOUT
            ) -> list[R]:
        """Run commands, and return what each answer is read as.

        The first error of a reader ends all commands.

        :param read: called with a command and its answer
        :param timeout: seconds for each command
        :raises Unreachable: a command is not installed
        :raises OSError: this process has too many open files, for example
        """
        def ask(words: Words) -> R:
            return read(words, running.answer(client.arguments(
                words, self.way.conf, self.way.flag, self.user), timeout))

        running = _Running()
        with futures.ThreadPoolExecutor(_AT_ONCE) as pool:
            try:
                return _results([pool.submit(ask, words)
                                 for words in commands])
            finally:
                running.end()

    def ask(self, *words: str) -> Any:
        """Run one command, and return its JSON.

        :raises Unreachable: the command fails, or prints no JSON
        """
        return parse(self.run([words], self.output)[0], ' '.join(words[:2]))

    def output(self, words: Words, answer: Answer) -> str:
        """Return what a command printed.

        :raises Unreachable: the command failed
        """
        self.require(answer)
        if answer.code != 0:
            raise exceptions.Unreachable(
                f'Cluster {self.cluster}: "{" ".join(words)}" failed: '
                f'{answer.told}', 'Check the cluster with "ceph health", and '
                'run it again.')
        return answer.out

    def require(self, answer: Answer) -> None:
        """Raise an error if the cluster refused the cephx user.

        :raises Unreachable: it did
        """
        if answer.is_refused:
            raise exceptions.Unreachable(
                f'Cluster {self.cluster} refuses client.{self.user}: '
                f'{answer.told}',
                'This needs a cephx user with the caps mon "allow *" and osd '
                '"profile rbd-read-only", such as client.admin. Run it where '
                f'the keyring is, /etc/ceph/ceph.client.{self.user}.keyring '
                'for example, or name another user with --ceph-admin-user.')


def parse(text: str, what: str) -> Any:
    """Return the value of a JSON text.

    :param what: the command that printed it
    :raises Unreachable: the text is no JSON
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise unusable(what, type(error).__name__) from None


def unusable(what: str, why: str) -> exceptions.Unreachable:
    """Return the error for an answer of another form than Ceph's."""
    return exceptions.Unreachable(
        f'"{what}" printed an unusable answer: {why}.',
        'Run the command by hand to see its output. Ceph 15.2.11, 16.2.1 or '
        'later is needed.')


def name(value: object, what: str) -> str:
    """Return the name of an image, a pool or a monitor in an answer.

    :raises Unreachable: it cannot be a word of a command
    """
    if isinstance(value, str) and value and '\0' not in value:
        with contextlib.suppress(UnicodeEncodeError):
            if len(os.fsencode(value)) <= _LONGEST:
                return value
    raise unusable(what, 'a name is invalid')


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
