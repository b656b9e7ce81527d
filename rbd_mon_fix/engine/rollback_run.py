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
from rbd_mon_fix.core import recovery
from rbd_mon_fix.core import rollback as inverse
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import dry_run
from rbd_mon_fix.engine import execution
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.engine import status_scan
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.state import journal as journals

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class RollbackRequest:
    """The run to undo, by its ID in the journal."""

    run: str


def plan_rollback(context: contexts.Context, request: RollbackRequest,
                  listener: reporting.Listener = reporting.SILENCE
                  ) -> dry_run.PlanResult:
    """Report what ``rollback`` would do; change and settle nothing.

    :raises ConfigError: the run does not exist, or has a newer format
    :raises RbdMonFixError: nothing of the run can be read
    :raises Unreachable: no host can be scanned
    """
    past = _read(sessions.journal(context), request)
    scan = _scan(context, past)
    reporter = reporting.Reporter(context, listener)
    plans = status_scan.begun(_plans(past, scan))
    _begin(reporter, context)
    digest = dry_run.report(plans, reporter)
    return dry_run.PlanResult(reporter.end(), scan.lost, digest,
                              error=_damage(past))


def rollback(context: contexts.Context, request: RollbackRequest,
             listener: reporting.Listener = reporting.SILENCE
             ) -> execution.RunResult:
    """Restore the addresses that a run replaced, unless changed since.

    :raises ConfigError: the run does not exist, or has a newer format
    :raises RbdMonFixError: nothing of the run can be read
    :raises Refused: another run holds the lock for one of the hosts
    :raises Unreachable: no host can be scanned
    """
    journal = sessions.journal(context)
    scan = _scan(context, _read(journal, request))
    with sessions.Session(context, scan) as session:
        session.settle()
        past = journal.read(request.run)
        plans = status_scan.begun(_plans(past, scan))
        reporter = reporting.Reporter(context, listener)
        clusters = _begin(reporter, context)
        done = execution.Execution(
            reporter, listener,
            lambda: session.start('rollback', clusters, request.run),
            sum(map(_may_be_made, past.entries))).carry_out(plans, scan.lost)
    return dataclasses.replace(done, error=done.error or _damage(past))


def _begin(reporter: reporting.Reporter, context: contexts.Context
           ) -> Sequence[Cluster]:
    """Report and return the clusters, if the config still leads to them.

    The journal alone tells what a rollback restores.
    """
    try:
        reporter.begin()
        return context.clusters
    except (exceptions.ConfigError, exceptions.Unreachable) as error:
        LOG.debug('The clusters are not known: %s', error.message)
    reporter.begin_without_clusters()
    return ()


def _read(journal: journals.Journal, request: RollbackRequest) -> Run:
    """Return the run to undo, if any of its changes is known."""
    past = journal.read(request.run)
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


def _scan(context: contexts.Context, past: Run) -> scans.Scan:
    """Return a scan of the hosts and stores that a run wrote to."""
    stores = {entry.locator.store for entry in past.entries}
    return scans.Scan(context, selections.select(
        selections.ScanRequest(past.hosts, stores=tuple(sorted(stores)),
                               unmanaged=True), context))


def _plans(past: Run, scan: scans.Scan) -> Iterator[Plan]:
    """Yield plans to undo a run, host by host; skip lost hosts."""
    for host in past.hosts:
        entries = tuple(entry for entry in past.entries
                        if entry.locator.host == host)
        if host in scan.lost:
            continue
        failure = None
        try:
            made = _made(dataclasses.replace(past, entries=entries), scan)
            if made:
                yield _plan(host, made, scan)
        except exceptions.Unreachable as error:
            failure = error
        if failure:
            scan.lose(host, failure)


def _made(past: Run, scan: scans.Scan) -> list[Entry]:
    """Return the changes that a run made; check unsettled ones in stores."""
    return [entry for entry in recovery.settled(past, scan.get).entries
            if inverse.is_made(entry)]


def _may_be_made(entry: Entry) -> bool:
    return entry.verdict is None or inverse.is_made(entry)


def _plan(host: str, entries: Sequence[Entry], scan: scans.Scan) -> Plan:
    records = {entry.locator: _record(scan, entry.locator)
               for entry in entries}
    return inverse.plan(entries, records, _instances(host, entries, scan))


def _instances(host: str, entries: Sequence[Entry],
               scan: scans.Scan) -> Mapping[str, Instance]:
    uuids = {entry.locator.instance for entry in entries}
    known = scan.context.inventory.where(uuids, [host])
    return {uuid: known.get(uuid) or Instance(uuid, host) for uuid in uuids}


def _record(scan: scans.Scan, locator: Locator) -> Optional[Record]:
    try:
        return scan.get(locator)
    except exceptions.Gone:
        return None
