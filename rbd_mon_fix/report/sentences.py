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

"""What a run comes to, in sentences for people, the weightiest first."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import schema


def sentences(tally: Summary, kind: schema.Kind,
              run: Optional[str]) -> list[str]:
    """Return the summary of a report, a line each.

    :param run: the id of the run; None where nothing was written
    """
    return _BY_KIND[kind](tally, run)


def number(count: int, one: str, many: str = '') -> str:
    """Return a count with its noun in the right number.

    :param many: the plural where it is not the singular with an s
    """
    return f'{count} {one if count == 1 else many or one + "s"}'


def copies(count: int) -> str:
    """Return a count of copies."""
    return number(count, 'copy', 'copies')


def changes(count: int) -> str:
    """Return a count of changes."""
    return number(count, 'change')


def enumerate_counts(counts: Mapping[str, int]) -> str:
    """Return ``2 stale, 1 drifted``; zeros are left out."""
    return ', '.join(f'{count} {word}' for word, count in counts.items()
                     if count)


def failing(operations: list[str]) -> str:
    """Return ``a would fail``, or ``a, b and c would fail``."""
    if len(operations) > 1:
        operations = [', '.join(operations[:-1]), operations[-1]]
    return f'{" and ".join(operations)} would fail'


def stranded(guests: Sequence[str]) -> list[str]:
    """Say which running guests are stranded, and what can be done."""
    if not guests:
        return []
    one = len(guests) == 1
    them = 'it' if one else 'them'
    return [f'{number(len(guests), "running guest")} {"is" if one else "are"}'
            f' stranded: {", ".join(guests)}.',
            f'{"It has" if one else "They have"} no connection to a monitor '
            'and will not find the right ones; what still works does so '
            f'through the OSDs. After a refresh, live-migrate {them} or '
            f'start {them} anew; or let a monitor answer again at an address '
            'that "rbd-mon-fix guests" shows.']


def _power(tally: Summary) -> list[str]:
    """Say what a power failure would leave of each host."""
    return [f'If the power failed now, {host.lost} of '
            f'{number(host.servers, "server")} on {name} would not come '
            'back.' for name, host in tally.hosts.items() if host.lost]


def _status(tally: Summary, run: Optional[str]) -> list[str]:
    lines = [*_power(tally), *_found(tally), *stranded(tally.stranded),
             *_counts(tally), *_skipped(tally), *_findings(tally)]
    if tally.due:
        lines.append(
            f'"rbd-mon-fix refresh" would make {changes(tally.due)}.')
    return lines


def _dry_run(tally: Summary, run: Optional[str]) -> list[str]:
    lines = [*_power(tally), *_found(tally), *stranded(tally.stranded),
             *_counts(tally), *_skipped(tally)]
    if tally.due:
        lines.append('Nothing was written. Without --dry-run, '
                     f'{changes(tally.due)} would be made.')
    return lines


def _refresh(tally: Summary, run: Optional[str]) -> list[str]:
    return [*_power(tally), *_left(tally), *stranded(tally.stranded),
            *_done(tally, 'fixed'), *_counts(tally), *_skipped(tally),
            *_run(run)]


def _rollback(tally: Summary, run: Optional[str]) -> list[str]:
    done = _done(tally, 'taken back') or ['There was nothing to take back.']
    return [*done, *_skipped(tally), *_run(run)]


_BY_KIND = {
    schema.Kind.STATUS: _status,
    schema.Kind.DRY_RUN: _dry_run,
    schema.Kind.REFRESH: _refresh,
    schema.Kind.ROLLBACK: _rollback,
}


def _found(tally: Summary) -> list[str]:
    lines = []
    if tally.found[Operation.START]:
        servers = number(tally.found[Operation.START], 'server')
        lines.append(f'{servers} would not start.')
    return lines + _others(tally.found, 'would fail')


def _left(tally: Summary) -> list[str]:
    found, left = tally.found[Operation.START], tally.left[Operation.START]
    lines = []
    if left:
        lines.append(f'{number(left, "server")} still would not start.')
    if found > left:
        they = 'it' if found - left == 1 else 'they'
        lines.append(f'{number(found - left, "server")} would not have '
                     f'started; now {they} would.')
    return lines + _others(tally.left, 'would still fail')


def _others(servers: Mapping[Operation, int], words: str) -> list[str]:
    counts = [(each.value, servers[each]) for each in Operation
              if each is not Operation.START and servers[each]]
    if not counts:
        return []
    (name, count), rest = counts[0], counts[1:]
    parts = [f'{name} {words} on {number(count, "server")}',
             *(f'{name} on {count}' for name, count in rest)]
    line = ', '.join(parts)
    return [f'{line[0].upper()}{line[1:]}.']


def _counts(tally: Summary) -> list[str]:
    if not tally.copies:
        return [f'No RBD disk was found on {number(tally.servers, "server")}.'
                if tally.servers else 'No server was found.']
    servers = number(tally.servers, 'server')
    if tally.states[State.CURRENT] < tally.copies:
        counts = enumerate_counts(
            {each.value: tally.states[each] for each in reversed(State)})
        return [f'Found {copies(tally.copies)} on {servers}: {counts}.']
    if tally.copies == 1:
        return ['The only copy is current.']
    return [f'All {tally.copies} copies are current.',
            f'Looked at {servers}.']


def _findings(tally: Summary) -> list[str]:
    if not tally.findings:
        return []
    found = number(tally.findings, 'finding')
    return [f'{found} cannot be put right here; see above.']


def _skipped(tally: Summary) -> list[str]:
    lines = []
    if tally.left_alone:
        counts = enumerate_counts(
            {reason.value: count
             for reason, count in sorted(tally.skipped.items())
             if reason is not SkipReason.READ_ONLY})
        lines.append(f'Left alone {copies(tally.left_alone)}: {counts}.')
    if tally.running:
        lines.append(f'{copies(tally.running)} of running guests cannot be '
                     'changed: they last until the guests are started anew.')
    return lines


def _done(tally: Summary, done: str) -> list[str]:
    lines = []
    missed = {each.value: tally.outcomes[each] for each in Verdict
              if each is not Verdict.FIXED}
    missed['not reached'] = tally.unsettled
    if any(missed.values()):
        lines.append(f'Not {done}: {enumerate_counts(missed)}. The same '
                     'command again looks anew and tries them once more.')
    if tally.outcomes[Verdict.FIXED]:
        fixed = changes(tally.outcomes[Verdict.FIXED])
        lines.append(f'{done.capitalize()}: {fixed}.')
    return lines


def _run(run: Optional[str]) -> list[str]:
    if run is None:
        return ['Nothing was written.']
    return [f'Run {run}. To take it back: rbd-mon-fix rollback {run}']
