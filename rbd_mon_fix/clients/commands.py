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
import os
import signal
import subprocess
import threading
from typing import Callable, Optional, Sequence, TypeVar

R = TypeVar('R')
Process = subprocess.Popen[bytes]

# Seconds after which the wait looks for signals; see clients/waiting.py.
_GLANCE = 0.1


@dataclasses.dataclass(frozen=True)
class Ended:
    """A command that has ended by itself.

    :param code: its exit code
    :param out: its output; empty if it has no pipe for it
    :param err: its errors; empty if it has no pipe for them
    """

    code: int
    out: bytes
    err: bytes


class Running:
    """The commands that run, which end together.

    asyncio would leave a command behind if a signal came while it starts.
    Each command must be in a session of its own, so that its children end
    with it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._processes: set[Process] = set()
        self._ended = False

    def wait(self, start: Callable[[], Process],
             timeout: float) -> Optional[Ended]:
        """Start a command and wait for it; kill it if it takes too long.

        :returns: None if it did not end in time, or all commands have ended
        """
        process = self._start(start)
        if process is None:
            return None
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            return None
        finally:
            end(process)
            with self._lock:
                self._processes.discard(process)
        return Ended(process.returncode, out or b'', err or b'')

    def end(self) -> None:
        """Kill all commands with their children, and start no more."""
        with self._lock:
            self._ended = True
            for process in self._processes:
                if process.returncode is None:
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)

    def _start(self, start: Callable[[], Process]) -> Optional[Process]:
        with self._lock:
            if self._ended:
                return None
            process = start()
            self._processes.add(process)
            return process


def run(jobs: Sequence[Callable[[Running], R]], at_once: int) -> list[R]:
    """Call functions that wait for commands, and return their results.

    The first error, and a signal to this process, ends all commands.

    :param jobs: each is called in a thread
    """
    running = Running()
    with futures.ThreadPoolExecutor(at_once) as pool:
        try:
            return _results([pool.submit(job, running) for job in jobs])
        finally:
            running.end()


def end(process: Process) -> None:
    """Kill a command and its children, unless the command has ended."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        # Unwritten input may be lost.
        with contextlib.suppress(BrokenPipeError):
            process.communicate()
        process.wait()


def _results(jobs: Sequence[futures.Future[R]]) -> list[R]:
    """Return the results of jobs, or raise the first error."""
    waiting = True
    while waiting:
        done, left = futures.wait(jobs, _GLANCE, futures.FIRST_EXCEPTION)
        waiting = bool(left) and not any(job.exception() for job in done)
    failed = [job for job in jobs if job.done() and job.exception()]
    return [job.result() for job in failed or jobs]
