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

"""Calls that wait in C, where Python obeys no signal and knows no limit.

Each call runs in a daemon thread, and the caller waits in Python: a signal
ends the wait, and a call that never returns keeps no process from exiting.
"""

from __future__ import annotations

import collections
from concurrent import futures
import contextlib
import functools
import queue
import threading
import time
from typing import Callable, Collection, Deque, Optional, TypeVar

R = TypeVar('R')

# Seconds that calls have to return after a signal: libvirt then finishes what
# it is doing, and Ctrl-C still ends a command within a second.
GRACE = 0.2
# Seconds after which a waiting thread looks for signals. A signal that arrives
# right before the wait does not end it (PyThread_acquire_lock_timed in
# CPython's Python/thread_pthread.h).
_GLANCE = 0.1


class Silent(Exception):
    """A call has not returned within its limit."""


def answer(call: Callable[[], R], limit: Optional[float] = None) -> R:
    """Return the answer of a call.

    :param limit: seconds; None to wait until a signal arrives
    :raises Silent: the call has not returned; its thread goes on
    """
    return answers([call], 1, limit)[0]


def answers(calls: Collection[Callable[[], R]], at_once: int,
            limit: Optional[float] = None) -> list[R]:
    """Return the answers of calls, in the order of the calls.

    An error of a call is raised when the calls that have begun have
    returned; no further call begins.

    :param at_once: the number of threads
    :param limit: seconds for all calls; None to wait until a signal arrives
    :raises Silent: a call has not returned; its thread goes on
    """
    left = collections.deque((call, futures.Future[R]()) for call in calls)
    results = [result for _, result in left]
    settled = _Settled(len(results))
    try:
        # A signal may arrive before the last thread has started.
        for _ in range(min(at_once, len(left))):
            _THREADS.run(functools.partial(_work, left, settled))
        settled.wait(limit)
        if not all(result.done() for result in results):
            _raise_first(results)
        return [result.result() for result in results]
    except Silent:
        left.clear()
        raise
    except Exception:
        _finish(results, left, None)
        raise
    except BaseException:
        _finish(results, left, GRACE)
        raise


def begun(call: Callable[[], R]) -> futures.Future[R]:
    """Begin a call, and return its future answer."""
    result = futures.Future[R]()
    _THREADS.run(functools.partial(_call, call, result))
    return result


def returned(result: futures.Future[R], limit: float) -> bool:
    """Wait for a call, and tell whether it has returned or failed.

    :param limit: seconds
    """
    try:
        result.exception(limit)
    except futures.TimeoutError:
        return False
    return True


class _Threads:
    """Daemon threads, each used again when its work is done.

    There are as many as were ever at work at the same time.
    """

    def __init__(self) -> None:
        self._idle: Deque[queue.SimpleQueue[Callable[[], None]]] = (
            collections.deque())

    def run(self, work: Callable[[], None]) -> None:
        """Let a thread do work, which raises nothing."""
        try:
            inbox = self._idle.pop()
        except IndexError:
            inbox = queue.SimpleQueue()
            threading.Thread(target=self._serve, args=(inbox,),
                             daemon=True).start()
        inbox.put(work)

    def _serve(self, inbox: queue.SimpleQueue[Callable[[], None]]) -> None:
        while True:
            inbox.get()()
            self._idle.append(inbox)


_THREADS = _Threads()


class _Settled:
    """Whether all calls have returned, or one has failed.

    :param count: the number of calls
    """

    def __init__(self, count: int):
        self._left = count
        self._counting = threading.Lock()
        self._event = threading.Event()
        if not count:
            self._event.set()

    def add(self, failed: bool) -> None:
        """Count a call that has returned or failed; threads call it."""
        with self._counting:
            self._left -= 1
            if failed or not self._left:
                self._event.set()

    def wait(self, limit: Optional[float]) -> None:
        """Wait until it is so, or time is up."""
        end = None if limit is None else time.monotonic() + limit
        while not self._event.wait(_GLANCE if end is None else min(
                _GLANCE, max(0.0, end - time.monotonic()))):
            if end is not None and time.monotonic() >= end:
                return


def _raise_first(results: Collection[futures.Future[R]]) -> None:
    """Raise the error of a call; Silent if no call has failed."""
    for result in results:
        if result.done():
            result.result()
    raise Silent


def _work(left: Deque[tuple[Callable[[], R], futures.Future[R]]],
          settled: _Settled) -> None:
    while True:
        try:
            call, result = left.popleft()
        except IndexError:
            return
        _call(call, result)
        settled.add(result.exception() is not None)


def _call(call: Callable[[], R], result: futures.Future[R]) -> None:
    try:
        result.set_result(call())
    except BaseException as error:  # noqa: BLE001  # the waiter raises it
        result.set_exception(error)


def _finish(results: Collection[futures.Future[R]],
            left: Deque[tuple[Callable[[], R], futures.Future[R]]],
            limit: Optional[float]) -> None:
    """Let no further call begin, and wait for those that have begun."""
    dropped = set()
    while left:
        with contextlib.suppress(IndexError):  # a thread was faster
            dropped.add(left.popleft()[1])
    futures.wait([each for each in results if each not in dropped], limit)
