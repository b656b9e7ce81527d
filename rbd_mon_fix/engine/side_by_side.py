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

"""Work on several hosts at the same time, told in the order of the hosts."""

from __future__ import annotations

import collections
from concurrent import futures
import functools
import itertools
import time
from typing import Callable, Deque, Generic, Iterator, Sequence, TypeVar

from rbd_mon_fix.clients import waiting

T = TypeVar('T')
R = TypeVar('R')

# While the first host is slow, results of so many times as many hosts as are
# worked on wait for it.
AHEAD = 2

_GLANCE = 0.1


def lanes(items: Sequence[T], work: Callable[[T], Iterator[R]], at_once: int,
          patience: float) -> Iterator[tuple[T, Iterator[R]]]:
    """Yield each item with its results, which are computed in advance.

    Each item is worked on in threads, one result ahead. Nothing is done in
    advance for a single item, nor with one item at once: its work then runs
    in the caller's thread. An error of the work is raised by the iterator of
    the item.

    :param work: yields the results of an item
    :param at_once: the number of items that are worked on
    :param patience: seconds in which a result must come, if threads work;
        a thread that does not return is left behind
    :raises waiting.Silent: by the iterator of an item, if none came in time
    """
    if at_once == 1 or len(items) == 1:
        for item in items:
            yield item, work(item)
        return
    queue = _Queue(items, work, at_once)
    for item in items:
        yield item, queue.results(patience)


class _Lane(Generic[R]):
    """The results of one item, of which the next one is being computed."""

    def __init__(self, results: Iterator[R]):
        self._results = results
        self.begun = time.monotonic()
        self.next = self._begin()

    def _begin(self) -> futures.Future[list[R]]:
        self.begun = time.monotonic()
        return waiting.begun(functools.partial(_first, self._results))

    def take(self) -> list[R]:
        """Return the next result, and begin to compute the one after it.

        :returns: empty after the last one
        """
        found = self.next.result()
        if found:
            self.next = self._begin()
        return found


class _Queue(Generic[T, R]):
    """The lanes of the items that come next, in their order."""

    def __init__(self, items: Sequence[T], work: Callable[[T], Iterator[R]],
                 at_once: int):
        self._left = collections.deque(items)
        self._work = work
        self._at_once = at_once
        self._lanes: Deque[_Lane[R]] = collections.deque()

    def results(self, patience: float) -> Iterator[R]:
        """Yield the results of the first item that is left."""
        self._fill()
        lane = self._lanes[0]
        try:
            while True:
                self._wait(lane, patience)
                found = lane.take()
                if not found:
                    return
                yield found.pop()  # keep no reference to it
        finally:
            self._lanes.popleft()

    def _fill(self) -> None:
        """Begin to work on more items, unless enough are worked on."""
        working = sum(not lane.next.done() for lane in self._lanes)
        while (self._left and working < self._at_once
               and len(self._lanes) < AHEAD * self._at_once):
            self._lanes.append(_Lane(self._work(self._left.popleft())))
            working += 1

    def _wait(self, lane: _Lane[R], patience: float) -> None:
        while not lane.next.done():
            if time.monotonic() - lane.begun > patience:
                raise waiting.Silent
            futures.wait([each.next for each in self._lanes
                          if not each.next.done()], _GLANCE,
                         futures.FIRST_COMPLETED)
            self._fill()


def _first(results: Iterator[R]) -> list[R]:
    """Return the next result in a list; an empty one after the last."""
    return list(itertools.islice(results, 1))
