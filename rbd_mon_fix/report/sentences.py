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

"""The summary of a run in sentences, most important first."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence

from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import Host
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import schema


def sentences(summary: Summary, kind: schema.Kind,
              run: Optional[str]) -> list[str]:
    """Return the summary of a report, one line each.

    :param run: the id of the run; None if nothing was written
    """
    if kind is schema.Kind.REFRESH:
        return _refresh(summary, run)
    if kind is schema.Kind.ROLLBACK:
        return _rollback(summary, run)
    return [*_now(summary), *_next(summary, kind)]


def number(count: int, one: str, many: str = '') -> str:
    """Return a count with its noun in singular or plural.

    :param many: the plural if it is not the singular with an s
    """
    return f'{count} {one if count == 1 else many or one + "s"}'


def copies(count: int) -> str:
    """Return a count of copies."""
    return number(count, 'copy', 'copies')


def changes(count: int) -> str:
    """Return a count of changes."""
    return number(count, 'change')


def enumerate_counts(counts: Mapping[str, int]) -> str:
    """Return, for example, ``2 stale, 1 drifted``, omitting zeros."""
    return ', '.join(f'{count} {word}' for word, count in counts.items()
                     if count)


def failing(operations: list[str]) -> str:
    """Return ``a would fail``, or ``a, b and c would fail``."""
    if len(operations) > 1:
        operations = [', '.join(operations[:-1]), operations[-1]]
    return f'{" and ".join(operations)} would fail'


def stranded(guests: Sequence[str]) -> list[str]:
    """Name the stranded guests, and explain how to reconnect them."""
    if not guests:
        return []
    one = len(guests) == 1
    they, have, find, them = (
        ('It', 'has', 'finds', 'it') if one
        else ('They', 'have', 'find', 'them'))
    return [f'{number(len(guests), "running guest")} {"is" if one else "are"}'
            f' stranded: {", ".join(guests)}.',
            f'{they} {have} no connection to a monitor and never {find} the '
            'new ones; I/O that still works uses existing OSD connections. '
            f'After a refresh, live-migrate or restart {them}; or bring a '
            'monitor back at one of the addresses that "rbd-mon-fix guests" '
            'shows.']


def _now(summary: Summary) -> list[str]:
    return [*_not_judged(summary), *_power(summary), *_found(summary),
            *stranded(summary.stranded), *_counts(summary),
            *_skipped(summary), *_findings(summary)]


def _next(summary: Summary, kind: schema.Kind) -> list[str]:
    if not summary.due:
        return []
    due = changes(summary.due)
    if kind is schema.Kind.STATUS:
        return [f'"rbd-mon-fix refresh" would make {due}.']
    return [f'Nothing was written. Without --dry-run, {due} would be made.']


def _refresh(summary: Summary, run: Optional[str]) -> list[str]:
    return [*_not_judged(summary), *_power(summary), *_left(summary),
            *stranded(summary.stranded), *_done(summary, 'fixed'),
            *_counts(summary), *_skipped(summary), *_run(run)]


def _rollback(summary: Summary, run: Optional[str]) -> list[str]:
    done = (_done(summary, 'rolled back')
            or ['There was nothing to roll back.'])
    return [*done, *_skipped(summary), *_run(run)]


def _not_judged(summary: Summary) -> list[str]:
    """State first what the rest of the summary does not cover."""
    if not summary.not_judged:
        return []
    return [f'{copies(summary.not_judged).capitalize()} on '
            f'{number(summary.doubtful, "server")} could not be judged: '
            'nothing tells whether the addresses are right.']


def _power(summary: Summary) -> list[str]:
    """State how many servers of each host a power failure would cost."""
    return [_after_power_failure(name, host)
            for name, host in summary.hosts.items()
            if host.lost or host.not_judged]


def _after_power_failure(name: str, host: Host) -> str:
    if not host.lost:
        servers = ('the only server' if host.servers == 1
                   else f'all {host.servers} servers')
        return (f'If the power failed now, it is not certain that {servers} '
                f'on {name} would come back.')
    least = 'at least ' if host.not_judged else ''
    return (f'If the power failed now, {least}{host.lost} of '
            f'{number(host.servers, "server")} on {name} would not come back.')


def _found(summary: Summary) -> list[str]:
    servers = summary.found[Operation.START]
    start = ([f'{number(servers, "server")} would not start.'] if servers
             else [])
    return start + _others(summary.found, 'would fail')


def _left(summary: Summary) -> list[str]:
    left = summary.left[Operation.START]
    fixed = summary.found[Operation.START] - left
    lines = []
    if left:
        lines.append(f'{number(left, "server")} still would not start.')
    if fixed:
        they = 'it' if fixed == 1 else 'they'
        lines.append(f'{number(fixed, "server")} would not have started; '
                     f'now {they} would.')
    return lines + _others(summary.left, 'would still fail')


def _others(servers: Mapping[Operation, int], words: str) -> list[str]:
    counts = [(each.value, servers[each]) for each in Operation
              if each is not Operation.START and servers[each]]
    if not counts:
        return []
    (name, count), *rest = counts
    parts = [f'{name.capitalize()} {words} on {number(count, "server")}',
             *(f'{name} on {count}' for name, count in rest)]
    return [f'{", ".join(parts)}.']


def _counts(summary: Summary) -> list[str]:
    servers = number(summary.servers, 'server')
    if not summary.servers:
        return ['No server was found.']
    if not summary.copies:
        return [f'No RBD disk was found on {servers}.']
    if summary.states[State.CURRENT] < summary.copies:
        counts = enumerate_counts(
            {each.value: summary.states[each] for each in reversed(State)})
        return [f'Found {copies(summary.copies)} on {servers}: {counts}.']
    if summary.copies == 1:
        return ['The only copy is current.']
    return [f'All {summary.copies} copies are current.',
            f'Checked {servers}.']


def _skipped(summary: Summary) -> list[str]:
    lines = []
    if summary.skipped_writable:
        counts = enumerate_counts(
            {reason.value: count
             for reason, count in sorted(summary.skipped.items())
             if reason is not SkipReason.READ_ONLY})
        lines.append(
            f'Skipped {copies(summary.skipped_writable)}: {counts}.')
    if summary.read_only == 1:
        lines.append('1 copy of a running guest cannot be changed: it '
                     'remains until the guest is restarted.')
    elif summary.read_only:
        lines.append(f'{summary.read_only} copies of running guests cannot '
                     'be changed: they remain until the guest is restarted.')
    return lines


def _findings(summary: Summary) -> list[str]:
    if not summary.findings:
        return []
    need = 'needs' if summary.findings == 1 else 'need'
    return [f'{number(summary.findings, "finding")} {need} attention; see '
            'above.']


def _done(summary: Summary, done: str) -> list[str]:
    lines = []
    missed = {each.value: summary.outcomes[each] for each in Verdict
              if each is not Verdict.FIXED}
    missed['not made'] = summary.unsettled
    if any(missed.values()):
        lines.append(f'Not {done}: {enumerate_counts(missed)}. Run the same '
                     'command again to retry.')
    if summary.outcomes[Verdict.FIXED]:
        lines.append(f'{done.capitalize()}: '
                     f'{changes(summary.outcomes[Verdict.FIXED])}.')
    return lines


def _run(run: Optional[str]) -> list[str]:
    if run is None:
        return ['Nothing was written.']
    return [f'Run {run}. To undo it: rbd-mon-fix rollback {run}']
