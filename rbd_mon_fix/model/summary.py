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

"""What a whole run comes to, counted while it streams."""

from __future__ import annotations

import collections
import dataclasses
from typing import Counter, Sequence

from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import SkipReason

# The ways back after a power failure, each for servers in other states.
_WAYS_BACK = {Operation.START, Operation.RESUME, Operation.UNRESCUE}


@dataclasses.dataclass
class Host:
    """Counts of one host: its servers, and those that would not come back.

    What servers of other hosts left behind on it is not counted.
    """

    servers: int = 0
    lost: int = 0


class Summary:
    """Counts of a run: of servers, copies and changes.

    ``found`` and ``left`` count the servers on which an operation would
    fail, before and after what the run changed. ``due`` are the changes
    to be made, one for each document however many disks it has;
    ``outcomes`` counts them by verdict, and ``unsettled`` are those
    without an outcome in a run that writes. ``skipped`` leaves out
    copies that are right.
    ``wrong`` are the copies that are drifted or stale, but for those of
    running guests that do no harm: that they are old is no fault.
    ``hosts`` tells what a power failure would leave, after those changes.
    ``stranded`` are servers whose QEMU process has lost the monitors.
    """

    def __init__(self) -> None:
        self.servers = 0
        self.broken = 0
        self.still_broken = 0
        self.wrong = 0
        self.due = 0
        self.unsettled = 0
        self.stale_skipped = 0
        self.findings = 0
        self.stranded: list[str] = []
        self.states: Counter[State] = collections.Counter()
        self.skipped: Counter[SkipReason] = collections.Counter()
        self.outcomes: Counter[Verdict] = collections.Counter()
        self.found: Counter[Operation] = collections.Counter()
        self.left: Counter[Operation] = collections.Counter()
        self.hosts: dict[str, Host] = {}

    def add(self, copies: Sequence[Copy],
            outcomes: Outcomes) -> None:
        """Count one server.

        :param copies: all copies of the server, none of another
        :param outcomes: what became of the changes; None where none was
            made
        """
        found, left = breaks(copies), breaks_left(copies, outcomes)
        self.servers += 1
        self.broken += bool(found)
        self.still_broken += bool(left)
        self.found.update(found)
        self.left.update(left)
        self._add_to_host(copies, left)
        for copy in copies:
            self._add_copy(copy)
        self._add_changes(copies, outcomes)

    def _add_to_host(self, copies: Sequence[Copy],
                     left: Sequence[Operation]) -> None:
        if not copies or copies[0].instance.host != copies[0].locator.host:
            return
        host = self.hosts.setdefault(copies[0].locator.host, Host())
        host.servers += 1
        host.lost += not _WAYS_BACK.isdisjoint(left)

    def _add_copy(self, copy: Copy) -> None:
        self.states[copy.state] += 1
        self.wrong += copy.wrong and (copy.skip is not SkipReason.READ_ONLY
                                      or bool(copy.breaks))
        if copy.skip and copy.state is not State.CURRENT:
            self.skipped[copy.skip] += 1
            self.stale_skipped += (copy.state is State.STALE
                                   and copy.skip is not SkipReason.READ_ONLY)

    def _add_changes(self, copies: Sequence[Copy],
                     outcomes: Outcomes) -> None:
        changes = {copy.locator: outcome_of(copy, outcomes)
                   for copy in copies if copy.due}
        self.due += len(changes)
        if outcomes is None:
            return
        for outcome in changes.values():
            if outcome:
                self.outcomes[outcome.verdict] += 1
            else:
                self.unsettled += 1

    @property
    def copies(self) -> int:
        """Return how many copies were looked at."""
        return sum(self.states.values())

    @property
    def running(self) -> int:
        """Return how many copies of running guests are not current."""
        return self.skipped[SkipReason.READ_ONLY]

    @property
    def left_alone(self) -> int:
        """Return how many copies were left alone that could be changed."""
        return sum(self.skipped.values()) - self.running

    @property
    def incomplete(self) -> bool:
        """Tell whether something that had to be put right was not."""
        unfixed = sum(self.outcomes.values()) - self.outcomes[Verdict.FIXED]
        return bool(unfixed or self.unsettled or self.stale_skipped)

    def as_dict(self) -> dict[str, object]:
        """Return the ``summary`` of the machine formats.

        ``skipped`` leaves out copies that are right as they are.
        """
        return {
            'servers': self.servers,
            'would_not_start': self.found[Operation.START],
            'broken': self.broken,
            'still_would_not_start': self.left[Operation.START],
            'still_broken': self.still_broken,
            'records': self.copies,
            'states': {each.value: self.states[each] for each in State},
            'skipped': {each.value: self.skipped[each]
                        for each in SkipReason if self.skipped[each]},
            'breaks': {each.value: self.found[each] for each in Operation},
            'hosts': {name: {'servers': host.servers,
                             'would_not_come_back': host.lost}
                      for name, host in self.hosts.items()},
            'stranded': self.stranded,
            'findings': self.findings,
            'outcomes': {each.value: self.outcomes[each]
                         for each in Verdict},
        }


def breaks(copies: Sequence[Copy]) -> tuple[Operation, ...]:
    """Return the operations that would fail, in the order of reports."""
    found = {operation for copy in copies for operation in copy.breaks}
    return tuple(each for each in Operation if each in found)


def breaks_left(copies: Sequence[Copy],
                outcomes: Outcomes) -> tuple[Operation, ...]:
    """Return the operations that would fail once the fixed are fixed."""
    return breaks([copy for copy in copies if not _is_fixed(copy, outcomes)])


def _is_fixed(copy: Copy, outcomes: Outcomes) -> bool:
    outcome = outcome_of(copy, outcomes)
    return outcome is not None and outcome.verdict is Verdict.FIXED
