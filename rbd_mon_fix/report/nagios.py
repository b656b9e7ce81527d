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

"""A check as one line of text, and for Nagios with perfdata.

Monitoring Plugins' guidelines tell the form of the line and the exit codes.
"""

from __future__ import annotations

from typing import Iterator

from rbd_mon_fix.model.health import Health
from rbd_mon_fix.model.health import Severity
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import sentences

CODES = {Severity.OK: 0, Severity.WARNING: 1, Severity.CRITICAL: 2,
         Severity.UNKNOWN: 3}


def line(health: Health) -> str:
    """Return the line of a check."""
    return _line(health.severity, ', '.join(_parts(health)))


def perfdata(health: Health) -> str:
    """Return the numbers of a check."""
    return ' '.join((
        f'lost={health.servers_lost};0;0;0;{health.servers}',
        f'stale={health.copies(State.STALE)}',
        f'drifted={health.copies(State.DRIFTED)}',
        f'not_judged={health.summary.not_judged + health.not_judged}',
        f'stranded={len(health.summary.stranded)};0;0;0',
        f'unreached={len(health.unreached)};0;;0'))


def unknown(message: str) -> str:
    """Return the line of a check that failed."""
    return _line(Severity.UNKNOWN, message)


def _line(severity: Severity, message: str) -> str:
    # The first | would begin the perfdata.
    text = encoding.printable(message).replace('|', '/')
    return f'RBDMON {severity.value.upper()} - {text}'


def _parts(health: Health) -> Iterator[str]:
    """Yield what is wrong, worst first, or that nothing is."""
    summary = health.summary
    servers = sentences.number(health.servers, 'server')
    if health.servers_lost:
        yield f'{health.servers_lost} of {servers} would not come back'
    elif health.severity is Severity.OK:
        yield f'{servers} would come back'
    if summary.stranded:
        yield f'{sentences.number(len(summary.stranded), "guest")} stranded'
    if health.unreached:
        yield f'not reached: {" ".join(health.unreached)}'
    for state in (State.STALE, State.DRIFTED):
        if health.copies(state):
            yield f'{sentences.copies(health.copies(state))} {state.value}'
    if summary.not_judged:
        yield f'{sentences.copies(summary.not_judged)} not judged'
    if health.not_judged:
        yield f'{sentences.number(health.not_judged, "guest")} not judged'
    yield from (doubt.rstrip('.') for doubt in health.doubts)
