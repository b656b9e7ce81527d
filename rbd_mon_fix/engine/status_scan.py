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

"""``status``: every copy, its state, and the operations that would fail."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Iterator, Mapping

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import findings
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.summary import Summary


@dataclasses.dataclass(frozen=True)
class ScanResult:
    """The result of a scan.

    :param lost: hosts that could not be scanned, each with the reason
    """

    summary: Summary
    lost: Mapping[str, exceptions.Unreachable]


def status(context: contexts.Context, request: selections.ScanRequest,
           listener: reporting.Listener = reporting.SILENCE) -> ScanResult:
    """Report every copy and every finding.

    :raises ConfigError: the request does not fit the deployment
    :raises Unreachable: no host can be scanned
    """
    context.begin_search()
    selection = selections.select(request, context)
    scan = scans.Scan(context, selection)
    judge = judging.Judge(context, selection)
    moving: findings.Moving = {}
    plans = begun(_plans(scan, judge, moving))
    reporter = reporting.Reporter(context, listener)
    reporter.begin()
    for plan in plans:
        reporter.plan(plan)
    reporter.findings(findings.find(scan, judge, moving))
    return ScanResult(reporter.end(), scan.lost)


def _plans(scan: scans.Scan, judge: judging.Judge,
           moving: findings.Moving) -> Iterator[Plan]:
    """Yield plans, and add the volumes that Cinder is moving."""
    for batch in scan.batches():
        judged = judge.judge(batch)
        moving.setdefault(judged.host, {}).update(judged.moving)
        yield judged.plan


def begun(plans: Iterator[Plan]) -> Iterator[Plan]:
    """Compute the first plan now, so errors come before any report.

    An unknown host or a service that is down must end a command before it
    reports anything.
    """
    first = list(itertools.islice(plans, 1))

    def rest() -> Iterator[Plan]:
        while first:
            yield first.pop()  # keep no reference to it
        yield from plans

    return rest()
