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
"""Counts of a whole run, accumulated server by server."""

from __future__ import annotations

import collections
import dataclasses
from typing import Counter, Iterable, Sequence

from rbd_mon_fix.model.plan import HANDED_ON
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import SkipReason

# The operations that bring a server back after a power failure, depending
# on its state.
_WAYS_BACK = {Operation.START, Operation.RESUME, Operation.UNRESCUE}
_PLACES = {each: place for place, each in enumerate(Operation)}


@dataclasses.dataclass(frozen=True)
class Host:
    """Servers of one host after a power failure.

    :param lost: how many would not come back now, after the run if there
        was one
    :param not_judged: how many have copies that could not be judged
    :param lost_before: how many would not have come back before the run
    :param lost_after_plan: how many would not come back if all due changes
        were made
    """

    servers: int = 0
    lost: int = 0
    not_judged: int = 0
    lost_before: int = 0
    lost_after_plan: int = 0


class Summary:
    """Counts of a run: of servers, copies and changes.

    Servers:

    - ``servers``: all servers.
    - ``broken``, ``still_broken``: servers on which some operation would
      fail, before and after the run. An operation that succeeds and hands
      the stale addresses on does not count.
    - ``broken_after_plan``: the same if all due changes were made.
    - ``found``, ``left``, ``left_by_plan``: the same three for each
      operation.
    - ``hosts``: the servers that each host would lose in a power failure.
      Copies left behind by servers of other hosts do not count.
    - ``lost_before``, ``lost``, ``lost_after_plan``: the same for all hosts.
    - ``doubtful``: servers with copies that could not be judged.
    - ``stranded``: the servers whose QEMU process has lost its monitors.
    - ``shielded``: servers with copies that a shield makes harmless on this
      host.

    Copies:

    - ``states``: all copies by state.
    - ``skipped``: skipped copies by reason, except those that are right.
    - ``wrong``: drifted and stale copies, except read-only copies (of
      running guests) that make no operation fail.
    - ``not_judged``: copies of which nothing tells whether they are right.
    - ``left_alone``: stale copies, and copies that could not be judged, that
      were skipped although they are not read-only.

    Copies that servers of other hosts left behind, and those of transient
    domains, count in none of these three.

    Changes (one per document, even if it has several disks):

    - ``due``: the planned changes.
    - ``outcomes``: the changes by verdict.
    - ``unsettled``: the changes without an outcome in a run that writes.

    ``findings`` counts the problems that need a person's attention.
    """

    def __init__(self) -> None:
        self.servers = 0
        self.broken = 0
        self.still_broken = 0
        self.broken_after_plan = 0
        self.doubtful = 0
        self.wrong = 0
        self.not_judged = 0
        self.due = 0
        self.unsettled = 0
        self.left_alone = 0
        self.findings = 0
        self.shielded = 0
        self.stranded: list[str] = []
        self.states: Counter[State] = collections.Counter()
        self.skipped: Counter[SkipReason] = collections.Counter()
        self.outcomes: Counter[Verdict] = collections.Counter()
        self.found: Counter[Operation] = collections.Counter()
        self.left: Counter[Operation] = collections.Counter()
        self.left_by_plan: Counter[Operation] = collections.Counter()
        self.hosts: dict[str, Host] = {}

    def add(self, copies: Sequence[Copy], outcomes: Outcomes) -> None:
        """Count one server.

        :param copies: all copies of the server, and of no other server
        :param outcomes: the outcomes of changes; None if nothing is written
        """
        found = breaks(copies)
        left = breaks_left(copies, outcomes) if outcomes else found
        planned = breaks_after_plan(copies)
        self.broken += not HANDED_ON.issuperset(found)
        self.still_broken += not HANDED_ON.issuperset(left)
        self.broken_after_plan += not HANDED_ON.issuperset(planned)
        self.doubtful += any(copy.not_judged for copy in copies)
        self.shielded += any(copy.shielded for copy in copies)
        self.found.update(found)
        self.left.update(left)
        self.left_by_plan.update(planned)
        self._add_to_host(copies, found, left, planned)
        self.count(copies, outcomes)

    def count(self, copies: Sequence[Copy], outcomes: Outcomes) -> None:
        """Count a server's copies and changes only; ``add`` does it too."""
        self.servers += 1
        for copy in copies:
            self._add_copy(copy)
        self._add_changes(copies, outcomes)

    def _add_to_host(self, copies: Sequence[Copy],
                     found: Sequence[Operation], left: Sequence[Operation],
                     planned: Sequence[Operation]) -> None:
        if not copies or copies[0].instance.host != copies[0].locator.host:
            return
        name = copies[0].locator.host
        host = self.hosts.get(name, Host())
        self.hosts[name] = Host(
            host.servers + 1,
            host.lost + (not _WAYS_BACK.isdisjoint(left)),
            host.not_judged + any(copy.not_judged for copy in copies),
            host.lost_before + (not _WAYS_BACK.isdisjoint(found)),
            host.lost_after_plan + (not _WAYS_BACK.isdisjoint(planned)))

    def _add_copy(self, copy: Copy) -> None:
        self.states[copy.state] += 1
        read_only = copy.skip is SkipReason.READ_ONLY
        self.not_judged += copy.not_judged
        self.wrong += copy.amiss and copy.wrong
        if copy.skip and copy.is_left_alone:
            self.skipped[copy.skip] += 1
            self.left_alone += copy.counts and not read_only and (
                copy.not_judged or copy.state is State.STALE)

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
        """Return the number of all copies."""
        return sum(self.states.values())

    @property
    def lost_before(self) -> int:
        """Return how many servers a power failure before the run costs."""
        return sum(host.lost_before for host in self.hosts.values())

    @property
    def lost(self) -> int:
        """Return how many servers a power failure now costs."""
        return sum(host.lost for host in self.hosts.values())

    @property
    def lost_after_plan(self) -> int:
        """Return how many it costs if all due changes are made."""
        return sum(host.lost_after_plan for host in self.hosts.values())

    @property
    def read_only(self) -> int:
        """Return the number of running guests' copies that are not current."""
        return self.skipped[SkipReason.READ_ONLY]

    @property
    def skipped_writable(self) -> int:
        """Return the number of skipped copies that could be changed."""
        return sum(self.skipped.values()) - self.read_only

    @property
    def needs_attention(self) -> bool:
        """Return whether anything is wrong, stranded, or not known."""
        return bool(self.wrong or self.not_judged or self.stranded)

    @property
    def incomplete(self) -> bool:
        """Return whether anything that had to be fixed was not fixed."""
        unfixed = sum(self.outcomes.values()) - self.outcomes[Verdict.FIXED]
        return bool(unfixed or self.unsettled or self.left_alone)


def breaks(copies: Sequence[Copy]) -> tuple[Operation, ...]:
    """Return the operations that would fail, in the order of reports."""
    return _in_order(each for copy in copies for each in copy.breaks)


def breaks_left(copies: Sequence[Copy],
                outcomes: Outcomes) -> tuple[Operation, ...]:
    """Return the operations that would fail after the changes."""
    return _in_order(each for copy in copies for each in (
        copy.breaks_after if _is_fixed(copy, outcomes) else copy.breaks))


def breaks_after_plan(copies: Sequence[Copy]) -> tuple[Operation, ...]:
    """Return the operations that would fail if all due changes were made."""
    return _in_order(each for copy in copies for each in (
        copy.breaks_after if copy.due else copy.breaks))


def _in_order(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    return tuple(sorted(set(operations), key=_PLACES.__getitem__))


def _is_fixed(copy: Copy, outcomes: Outcomes) -> bool:
    outcome = outcome_of(copy, outcomes)
    return outcome is not None and outcome.verdict is Verdict.FIXED
