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

"""``rollback``: undo a run."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Mapping, Optional, Sequence

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import planning
from rbd_mon_fix.core import recovery
from rbd_mon_fix.core import rollback as inverse
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import dry_run
from rbd_mon_fix.engine import execution
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import run_result
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.engine import status_scan
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.run import RESCUE
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.state import journal as journals

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class RollbackRequest:
    """The run to undo.

    :param run: its ID in the journal
    :param parallel: the number of hosts that are worked on at the same time
    """

    run: str
    parallel: int = 8


def plan_rollback(context: contexts.Context, request: RollbackRequest,
                  listener: reporting.Listener = reporting.SILENCE
                  ) -> dry_run.PlanResult:
    """Report what ``rollback`` would do; change and settle nothing.

    :raises ConfigError: the run does not exist, or has a newer format
    :raises RbdMonFixError: nothing of the run can be read
    :raises Unreachable: no host can be scanned
    """
    past = _read(sessions.journal(context), request)
    scan = _scan(context, past, request)
    reporter = reporting.Reporter(context, listener)
    clusters = _clusters(context)
    plans = status_scan.begun(_Planner(past, scan, bool(clusters)).plans())
    _begin(reporter, clusters)
    digest = dry_run.report(plans, reporter)
    return dry_run.PlanResult(reporter.end(), scan.lost, digest,
                              error=_damage(past))


def rollback(context: contexts.Context, request: RollbackRequest,
             listener: reporting.Listener = reporting.SILENCE
             ) -> run_result.RunResult:
    """Restore the addresses that a run replaced, unless changed since.

    :raises ConfigError: the run does not exist, or has a newer format
    :raises RbdMonFixError: nothing of the run can be read
    :raises Refused: another run holds the lock for one of the hosts
    :raises Unreachable: no host can be scanned
    """
    journal = sessions.journal(context)
    scan = _scan(context, _read(journal, request), request)
    with sessions.Session(context, scan) as session:
        session.settle()
        past = journal.read(request.run)
        clusters = _clusters(context)
        plans = status_scan.begun(
            _Planner(past, scan, bool(clusters)).plans())
        reporter = reporting.Reporter(context, listener)
        _begin(reporter, clusters)
        done = execution.Execution(
            reporter, listener,
            lambda: session.start('rollback', clusters, request.run),
            sum(map(_may_be_made, past.entries)),
            pace=scan.selection.pace).carry_out(plans, scan.lost)
    return dataclasses.replace(done, error=done.error or _damage(past))


def _clusters(context: contexts.Context) -> Sequence[Cluster]:
    """Return the clusters, if the config still leads to them.

    The journal alone tells what a rollback restores.
    """
    try:
        return context.clusters
    except (exceptions.ConfigError, exceptions.Unreachable) as error:
        failure = error
    LOG.debug('The clusters are not known: %s', failure.message)
    return ()


def _begin(reporter: reporting.Reporter, clusters: Sequence[Cluster]
           ) -> None:
    if clusters:
        reporter.begin()
    else:
        reporter.begin_without_clusters()


def _read(journal: journals.Journal, request: RollbackRequest) -> Run:
    """Return the run to undo, if any of its changes is known."""
    past = journal.read(request.run)
    if past.command == RESCUE:
        raise exceptions.Refused(
            f'Run {past.id} connected a running guest to other monitors, '
            'which is not rolled back: no document was changed.',
            'Stop and start the guest, or migrate it, to connect it again.')
    damage = _damage(past)
    if damage is not None and not past.entries:
        raise damage
    return past


def _damage(past: Run) -> Optional[exceptions.RbdMonFixError]:
    """Return the error for the changes that cannot be undone; or None."""
    if past.condition is not Condition.DAMAGED:
        return None
    return exceptions.RbdMonFixError(
        f'The journal file of run {past.id} is damaged: changes in the '
        'damaged lines are not rolled back.',
        'Look at the hosts of the run with status, and check the disk.')


def _scan(context: contexts.Context, past: Run, request: RollbackRequest
          ) -> scans.Scan:
    """Return a scan of the hosts and stores that a run wrote to."""
    stores = {entry.locator.store for entry in past.entries}
    return scans.Scan(context, selections.select(
        selections.ScanRequest(
            past.hosts, stores=tuple(sorted(stores)), unmanaged=True,
            parallel=request.parallel), context))


class _Planner:
    """Plans the rollback of a run.

    :param judges: whether the clusters are known, so that copies can be
        judged
    """

    def __init__(self, past: Run, scan: scans.Scan, judges: bool):
        self._past = past
        self._scan = scan
        self._judge = (judging.Judge(scan.context, scan.selection) if judges
                       else None)

    def plans(self) -> Iterator[Plan]:
        """Yield plans to undo the run, host by host; skip lost hosts."""
        for host in self._past.hosts:
            entries = tuple(entry for entry in self._past.entries
                            if entry.locator.host == host)
            if host in self._scan.lost:
                continue
            failure = None
            try:
                made = _made(dataclasses.replace(
                    self._past, entries=entries), self._scan)
                if made:
                    yield self._plan(host, made)
            except exceptions.Unreachable as error:
                failure = error
            if failure:
                self._scan.lose(host, failure)

    def _plan(self, host: str, entries: Sequence[Entry]) -> Plan:
        records = {entry.locator: _record(self._scan, entry.locator)
                   for entry in entries}
        instances = _instances(host, entries, self._scan)
        plan = inverse.plan(entries, records, instances, self._knowledge(
            entries, list(filter(None, records.values())), instances))
        return self._judge.shielded(plan, host) if self._judge else plan

    def _knowledge(self, entries: Sequence[Entry], records: Sequence[Record],
                   instances: Mapping[str, Instance]
                   ) -> Optional[planning.Knowledge]:
        """Return what judging takes; a rollback does without, if need be."""
        if self._judge is None:
            return None
        try:
            known = self._judge.knowledge(instances, records, {
                addr for entry in entries for edit in entry.edits
                for addr in edit.old})
        except (exceptions.ConfigError, exceptions.Unreachable) as error:
            failure = error
        else:
            # A move of a volume keeps a refresh from its copies only.
            return dataclasses.replace(known, moving={})
        LOG.debug('The copies are not judged: %s', failure.message)
        self._judge = None
        return None


def _made(past: Run, scan: scans.Scan) -> list[Entry]:
    """Return the changes that a run made; check unsettled ones in stores."""
    return [entry for entry in recovery.settled(past, scan.get).entries
            if inverse.is_made(entry)]


def _may_be_made(entry: Entry) -> bool:
    return entry.verdict is None or inverse.is_made(entry)


def _instances(host: str, entries: Sequence[Entry],
               scan: scans.Scan) -> Mapping[str, Instance]:
    uuids = {entry.locator.instance for entry in entries}
    known = scan.context.inventory.where(uuids, [host])
    return {uuid: known.get(uuid) or Instance(uuid, host, managed=False)
            for uuid in uuids}


def _record(scan: scans.Scan, locator: Locator) -> Optional[Record]:
    try:
        return scan.get(locator)
    except exceptions.Gone:
        return None
