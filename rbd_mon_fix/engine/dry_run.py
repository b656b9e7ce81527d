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

"""Dry runs: plans that are reported, and not carried out."""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import digest as digests
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import status_scan
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.saved_plan import PlannedChange

Keep = Callable[[Sequence[PlannedChange]], object]


@dataclasses.dataclass(frozen=True)
class PlanResult(status_scan.ScanResult):
    """The result of a dry run.

    :param digest: tells whether two plans are the same
    :param refused: why a guard would refuse the plan; None if it would not
    :param error: what the plan leaves out, or why it could not be saved;
        None if it is complete
    """

    digest: str
    refused: Optional[exceptions.Refused] = None
    error: Optional[exceptions.RbdMonFixError] = None


def report(plans: Iterator[Plan], reporter: reporting.Reporter,
           keep: Keep = lambda changes: None) -> str:
    """Report plans as they are made, and return the digest of them all.

    :param keep: called with the changes of each plan
    """
    digest = digests.Digest()
    for plan in plans:
        reporter.plan(plan)
        changes = list(map(digests.planned, plan.changes))
        digest.add(changes)
        keep(changes)
    return str(digest)
