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

"""``refresh``: correct the copies that ``status`` reports."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.core import guard as guards
from rbd_mon_fix.core import plan_comparison
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import dry_run
from rbd_mon_fix.engine import execution
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import run_result
from rbd_mon_fix.engine import saved_plans
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.engine import status_scan
from rbd_mon_fix.engine import verification
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.saved_plan import SavedPlan
from rbd_mon_fix.state import known_clusters
from rbd_mon_fix.stores import registry

# Plans of up to this many copies in total are kept between reading and
# writing; more are read twice, which bounds memory use.
KEPT = 12_000


@dataclasses.dataclass(frozen=True)
class RefreshRequest:
    """The parameters of a refresh.

    :param scan: the servers and stores to refresh
    :param max_changes: refuse more changes than this; None for no limit
    :param lock: lock servers through Nova's API while writing their records
    :param opening: have QEMU open each changed disk, within these limits;
        None to skip the check
    :param plan: make exactly these changes, or none; ``scan`` is then the
        scope of the plan
    :param save_plan: the file to which ``plan_refresh`` saves the plan;
        None to save none. A plan that a guard would refuse is not saved.
    """

    scan: selections.ScanRequest
    max_changes: Optional[int] = None
    lock: bool = False
    opening: Optional[verification.Limits] = None
    plan: Optional[SavedPlan] = None
    save_plan: Optional[str] = None


def plan_refresh(context: contexts.Context, request: RefreshRequest,
                 listener: reporting.Listener = reporting.SILENCE
                 ) -> dry_run.PlanResult:
    """Report what ``refresh`` would do, without changing anything.

    :returns: the result, with the refusal if a guard would refuse
    :raises ConfigError: the request does not fit the deployment
    :raises Unreachable: no host can be scanned
    """
    recorder = saved_plans.Recorder(request.save_plan)
    planned = _Refresh(context, request, listener)
    reporter = reporting.Reporter(context, listener)
    plans = status_scan.begun(planned.plans())
    reporter.begin()
    digest = dry_run.report(plans, reporter, recorder.keep)
    refused = None
    try:
        planned.check()
    except exceptions.Refused as error:
        refused = error
    failure = None if refused else recorder.save(planned.scan, request.scan)
    return dry_run.PlanResult(
        reporter.end(), planned.scan.lost, digest, refused, failure)


def refresh(context: contexts.Context, request: RefreshRequest,
            listener: reporting.Listener = reporting.SILENCE
            ) -> run_result.RunResult:
    """Correct stale and drifted copies, and report the outcomes.

    :raises ConfigError: the request does not fit the deployment
    :raises Refused: a guard or another run forbids it; nothing was changed
    :raises Unreachable: no host can be scanned
    """
    return _Refresh(context, request, listener).run()


class _Refresh:
    """One refresh: read, check against the guard, write."""

    def __init__(self, context: contexts.Context, request: RefreshRequest,
                 listener: reporting.Listener):
        self._context = context
        self._request = request
        self._listener = listener
        _check_writable(request.scan)
        context.begin_search()
        selection = selections.select(request.scan, context)
        self.scan = scans.Scan(context, selection)
        self._judge = judging.Judge(context, selection)
        self._guard = guards.Guard(request.max_changes)
        self._comparison = (
            plan_comparison.Comparison(request.plan)
            if request.plan is not None else None)

    def plans(self, advance: reporting.Advance = lambda servers: None
              ) -> Iterator[Plan]:
        """Read and judge batches; add each plan to the guard.

        :param advance: called with the number of servers of each batch
        """
        for batch in self.scan.batches():
            found = self._judge.plan(batch)
            self._guard.add(found)
            if self._comparison is not None:
                self._comparison.add(found)
            advance(len(batch.scope.instances))
            yield found

    def check(self) -> None:
        """Check all plans, after they were read.

        :raises Refused: they are not those of the saved plan, or the guard
            refuses; the message gives the reason
        """
        if self._comparison is not None:
            self._comparison.check(self._context.clusters, self.scan.lost)
        if not self._guard.changes:
            return
        folder = self._context.journal_dir
        self._guard.check(
            self._context.clusters, self._context.answering,
            known_clusters.load(folder), known_clusters.path(folder))

    def run(self) -> run_result.RunResult:
        """Read, check and write."""
        complaints = self._complaints()
        with sessions.Session(self._context, self.scan,
                              self._request.lock) as session:
            session.settle()
            kept = self._read()
            self.check()
            self._learn()
            hook_update.feed(self._context)
            reporter = reporting.Reporter(self._context, self._listener)
            reporter.begin()
            return execution.Execution(
                reporter, self._listener,
                lambda: session.start('refresh', self._context.clusters),
                self._guard.changes, complaints,
                self.scan.selection.pace).carry_out(
                    self._again() if kept is None else iter(kept),
                    self.scan.lost)

    def _read(self) -> Optional[list[Plan]]:
        """Return all plans; None if they are too large to keep."""
        kept: list[Plan] = []
        copies = 0
        with self._listener.phase(
                reporting.Phase.READING.value, self.scan.servers()) as advance:
            for each in self.plans(advance):
                copies += len(each.copies)
                if copies <= KEPT:
                    kept.append(each)
                else:
                    kept.clear()
        return kept if copies <= KEPT else None

    def _again(self) -> Iterator[Plan]:
        """Read again; allow no more changes than the guard has checked.

        :raises RbdMonFixError: there are more changes than before, or a
            change that is not in the saved plan
        """
        allowed = self._guard.changes
        self._guard = guards.Guard(None)
        for each in self.plans():
            self._check_planned(each)
            if self._guard.changes > allowed:
                raise exceptions.RbdMonFixError(
                    f'More changes are due now than the {allowed} that were '
                    'checked.', 'Run the same command again; it checks and '
                    'makes the remaining changes.')
            yield each

    def _check_planned(self, plan: Plan) -> None:
        if self._comparison is None:
            return
        for words in self._comparison.unplanned(plan.changes):
            raise exceptions.RbdMonFixError(
                f'The plan no longer holds: {words}.',
                'The changes before it were made. Make a new plan for the '
                'others.')

    def _learn(self) -> None:
        """Store the cluster of each backend for later runs."""
        folder = self._context.journal_dir
        known = known_clusters.load(folder)
        learnt = cluster_identity.learnt(self._context.clusters, known)
        if learnt != known:
            known_clusters.save(folder, learnt)

    def _complaints(self) -> execution.Complaints:
        """Return the check of changes by QEMU, if requested.

        :raises ConfigError: a host is not this machine
        """
        if self._request.opening is None:
            return execution.no_complaints
        return verification.Prover(
            self._context, self.scan.selection.hosts, self._request.opening,
            self._listener).complaints


def _check_writable(request: selections.ScanRequest) -> None:
    for name in request.stores:
        if name in registry.SPECS and not registry.SPECS[name].writable:
            raise exceptions.ConfigError(
                f'Copies in {name} cannot be changed.',
                'Omit the store: status shows its copies.')
