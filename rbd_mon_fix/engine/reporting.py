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

"""Reports to listeners while the engine works, server by server."""

from __future__ import annotations

import contextlib
import enum
import itertools
from typing import (
    Callable,
    ContextManager,
    Iterable,
    Optional,
    Protocol,
    Sequence,
)

from rbd_mon_fix.core import divergence
from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.summary import Summary

# Called with the number of steps done since the last call.
Advance = Callable[[int], None]


class Phase(str, enum.Enum):
    """A long part of the work; its steps are servers, changes or disks."""

    READING = 'Reading'
    WRITING = 'Writing'
    OPENING = 'Opening'


class Listener(Protocol):
    """Receives the results of a scan or a run as they arise.

    The engine does not keep them, so a whole cloud takes no memory.
    """

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Receive the clusters; called once, first.

        :param answering: the endpoints that answered; None if none was
            asked
        """

    def began(self, run: str) -> None:
        """Receive the id of a run in the journal, before its first change."""

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Receive one server; the servers of a host come in sequence.

        :param outcomes: the outcomes of the changes; None if none was
            made
        """

    def finding(self, found: Finding) -> None:
        """Receive one finding; called after all servers."""

    def phase(self, what: str, total: Optional[int],
              done: int = 0) -> ContextManager[Advance]:
        """Return a context manager that receives the progress of a phase.

        Inside the block, only ``batch`` and ``stopping`` are called.

        :param what: the value of a ``Phase``
        :param total: total number of steps; None if unknown
        :param done: the steps of earlier blocks that this one continues
        """

    def batch(self, servers: int) -> None:
        """Receive the number of servers in the batches in hand.

        Called before each batch, by any thread.
        """

    def stopping(self) -> bool:
        """Tell whether to end the run.

        Asked between two batches, by any thread.
        """


class Silence:
    """A listener that ignores everything."""

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Ignore the clusters."""

    def began(self, run: str) -> None:
        """Ignore the id of a run."""

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Ignore one server."""

    def finding(self, found: Finding) -> None:
        """Ignore one finding."""

    def phase(self, what: str, total: Optional[int],
              done: int = 0) -> ContextManager[Advance]:
        """Ignore the progress of a phase."""
        return contextlib.nullcontext(lambda steps: None)

    def batch(self, servers: int) -> None:
        """Ignore a batch."""

    def stopping(self) -> bool:
        """Never end a run."""
        return False


SILENCE = Silence()


class Reporter:
    """Reports plans to a listener and summarizes them."""

    def __init__(self, context: contexts.Context, listener: Listener):
        self.summary = Summary()
        self._context = context
        self._listener = listener
        self._guests: list[Finding] = []
        self._watch: Optional[connectivity.Watch] = connectivity.Watch(
            context)

    def begin(self) -> None:
        """Report the clusters, with the history known so far."""
        self._listener.clusters(self._context.histories.clusters,
                                self._context.answering)

    def begin_without_clusters(self) -> None:
        """Report no clusters; no guest can be judged then."""
        self._watch = None
        self._listener.clusters((), None)

    def plan(self, plan: Plan, outcomes: Outcomes = None) -> None:
        """Report the copies of a plan, grouped by server."""
        for _, group in itertools.groupby(plan.copies, _server):
            copies = list(group)
            self._listener.server(copies[0].locator.host, copies[0].instance,
                                  copies, outcomes)
            self.summary.add(copies, outcomes)
            found = divergence.finding(copies, outcomes)
            if found is not None:
                self._guests.append(found)
            if self._watch is not None:
                self._watch.add(copies)

    def findings(self, found: Iterable[Finding] = ()) -> None:
        """Report the findings about the guests of the plans, and others."""
        for each in itertools.chain(self._guests, found):
            self.summary.findings += 1
            self._listener.finding(each)

    def end(self) -> Summary:
        """Complete and return the summary."""
        if self._watch is not None:
            self.summary.stranded += self._watch.stranded()
        return self.summary


def _server(copy: Copy) -> tuple[str, str]:
    return copy.locator.host, copy.locator.instance
