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

"""Execution of plans, with a report of each in their order."""

from __future__ import annotations

import contextlib
import dataclasses
from typing import (
    Callable,
    ContextManager,
    Iterator,
    Mapping,
    Optional,
    Sequence,
)

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.engine import plan_write
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import run_result
from rbd_mon_fix.engine import selection
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.engine import writes
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator

LOG = logging.getLogger(__name__)

# Takes changes that were made, and returns a reason for each that is wrong.
Complaints = Callable[[Sequence[Change]], Mapping[Locator, str]]


def no_complaints(changes: Sequence[Change]) -> Mapping[Locator, str]:
    """Return no complaints."""
    return {}


@dataclasses.dataclass
class Execution:
    """Carries out the plans of one command.

    :param start: begins the run in the journal; called at the first change
    :param total: number of changes in all plans together
    :param complaints: called with changes that were made
    :param pace: how many hosts are written to at the same time
    """

    reporter: reporting.Reporter
    listener: reporting.Listener
    start: Callable[[], sessions.Writing]
    total: int
    complaints: Complaints = no_complaints
    pace: selection.Pace = selection.ONE
    _writing: Optional[sessions.Writing] = None
    _done: int = 0
    # Whether a change was begun whose outcome is not known.
    _torn: bool = False

    def __post_init__(self) -> None:
        self._writes = writes.Writes(self.pace, self._proceed,
                                     self.listener.stopping)

    def carry_out(self, plans: Iterator[Plan],
                  lost: Mapping[str, exceptions.Unreachable]
                  ) -> run_result.RunResult:
        """Make the changes of plans, and report each plan afterwards.

        An error ends the run, but not the report: known outcomes are
        reported, and the remaining plans are reported as not reached. After
        an interrupt, they are only counted; the run is finished if the
        interrupt came between two batches.
        """
        error = self._carry_out(plans)
        if isinstance(error, exceptions.Interrupted):
            self._count_unread()
        elif error is not None:
            self._tell_rest(plans)
        run = None
        if self._writing is not None:
            run = self._writing.run
            error = self._close(self._writing, error)
        if isinstance(error, exceptions.Interrupted):
            error = exceptions.Interrupted(
                run, self.reporter.summary.outcomes[Verdict.FIXED],
                self.total)
        return run_result.followed(
            run_result.RunResult(self.reporter.summary, run, lost, error),
            self._finish)

    def _finish(self) -> None:
        self.reporter.findings()
        self.reporter.end()

    def _carry_out(self, plans: Iterator[Plan]
                   ) -> Optional[exceptions.RbdMonFixError]:
        """Make the changes, and report the plans that were begun."""
        error = None
        try:
            for plan in plans:
                error = self._begin(plan) or self._report(
                    self.pace.parallel - 1)
                if error is not None:
                    break
            else:
                error = self._report()
        except run_result.ENDINGS as ending:
            error = exceptions.of_any(ending)
            self._end_all(error)
            self._count_unread()
        else:
            if error is not None:
                self._end_all(error)
        return error

    def _begin(self, plan: Plan) -> Optional[exceptions.RbdMonFixError]:
        """Begin to make the changes of a plan; return what prevents it."""
        try:
            if plan.changes and self._writing is None:
                self._writing = self.start()
                self.listener.began(self._writing.run)
        except run_result.ENDINGS as ending:
            self._done += len(plan.changes)
            self.reporter.plan(plan, {})
            return exceptions.of_any(ending)
        self._writes.begin(plan, self._make)
        return None

    def _make(self, changes: Sequence[Change], proceed: apply.Proceed
              ) -> Iterator[Outcome]:
        assert self._writing is not None
        return self._writing.apply(changes, proceed)

    def _report(self, left: int = 0
                ) -> Optional[exceptions.RbdMonFixError]:
        """Wait for plans that were begun, and report them.

        :param left: how many may go on
        """
        while len(self._writes) > left:
            error = self._report_first()
            if error is not None:
                return error
        return None

    def _report_first(self) -> Optional[exceptions.RbdMonFixError]:
        error = None
        try:
            with self._progress(self._writes.first) as advance:
                self._writes.wait(advance)
        except run_result.ENDINGS as ending:
            error = exceptions.of_any(ending)
        write = self._writes.take()
        self._torn = self._torn or not write.whole
        if not write.plan.changes:
            self.reporter.plan(write.plan)
            return error
        try:
            if error is None and not self.listener.stopping():
                write.outcomes.update(self._disproved(write))
        except run_result.ENDINGS as ending:
            error = exceptions.of_any(ending)
        self._done += len(write.plan.changes)
        self.reporter.plan(write.plan, write.outcomes)
        if error is None and self.listener.stopping():
            return exceptions.Interrupted()
        return error

    def _progress(self, write: plan_write.Write
                  ) -> ContextManager[reporting.Advance]:
        if not write.plan.changes:
            return contextlib.nullcontext(lambda servers: None)
        return self.listener.phase(
            reporting.Phase.WRITING.value, self.total,
            self._done + self._writes.settled)

    def _end_all(self, error: exceptions.RbdMonFixError) -> None:
        """Let batches in hand end, report their plans, log their errors."""
        self._writes.halt(writes.GRACE if isinstance(
            error, exceptions.Interrupted) and not self.listener.stopping()
            else None)
        while len(self._writes):
            with contextlib.suppress(*run_result.ENDINGS):
                another = self._report_first()
                if another and not isinstance(another,
                                              exceptions.Interrupted):
                    LOG.error('%s', another)

    def _proceed(self, servers: int) -> bool:
        """Tell whether to write the next batch."""
        if self.listener.stopping():
            return False
        self.listener.batch(servers)
        return True

    def _disproved(self, write: plan_write.Write
                   ) -> Mapping[Locator, Outcome]:
        """Return outcomes of changes that were written but do not work.

        The check may take long, so an interrupt skips it.
        """
        fixed = [change for change in write.plan.changes
                 if change.locator in write.outcomes and write.outcomes[
                     change.locator].verdict is Verdict.FIXED]
        return {locator: Outcome(locator, Verdict.UNVERIFIED, reason)
                for locator, reason in self.complaints(fixed).items()}

    def _close(self, writing: sessions.Writing,
               error: Optional[exceptions.RbdMonFixError]
               ) -> Optional[exceptions.RbdMonFixError]:
        """End the run, and return the error that it ends with, if any."""
        try:
            writing.close(error is None or not self._torn and isinstance(
                error, exceptions.Interrupted))
        except run_result.ENDINGS as ending:
            return error or exceptions.of_any(ending)
        return error

    def _tell_rest(self, plans: Iterator[Plan]) -> None:
        """Report the plans that were not reached."""
        try:
            for plan in plans:
                self._done += len(plan.changes)
                self.reporter.plan(plan, {} if plan.changes else None)
        except run_result.ENDINGS:
            self._count_unread()

    def _count_unread(self) -> None:
        """Count the changes of plans that can no longer be read."""
        self.reporter.summary.unsettled += max(0, self.total - self._done)
        self._done = self.total
