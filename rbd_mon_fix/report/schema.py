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

"""The keys and values of the machine formats: the JSON contract."""

from __future__ import annotations

import enum
import types
from typing import Iterable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.health import Health
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import Host
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import ending

VERSION = 2

_COLUMNS = ('host', 'instance', 'name', 'vm_state', 'task_state', 'store',
            'key', 'disk', 'image', 'cluster', 'monitors', 'desired', 'state',
            'skip', 'breaks', 'reason')


_NONE: Mapping[str, exceptions.RbdMonFixError] = types.MappingProxyType({})


class Kind(str, enum.Enum):
    """The command, or the mode of a command, that a report describes."""

    STATUS = 'status'
    DRY_RUN = 'dry-run'
    REFRESH = 'refresh'
    ROLLBACK = 'rollback'

    @property
    def has_outcomes(self) -> bool:
        """Tell whether records have an outcome, and the report a run id."""
        return self is not Kind.STATUS

    @property
    def has_findings(self) -> bool:
        """Tell whether the report lists findings."""
        return self in (Kind.STATUS, Kind.REFRESH)


def document(failure: Optional[ending.Failure] = None,
             **fields: object) -> dict[str, object]:
    """Return a whole document.

    :param failure: the reason for the exit code; None to have no ``error``
    """
    return {'version': VERSION, **fields, **error(failure)}


def error(failure: Optional[ending.Failure]) -> dict[str, object]:
    """Return the key ``error`` with its value, or nothing."""
    return {} if failure is None else {'error': {
        'code': failure.code, 'kind': failure.kind,
        'message': failure.message, 'hint': failure.hint or None}}


def columns(kind: Kind) -> tuple[str, ...]:
    """Return the keys of a record, in order."""
    outcome = ('outcome',) if kind.has_outcomes else ()
    return (*_COLUMNS, *outcome, 'evidence', 'shielded')


def cluster(shown: Cluster,
            answering: Optional[frozenset[MonAddr]]) -> dict[str, object]:
    """Return an entry of ``clusters``, which ``--monitors-file`` reads.

    :param answering: the endpoints that answer; None if none was asked
    """
    monitors = shown.monmap.monitors
    return {
        'name': shown.name,
        'fsid': shown.fsid,
        'source': shown.source.value,
        'monitors': _texts(monitor.addr for monitor in monitors),
        'addresses': [_texts(monitor.addrs) for monitor in monitors],
        'answering': None if answering is None else _texts(
            addr for monitor in monitors for addr in monitor.addrs
            if addr in answering),
        'written': shown.written or None,
        'first_source': shown.first_source or None,
        'epochs': list(shown.span) if shown.span else None,
        'stated': _texts(shown.stated),
        'former': [_former(each, shown.greeted) for each in shown.former],
        'backends': [{'owner': backend.owner, 'name': backend.name,
                      'pool': backend.pool, 'user': backend.user,
                      'secret_uuid': backend.secret_uuid,
                      'host': backend.host}
                     for backend in shown.backends],
    }


def _former(former: FormerMonitor,
            greeted: Optional[frozenset[MonAddr]]) -> dict[str, object]:
    return {'name': former.name or None, 'addresses': _texts(former.addrs),
            'epochs': [former.first, former.last],
            'until': former.until or None,
            'answers': None if greeted is None
            else not greeted.isdisjoint(former.addrs)}


def rows(kind: Kind, copies: Sequence[Copy],
         outcomes: Outcomes) -> Iterator[dict[str, object]]:
    """Yield the record of each copy.

    :param outcomes: the outcomes of changes; None if none was made
    """
    for copy in copies:
        outcome = outcome_of(copy, outcomes)
        row = _row(copy)
        row['reason'] = (outcome and outcome.reason) or copy.note or None
        if kind.has_outcomes:
            row['outcome'] = outcome and outcome.verdict.value
        row['evidence'] = _evidence(copy.evidence)
        row['shielded'] = copy.shielded
        yield row


def _evidence(evidence: Optional[Evidence]) -> Optional[dict[str, object]]:
    return None if evidence is None else {
        'kind': evidence.kind.value, 'detail': evidence.detail or None}


def finding(found: Finding) -> dict[str, object]:
    """Return an entry of ``findings``."""
    return {'kind': found.kind.value, 'host': found.host,
            'subject': found.subject,
            'monitors': _texts(found.monitors),
            'desired': _texts(found.desired),
            'advice': found.advice}


def summary(counted: Summary,
            lost: Mapping[str, exceptions.RbdMonFixError] = _NONE
            ) -> dict[str, object]:
    """Return the value of ``summary``.

    :param lost: the hosts that were not reached, each with the reason
    """
    return {
        'servers': counted.servers,
        'would_not_start': counted.found[Operation.START],
        'broken': counted.broken,
        'not_judged': counted.not_judged,
        'still_would_not_start': counted.left[Operation.START],
        'still_broken': counted.still_broken,
        'records': counted.copies,
        'due': counted.due,
        'states': {each.value: counted.states[each] for each in State},
        'skipped': {each.value: counted.skipped[each]
                    for each in SkipReason if counted.skipped[each]},
        'breaks': {each.value: counted.found[each] for each in Operation},
        'hosts': {name: _host(counted.hosts.get(name, Host()),
                              lost.get(name))
                  for name in dict.fromkeys((*counted.hosts, *lost))},
        'stranded': counted.stranded,
        'shielded': counted.shielded,
        'findings': counted.findings,
        'outcomes': {each.value: counted.outcomes[each]
                     for each in Verdict},
    }


def health(found: Health, lost: Mapping[str, exceptions.RbdMonFixError]
           ) -> dict[str, object]:
    """Return the keys of a check.

    :param lost: the hosts that were not reached, each with the reason
    """
    guests = [host.guests for host in found.hosts.values()
              if host.guests is not None]
    return {
        'severity': found.severity.value,
        'clusters': [cluster(each, found.answering)
                     for each in found.clusters],
        'doubts': list(found.doubts),
        'guests': {state.value: sum(each[state] for each in guests)
                   for state in GuestState} if guests else None,
        'guests_not_judged': found.not_judged,
        'summary': summary(found.summary, lost),
    }


def _host(counted: Host, error: Optional[exceptions.RbdMonFixError]
          ) -> dict[str, object]:
    return {'reached': error is None,
            'reason': None if error is None else error.message,
            'servers': counted.servers,
            'would_not_come_back': counted.lost,
            'not_judged': counted.not_judged}


def _row(copy: Copy) -> dict[str, object]:
    disk = copy.disk
    return {
        'host': copy.locator.host,
        'instance': copy.locator.instance,
        'name': copy.instance.name or None,
        'vm_state': copy.instance.vm_state,
        'task_state': copy.instance.task_state,
        'store': copy.locator.store,
        'key': copy.locator.key,
        'disk': copy.device,
        'image': disk.image if disk else None,
        'cluster': copy.cluster,
        'monitors': _texts(disk.monitors) if disk else [],
        'desired': _texts(copy.desired),
        'state': copy.state.value,
        'skip': copy.skip.value if copy.skip else None,
        'breaks': [operation.value for operation in copy.breaks],
    }


def _texts(addrs: Iterable[MonAddr]) -> list[str]:
    return [str(addr) for addr in addrs]
