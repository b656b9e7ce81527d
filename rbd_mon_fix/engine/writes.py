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

"""Plans whose changes are being made, some of them at the same time."""

from __future__ import annotations

import collections
import queue
import threading
import time
from typing import Callable, Deque, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.engine import plan_write
from rbd_mon_fix.engine import selection
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan

# How long batches in hand may take after an interrupt, in seconds.
GRACE = 8.0

# The batches of a host alone that are made at the same time: the databases
# write the rows of one while libvirt defines the domains of the other.
AT_ONCE = 2

_GLANCE = 0.1


class Writes:
    """The plans that are being made, in their order.

    ``halted`` tells whether no further batch is begun.

    With one plan at once, of a single batch, the thread that waits for it
    makes its changes.

    :param pace: how many plans are made at the same time, and how long a
        host may send no outcome
    :param proceed: asked before each batch, by any thread, with the number
        of servers in the batches in hand
    :param stopping: tells whether batches in hand were already asked to be
        the last, so that an interrupt ends them
    """

    def __init__(self, pace: selection.Pace, proceed: apply.Proceed,
                 stopping: Callable[[], bool] = lambda: False):
        self._pace = pace
        self._proceed = proceed
        self._stopping = stopping
        self._begun: Deque[plan_write.Write] = collections.deque()
        self._news: queue.SimpleQueue[
            tuple[plan_write.Write, Optional[Outcome]]] = queue.SimpleQueue()
        self.halted = False
        self._end: Optional[float] = None
        self._given_up: set[Optional[str]] = set()

    def __len__(self) -> int:
        """Return the number of plans that have not been taken."""
        return len(self._begun)

    @property
    def first(self) -> plan_write.Write:
        """Return the first plan that has not been taken."""
        return self._begun[0]

    @property
    def settled(self) -> int:
        """Return the number of changes with an outcome, in these plans."""
        return sum(len(write.outcomes) for write in self._begun)

    def begin(self, plan: Plan, make: plan_write.Make) -> None:
        """Begin to make the changes of a plan.

        :param make: makes them, and yields the outcome of each; called by
            other threads if there are several plans at once, or batches
        """
        one = self._pace.parallel == 1
        write = plan_write.Write(
            plan, make, AT_ONCE if one else 1,
            self._begun[-1] if self._begun else None)
        self._begun.append(write)
        if not one:
            self._start(write)

    def halt(self, within: Optional[float] = None) -> None:
        """Begin no further batch.

        :param within: seconds that batches in hand have left; None for no
            limit
        """
        self.halted = True
        if within is not None and self._end is None:
            self._end = time.monotonic() + within

    def wait(self, advance: Callable[[int], None]) -> None:
        """Wait until the changes of the first plan are made.

        After an interrupt, batches in hand have some seconds to end.

        :param advance: called with the number of changes of any plan that
            have an outcome now
        :raises Unreachable: the host sends no outcome
        :raises Exception: what kept changes of the plan from being made
        """
        first = self.first
        if self._pace.parallel == 1:
            if len(first.shares) == 1:
                for outcome in first.run(0, self._asked):
                    _note(first, outcome, advance)
                first.left = 0
                return
            self._start(first)
        self._receive(first, advance)

    def take(self) -> plan_write.Write:
        """Remove and return the first plan, in whatever state it is."""
        return self._begun.popleft()

    def _receive(self, first: plan_write.Write,
                 advance: Callable[[int], None]) -> None:
        """Take what threads send, until the first plan is made."""
        heard = time.monotonic()
        interrupt = None
        while first.left:
            try:
                write, outcome = self._news.get(timeout=_GLANCE)
            except queue.Empty:
                self._check(first, heard)
            except KeyboardInterrupt as error:
                if self._end is not None:
                    raise
                if self._stopping():
                    self.halt(0.0)
                    raise
                self.halt(GRACE)
                interrupt = error
            else:
                if outcome is None:
                    write.left -= 1
                else:
                    _note(write, outcome, advance)
                if write is first:
                    heard = time.monotonic()
        if interrupt is not None or first.error is not None:
            raise interrupt or first.error  # type: ignore[misc]

    def _check(self, first: plan_write.Write, heard: float) -> None:
        """Check whether to wait any longer."""
        now = time.monotonic()
        if self._end is not None and now > self._end:
            raise KeyboardInterrupt
        if self._pace.parallel > 1 and (
                now - heard > self._pace.patience
                or first.host in self._given_up):
            self._given_up.add(first.host)
            raise exceptions.Unreachable(
                f'Nothing was heard from host {first.host} for '
                f'{self._pace.patience:g} seconds of writing.',
                'Look at libvirtd there, then run the same command again; it '
                'finds out which changes were made.')

    def _start(self, write: plan_write.Write) -> None:
        for share in range(len(write.shares)):
            threading.Thread(target=self._work, args=(write, share),
                             daemon=True).start()

    def _work(self, write: plan_write.Write, share: int) -> None:
        """Make the changes of a share in a thread of its own."""
        try:
            for outcome in write.run(share, self._asked):
                self._news.put((write, outcome))
        except BaseException:  # noqa: BLE001  # the waiter raises it
            pass
        self._news.put((write, None))

    def _asked(self, servers: int) -> bool:
        return not self.halted and self._proceed(
            sum(each.servers for each in list(self._begun)))


def _note(write: plan_write.Write, outcome: Outcome,
          advance: Callable[[int], None]) -> None:
    advance(outcome.locator not in write.outcomes)
    write.outcomes[outcome.locator] = outcome
