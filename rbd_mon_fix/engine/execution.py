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

"""What every command that writes has in common: lock, journal, settling."""

from __future__ import annotations

import contextlib
import datetime
import itertools
from typing import Any, Collection, Iterable, Iterator, Optional, TextIO

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.core import recovery
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import scan as surveys
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.report import progress
from rbd_mon_fix.state import journal as journals
from rbd_mon_fix.state import locks

LOG = logging.getLogger(__name__)


def journal(site: contexts.Context) -> journals.Journal:
    """Return the journal that the config names."""
    return journals.Journal(
        site.conf.journal_dir,
        lambda: datetime.datetime.now(datetime.timezone.utc))


class Session(contextlib.AbstractContextManager['Session']):
    """The right to write to some hosts, until the block is left.

    :param lock: servers are locked through Nova's API meanwhile
    :raises Refused: another run is at work on one of the hosts
    :raises ConfigError: the journal cannot be written, or there is no API
        to lock through
    """

    def __init__(self, site: contexts.Context, survey: surveys.Survey,
                 lock: bool = False):
        self._site = site
        self._survey = survey
        self._journal = journal(site)
        self._locks = _locks(site) if lock else None
        self._held = contextlib.ExitStack()

    def __enter__(self) -> Session:
        self._journal.prepare()
        self._held.enter_context(locks.held(
            self._site.conf.journal_dir, self._survey.request.hosts))
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._held.close()

    def settle(self) -> None:
        """Find out what became of runs that were cut off on these hosts."""
        for run in self._journal.unfinished():
            if set(run.hosts) <= set(self._survey.request.hosts):
                self._settle(run)

    def apply(self, command: str, plan: Plan, shown: reporting.Showing,
              err: TextIO, undoes: Optional[str] = None,
              complaints: apply.Complaints = lambda _: {}) -> None:
        """Make the changes of a plan and show what became of them.

        :param complaints: asked about the changes that were made
        :raises RbdMonFixError: a store, the API or the journal was lost on
            the way; what is known by then was shown
        """
        if not plan.changes:
            shown.plan(plan)
            shown.close()
            return
        writer = self._journal.start(
            command, self._survey.request.hosts, plan.digest,
            [{'name': cluster.name, 'fsid': cluster.fsid,
              'monitors': list(map(str, cluster.monmap.addrs))}
             for cluster in self._site.clusters], undoes)
        outcomes: dict[Locator, Outcome] = {}
        try:
            with progress.shown(err, 'Writing', len(plan.changes)) as step:
                for outcome in self._outcomes(plan, writer):
                    outcomes[outcome.locator] = outcome
                    step(1)
            writer.close()
        except exceptions.RbdMonFixError:
            self._show(plan, outcomes, shown, writer.run)
            writer.leave()
            raise
        outcomes.update(_disproved(plan, outcomes, complaints))
        self._show(plan, outcomes, shown, writer.run)

    def _show(self, plan: Plan, outcomes: dict[Locator, Outcome],
              shown: reporting.Showing, run: str) -> None:
        shown.plan(plan, outcomes)
        shown.close(run)

    def _outcomes(self, plan: Plan,
                  writer: journals.Writer) -> Iterator[Outcome]:
        @contextlib.contextmanager
        def hold(uuids: Collection[str]) -> Iterator[None]:
            with _locked(self._locks, uuids, writer):
                yield

        for host, changes in itertools.groupby(plan.changes, _host):
            yield from apply.apply(
                Plan((), tuple(changes)), self._survey.stores(host), writer,
                self._survey.busy, hold)

    def _settle(self, run: Run) -> None:
        reachable = [entry for entry in run.unsettled
                     if entry.locator.store in self._survey.request.stores]
        if len(reachable) < len(run.unsettled):
            LOG.warning('Run %s was cut off, and part of it cannot be looked '
                        'at with these stores.', run.id)
        writer = self._journal.reopen(run)
        settled = 0
        try:
            for outcome in recovery.settle(reachable,
                                           self._survey.get):
                writer.end([outcome])
                settled += 1
                LOG.info('Run %s was cut off; %s of server %s is %s.', run.id,
                         outcome.locator.store, outcome.locator.instance,
                         outcome.verdict.value)
        except exceptions.Unreachable as error:
            LOG.warning('Run %s was cut off, and part of it cannot be looked '
                        'at: %s', run.id, error)
        if self._unlock(run, writer) and settled == len(run.unsettled):
            writer.close()
        else:
            writer.leave()

    def _unlock(self, run: Run, writer: journals.Writer) -> bool:
        """Unlock what a run that was cut off left locked."""
        if not run.locked:
            return True
        if self._site.api is None:
            LOG.warning(
                'Run %s was cut off and may have left servers locked: %s. '
                "Run this with Nova's API, or unlock them by hand.", run.id,
                ', '.join(sorted(run.locked)))
            return False
        _locks(self._site).release(run.locked, run.id)
        writer.note('unlocked', instances=sorted(run.locked))
        return True


@contextlib.contextmanager
def _locked(locks: Any, uuids: Iterable[str],
            writer: journals.Writer) -> Iterator[None]:
    """Keep servers locked, and the journal informed, in the block."""
    if locks is None:
        yield
        return
    wanted = sorted(uuids)
    writer.note('locking', instances=wanted)
    taken = locks.acquire(wanted, writer.run)
    try:
        yield
    finally:
        locks.release(taken, writer.run)
        writer.note('unlocked', instances=wanted)


def _disproved(plan: Plan, outcomes: dict[Locator, Outcome],
               complaints: apply.Complaints) -> dict[Locator, Outcome]:
    """Return what was written well, and yet does not work."""
    fixed = [change for change in plan.changes
             if outcomes[change.locator].verdict is Verdict.FIXED]
    return {locator: Outcome(locator, Verdict.UNVERIFIED, reason)
            for locator, reason in complaints(fixed).items()}


def _locks(site: contexts.Context) -> Any:
    if site.api is None:
        raise exceptions.ConfigError(
            "--lock needs Nova's API, and there are no credentials for it.",
            'Set them in group [nova], or in the OS_* environment.')
    from rbd_mon_fix.clients import server_locks
    return server_locks.Locks(site.api)


def _host(change: Change) -> str:
    return change.locator.host
