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

"""Plans whose changes are being made, on several hosts at the same time."""

from __future__ import annotations

import collections
import queue
import threading
import time
from typing import Callable, Deque, Iterator, Optional, Union

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.engine import selection
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Locator

Make = Callable[[Plan, apply.Proceed], Iterator[Outcome]]

# How long batches in hand may take after an interrupt, in seconds.
GRACE = 8.0

_GLANCE = 0.1


class Write:
    """A plan whose changes are being made.

    ``outcomes`` has those that are known so far.

    :param before: the plan before it; if it is of the same host, its changes
        are made first
    """

    def __init__(self, plan: Plan, make: Make,
                 before: Optional[Write] = None):
        self.plan = plan
        self.outcomes: dict[Locator, Outcome] = {}
        self.ended = not plan.changes
        self.error: Optional[BaseException] = None
        # The number of servers in the batch in hand.
        self.servers = 0
        self._make = make
        self._before = (before if before and self.host is not None
                        and before.host == self.host else None)
        self._over = threading.Event()

    @property
    def whole(self) -> bool:
        """Return whether all is known about the changes."""
        return self.ended and self.error is None

    @property
    def host(self) -> Optional[str]:
        """Return the host of the changes; None if there are none."""
        changes = self.plan.changes
        return changes[0].locator.host if changes else None

    def run(self, proceed: apply.Proceed) -> Iterator[Outcome]:
        """Make the changes, and yield the outcome of each.

        Nothing is done if the changes of the plan before were not all made.
        """
        try:
            if self._before is not None:
                self._before._over.wait()
                self.error = self._before.error
                self._before = None
            if self.error is None:
                yield from self._make(self.plan, proceed)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self.servers = 0
            self._over.set()


class Writes:
    """The plans that are being made, in their order.

    ``halted`` tells whether no further batch is begun.

    With one plan at once, the thread that waits for it makes its changes.

    :param pace: how many plans are made at the same time, and how long a
        host may send no outcome
    :param proceed: asked before each batch, by any thread, with the number
        of servers in the batches in hand
    """

    def __init__(self, pace: selection.Pace, proceed: apply.Proceed):
        self._pace = pace
        self._proceed = proceed
        self._begun: Deque[Write] = collections.deque()
        self._news: queue.SimpleQueue[
            tuple[Write, Union[Outcome, None]]] = queue.SimpleQueue()
        self.halted = False
        self._end: Optional[float] = None
        self._given_up: set[Optional[str]] = set()

    def __len__(self) -> int:
        """Return the number of plans that have not been taken."""
        return len(self._begun)

    @property
    def first(self) -> Write:
        """Return the first plan that has not been taken."""
        return self._begun[0]

    @property
    def settled(self) -> int:
        """Return the number of changes with an outcome, in these plans."""
        return sum(len(write.outcomes) for write in self._begun)

    def begin(self, plan: Plan, make: Make) -> None:
        """Begin to make the changes of a plan.

        :param make: makes them, and yields the outcome of each; called by
            another thread if there are several plans at once
        """
        last = self._begun[-1] if self._begun else None
        write = Write(plan, make, last)
        self._begun.append(write)
        if plan.changes and self._pace.parallel > 1:
            threading.Thread(target=self._work, args=(write,),
                             daemon=True).start()

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
        if self._pace.parallel > 1:
            self._receive(first, advance)
        elif not first.ended:
            for outcome in first.run(self._asked(first)):
                _note(first, outcome, advance)
            first.ended = True

    def take(self) -> Write:
        """Remove and return the first plan, in whatever state it is."""
        return self._begun.popleft()

    def _receive(self, first: Write, advance: Callable[[int], None]) -> None:
        """Take what threads send, until the first plan is made."""
        heard = time.monotonic()
        interrupt = None
        while not first.ended:
            try:
                write, outcome = self._news.get(timeout=_GLANCE)
            except queue.Empty:
                self._check(first, heard)
            except KeyboardInterrupt as error:
                if self._end is not None:
                    raise
                self.halt(GRACE)
                interrupt = error
            else:
                if outcome is None:
                    write.ended = True
                else:
                    _note(write, outcome, advance)
                if write is first:
                    heard = time.monotonic()
        if interrupt is not None or first.error is not None:
            raise interrupt or first.error  # type: ignore[misc]

    def _check(self, first: Write, heard: float) -> None:
        """Check whether to wait any longer."""
        now = time.monotonic()
        if self._end is not None and now > self._end:
            raise KeyboardInterrupt
        if (now - heard > self._pace.patience
                or first.host in self._given_up):
            self._given_up.add(first.host)
            raise exceptions.Unreachable(
                f'Nothing was heard from host {first.host} for '
                f'{self._pace.patience:g} seconds of writing.',
                'Look at libvirtd there, then run the same command again; it '
                'finds out which changes were made.')

    def _work(self, write: Write) -> None:
        """Make the changes of a plan in a thread of its own."""
        try:
            for outcome in write.run(self._asked(write)):
                self._news.put((write, outcome))
        except BaseException:  # noqa: BLE001  # the waiter raises it
            pass
        self._news.put((write, None))

    def _asked(self, write: Write) -> apply.Proceed:
        def proceed(servers: int) -> bool:
            write.servers = servers
            return not self.halted and self._proceed(
                sum(each.servers for each in list(self._begun)))
        return proceed


def _note(write: Write, outcome: Outcome, advance: Callable[[int], None]
          ) -> None:
    advance(outcome.locator not in write.outcomes)
    write.outcomes[outcome.locator] = outcome
