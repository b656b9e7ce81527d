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

"""What users of the engine hear while it works, server by server."""

from __future__ import annotations

import contextlib
import itertools
from typing import (
    Callable,
    ContextManager,
    Iterable,
    Optional,
    Protocol,
    Sequence,
)

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

# Called with the number of steps that were done since the last call.
Advance = Callable[[int], None]


class Listener(Protocol):
    """Hears what a scan or a run finds and does.

    The engine keeps nothing of it, so that a whole cloud takes no memory.
    """

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Hear of the clusters; called once, first.

        :param answering: the endpoints that answered; None where none was
            asked
        """

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Hear of one server; those of one host follow each other.

        :param outcomes: what became of the changes; None where none was
            made
        """

    def finding(self, found: Finding) -> None:
        """Hear of one finding; called after all servers."""

    def phase(self, what: str,
              total: Optional[int]) -> ContextManager[Advance]:
        """Hear how far a piece of work has come, until the block is left.

        Nothing else is heard in the block.

        :param what: such as 'Reading'
        :param total: steps in all; None where that is not known
        """


class Silence:
    """A listener for those who want the result alone."""

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Hear of the clusters."""

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Hear of one server."""

    def finding(self, found: Finding) -> None:
        """Hear of one finding."""

    def phase(self, what: str,
              total: Optional[int]) -> ContextManager[Advance]:
        """Hear how far a piece of work has come."""
        return contextlib.nullcontext(lambda steps: None)


SILENCE = Silence()


class Reporter:
    """Tells a listener of plans, and counts what they come to."""

    def __init__(self, context: contexts.Context, listener: Listener):
        self.summary = Summary()
        self._context = context
        self._listener = listener
        self._watch = connectivity.Watch(context)

    def begin(self) -> None:
        """Tell of the clusters."""
        self._listener.clusters(self._context.clusters,
                                self._context.answering)

    def plan(self, plan: Plan, outcomes: Outcomes = None) -> None:
        """Tell of the copies of a plan, grouped by server."""
        for _, group in itertools.groupby(plan.copies, _server):
            copies = list(group)
            self._listener.server(copies[0].locator.host, copies[0].instance,
                                  copies, outcomes)
            self.summary.add(copies, outcomes)
            self._watch.add(copies)

    def findings(self, found: Iterable[Finding]) -> None:
        """Tell of findings."""
        for each in found:
            self.summary.findings += 1
            self._listener.finding(each)

    def end(self) -> Summary:
        """Return what it all comes to."""
        self.summary.stranded += self._watch.stranded()
        return self.summary


def _server(copy: Copy) -> tuple[str, str]:
    return copy.locator.host, copy.locator.instance
