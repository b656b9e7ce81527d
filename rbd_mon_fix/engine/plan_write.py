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

"""One plan whose changes are being made, in shares."""

from __future__ import annotations

import itertools
import threading
from typing import Callable, Iterator, Optional, Sequence

from rbd_mon_fix.core import apply
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Locator

Make = Callable[[Sequence[Change], apply.Proceed], Iterator[Outcome]]


class Write:
    """A plan whose changes are being made.

    ``outcomes`` has those that are known so far, and ``shares`` the changes
    that may be made at the same time.

    :param make: makes changes, and yields the outcome of each
    :param at_once: how many batches may be made at the same time
    :param before: the plan before it; if it is of the same host, its changes
        are made first
    """

    def __init__(self, plan: Plan, make: Make, at_once: int = 1,
                 before: Optional[Write] = None):
        self.plan = plan
        self.outcomes: dict[Locator, Outcome] = {}
        self.shares = _shares(plan.changes, at_once)
        # The number of shares of which something is not known yet.
        self.left = len(self.shares)
        self.error: Optional[BaseException] = None
        self._make = make
        self._before = (before if before and self.host is not None
                        and before.host == self.host else None)
        # The number of servers in the batch in hand of each share.
        self._in_hand = [0] * len(self.shares)
        self._running = len(self.shares)
        self._ending = threading.Lock()
        self._over = threading.Event()

    @property
    def whole(self) -> bool:
        """Return whether all is known about the changes."""
        return not self.left and self.error is None

    @property
    def host(self) -> Optional[str]:
        """Return the host of the changes; None if there are none."""
        changes = self.plan.changes
        return changes[0].locator.host if changes else None

    @property
    def servers(self) -> int:
        """Return the number of servers in the batches in hand."""
        return sum(self._in_hand)

    def run(self, share: int, proceed: apply.Proceed) -> Iterator[Outcome]:
        """Make the changes of a share, and yield the outcome of each.

        Nothing is done if the changes of the plan before were not all made,
        and no further batch is begun after an error of another share.

        :param share: its number
        """
        def asked(servers: int) -> bool:
            self._in_hand[share] = servers
            return self.error is None and proceed(servers)

        try:
            if self._before is not None:
                self._before._over.wait()
                self.error = self.error or self._before.error
            if self.error is None:
                yield from self._make(self.shares[share], asked)
        except BaseException as error:
            self.error = self.error or error
            raise
        finally:
            self._in_hand[share] = 0
            with self._ending:
                self._running -= 1
                if not self._running:
                    self._before = None
                    self._over.set()


def _shares(changes: Sequence[Change], at_once: int) -> list[list[Change]]:
    """Deal the batches of a host, one after the other."""
    batches = list(apply.batches(changes))
    count = min(at_once, len(batches))
    return [list(itertools.chain(*batches[number::count]))
            for number in range(count)]
