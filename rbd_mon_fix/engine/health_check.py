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

"""``check``: the health of hosts and their guests, from one scan."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from typing import Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import divergence
from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import findings
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import running_guests
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.model import cluster as clusters
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.health import Health
from rbd_mon_fix.model.health import HostHealth
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.state import atomic_file


@dataclasses.dataclass(frozen=True)
class CheckResult:
    """What a check found.

    :param lost: hosts that could not be scanned, each with the reason
    """

    health: Health
    lost: Mapping[str, exceptions.Unreachable]


def check(context: contexts.Context,
          request: selections.ScanRequest) -> CheckResult:
    """Count what ``status`` and ``guests`` report, host by host.

    A host that cannot be scanned is part of the result, even if no other
    host is left.

    :raises ConfigError: the request does not fit the deployment
    :raises Unreachable: a service that the hosts share cannot be reached
    """
    context.begin_search()
    return _Check(context, selections.select(request, context)).run()


def replace_textfile(path: str, content: bytes) -> None:
    """Replace the file of metrics that node_exporter reads.

    :raises OSError: the file cannot be written; the old one is unchanged
    """
    atomic_file.replace_shared(path, content)


class _Check:
    """One scan, counted."""

    def __init__(self, context: contexts.Context,
                 selection: selections.Selection):
        self._context = context
        self._selection = selection
        self._scan = scans.Scan(context, selection)
        self._judge = judging.Judge(context, selection)
        self._watch = connectivity.Watch(context)
        self._summary = Summary()
        self._hosts = {host: HostHealth(host) for host in selection.hosts}
        self._names: dict[str, str] = {}

    def run(self) -> CheckResult:
        """Scan, and count."""
        try:
            self._read()
        except exceptions.Unreachable:
            if len(self._scan.lost) < len(self._hosts):
                raise
        guests = self._guests()
        if guests is not None:
            self._summary.stranded += guests.stranded
        known = self._context.histories.clusters
        answering = self._context.answering
        return CheckResult(Health(
            self._summary,
            {name: host for name, host in self._hosts.items()
             if name not in self._scan.lost},
            tuple(self._scan.lost), known, answering,
            guests.not_judged if guests else 0,
            tuple(filter(None, (clusters.doubt(each, answering)
                                for each in known)))), self._scan.lost)

    def _read(self) -> None:
        moving: findings.Moving = {}
        for batch in self._scan.batches():
            self._names.update(
                (uuid, server.name)
                for uuid, server in batch.scope.instances.items())
            judged = self._judge.judge(batch)
            moving.setdefault(judged.host, {}).update(judged.moving)
            self._count(judged.plan)
        for found in findings.find(self._scan, self._judge, moving):
            self._find(found)

    def _find(self, found: Optional[Finding]) -> None:
        """Count a finding, if there is one."""
        if found is not None:
            self._summary.findings += 1
            if found.host in self._hosts:
                self._hosts[found.host].findings[found.kind] += 1

    def _count(self, plan: Plan) -> None:
        for (host, _), group in itertools.groupby(
                plan.copies, lambda copy: (copy.locator.host,
                                           copy.locator.instance)):
            copies = list(group)
            self._summary.add(copies, None)
            self._hosts[host].summary.add(copies, None)
            self._find(divergence.finding(copies, None))
            self._hosts[host].copies.update(
                (copy.cluster or '', copy.locator.store, copy.state)
                for copy in copies if copy.counts)
            self._watch.add(copies)

    def _guests(self) -> Optional[running_guests.GuestsResult]:
        """Examine the guests of this machine, if it is one of the hosts."""
        host = self._context.local_host.among(self._hosts)
        if host is None or host in self._scan.lost:
            return None
        try:
            found = running_guests.examine(
                self._context, self._selection, host, self._watch,
                self._names)
        except exceptions.Unreachable as error:
            self._scan.lost[host] = error
            return None
        self._hosts[host] = dataclasses.replace(
            self._hosts[host], guests=collections.Counter(
                each.state for each in found.guests))
        return found
