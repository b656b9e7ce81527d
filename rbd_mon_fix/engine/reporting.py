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

"""Handing plans to a report, server by server."""

from __future__ import annotations

import itertools
from typing import Iterable, Mapping, Optional, TextIO

from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import schema

Outcomes = Optional[Mapping[Locator, Outcome]]


class Showing:
    """A report that is being written, and what it comes to."""

    def __init__(self, site: contexts.Context, out: TextIO, kind: schema.Kind):
        self.tally = Summary()
        self._watch = connectivity.Watch(site)
        self._report = factory.report(site.conf.command.format, out, kind)
        self._report.clusters(site.clusters, site.answering)

    def plan(self, plan: Plan, outcomes: Outcomes = None) -> None:
        """Show the copies of a plan, grouped by server."""
        for _, group in itertools.groupby(plan.copies, _server):
            copies = list(group)
            self._report.server(copies[0].locator.host, copies[0].instance,
                                copies, outcomes)
            self.tally.add(copies, outcomes)
            self._watch.add(copies)

    def plans(self, plans: Iterable[Plan]) -> None:
        """Show plans as they come, keeping none."""
        for plan in plans:
            self.plan(plan)

    def findings(self, found: Iterable[Finding]) -> None:
        """Show findings as they come, keeping none."""
        for each in found:
            self.tally.findings += 1
            self._report.finding(each)

    def close(self, run: Optional[str] = None) -> None:
        """Show what it comes to."""
        self.tally.stranded += self._watch.stranded()
        self._report.close(self.tally, run)


def _server(copy: Copy) -> tuple[str, str]:
    return copy.locator.host, copy.locator.instance
