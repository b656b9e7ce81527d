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

"""Execution of plans, one after the other, with a report of each."""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.summary import Summary

# What may end a run. Defects are among them: whatever happens, the report
# tells what was written.
_ENDINGS = (Exception, KeyboardInterrupt)

# Takes changes that were made, and returns a reason for each that is wrong.
Complaints = Callable[[Sequence[Change]], Mapping[Locator, str]]


@dataclasses.dataclass(frozen=True)
class RunResult:
    """The result of a run that writes.

    :param run: the run's ID in the journal; None if there were no changes
    :param lost: hosts that could not be scanned, each with the reason
    :param error: the error that cut the run off; None if it was complete
    """

    summary: Summary
    run: Optional[str]
    lost: Mapping[str, exceptions.Unreachable]
    error: Optional[exceptions.RbdMonFixError] = None


def no_complaints(changes: Sequence[Change]) -> Mapping[Locator, str]:
    """Return no complaints."""
    return {}


def _followed(result: RunResult, work: Callable[[], object]) -> RunResult:
    """Do what follows a run; if it fails, the result is not lost.

    :returns: the result, with the error of the work if it had none
    """
    try:
        work()
    except _ENDINGS as ending:
        return dataclasses.replace(result, error=result.error or _told(ending))
    return result


@dataclasses.dataclass
class Execution:
    """Carries out the plans of one command.

    :param start: begins the run in the journal; called at the first change
    :param total: number of changes in all plans together
    :param complaints: called with changes that were made
    """

    reporter: reporting.Reporter
    listener: reporting.Listener
    start: Callable[[], sessions.Writing]
    total: int
    complaints: Complaints = no_complaints
    _writing: Optional[sessions.Writing] = None
    _done: int = 0
    # Whether a change was begun whose outcome is not known.
    _torn: bool = False

    def carry_out(self, plans: Iterator[Plan],
                  lost: Mapping[str, exceptions.Unreachable]) -> RunResult:
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
        return _followed(
            RunResult(self.reporter.summary, run, lost, error),
            self._finish)

    def _finish(self) -> None:
        self.reporter.findings()
        self.reporter.end()

    def _carry_out(self, plans: Iterator[Plan]
                   ) -> Optional[exceptions.RbdMonFixError]:
        try:
            for plan in plans:
                if not plan.changes:
                    self.reporter.plan(plan)
                    continue
                error = self._apply(plan)
                if error is not None:
                    return error
        except _ENDINGS as ending:
            self._count_unread()
            return _told(ending)
        return None

    def _apply(self, plan: Plan) -> Optional[exceptions.RbdMonFixError]:
        outcomes: dict[Locator, Outcome] = {}
        error = None
        try:
            if self._writing is None:
                self._writing = self.start()
                self.listener.began(self._writing.run)
            self._write(self._writing, plan, outcomes)
        except _ENDINGS as ending:
            error = _told(ending)
        self._done += len(plan.changes)
        self.reporter.plan(plan, outcomes)
        if error is None and self.listener.stopping():
            return exceptions.Interrupted()
        return error

    def _write(self, writing: sessions.Writing, plan: Plan,
               outcomes: dict[Locator, Outcome]) -> None:
        """Make the changes of a plan, and add the outcome of each.

        The check of the changes may take long, so an interrupt skips it.
        """
        with self.listener.phase(
                reporting.Phase.WRITING.value, self.total,
                self._done) as advance:
            self._torn = True
            for outcome in writing.apply(plan, self._proceed):
                advance(outcome.locator not in outcomes)
                outcomes[outcome.locator] = outcome
            self._torn = False
        if not self.listener.stopping():
            outcomes.update(self._disproved(plan, outcomes))

    def _proceed(self, servers: int) -> bool:
        """Tell whether to write the next batch."""
        if self.listener.stopping():
            return False
        self.listener.batch(servers)
        return True

    def _disproved(self, plan: Plan, outcomes: Mapping[Locator, Outcome]
                   ) -> Mapping[Locator, Outcome]:
        """Return outcomes of changes that were written but do not work."""
        fixed = [change for change in plan.changes
                 if outcomes[change.locator].verdict is Verdict.FIXED]
        return {locator: Outcome(locator, Verdict.UNVERIFIED, reason)
                for locator, reason in self.complaints(fixed).items()}

    def _close(self, writing: sessions.Writing,
               error: Optional[exceptions.RbdMonFixError]
               ) -> Optional[exceptions.RbdMonFixError]:
        """End the run, and return the error that it ends with, if any."""
        try:
            writing.close(error is None or not self._torn and isinstance(
                error, exceptions.Interrupted))
        except _ENDINGS as ending:
            return error or _told(ending)
        return error

    def _tell_rest(self, plans: Iterator[Plan]) -> None:
        """Report the plans that were not reached."""
        try:
            for plan in plans:
                self._done += len(plan.changes)
                self.reporter.plan(plan, {} if plan.changes else None)
        except _ENDINGS:
            self._count_unread()

    def _count_unread(self) -> None:
        """Count the changes of plans that can no longer be read."""
        self.reporter.summary.unsettled += max(0, self.total - self._done)
        self._done = self.total


def _told(ending: BaseException) -> exceptions.RbdMonFixError:
    """Return an ending as an error of ours, which the report precedes."""
    if isinstance(ending, exceptions.RbdMonFixError):
        return ending
    if isinstance(ending, KeyboardInterrupt):
        return exceptions.Interrupted()
    if isinstance(ending, OSError):
        return exceptions.of_system(ending)
    return exceptions.Defect(ending)
