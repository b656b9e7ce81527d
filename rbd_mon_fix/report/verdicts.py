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

"""The verdict on a run, for the first and last lines of its report."""

from __future__ import annotations

from typing import Iterator, Optional

from rbd_mon_fix.model.plan import HANDED_ON
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.summary import Host
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import view as views

_DONE = {schema.Kind.REFRESH: 'written', schema.Kind.ROLLBACK: 'rolled back'}


def first(how: ending.Ending, kind: schema.Kind) -> list[str]:
    """Return the lines that a report begins with."""
    summary = how.summary
    if not summary.copies:
        return ['No RBD disk was found.', *_unseen(how)]
    if kind is schema.Kind.STATUS:
        return [f'{_where(summary)}{_power(summary)}', *_shielded(summary),
                *_unseen(how)]
    if kind is schema.Kind.DRY_RUN:
        planned = (f'{sentences.changes(summary.due)} planned. Nothing is '
                   'written.' if summary.due else 'nothing to change.')
        return [f'{_where(summary)}{planned}', *_unseen(how)]
    made = f'{_where(summary)}{_made(summary, _DONE[kind])}'
    # A rollback may not know the clusters.
    judged = kind is schema.Kind.REFRESH or not summary.not_judged
    return [made, *([_after(summary)] if judged else []), *_unseen(how)]


def last(how: ending.Ending, kind: schema.Kind) -> list[str]:
    """Return the counts that a report ends with."""
    summary = how.summary
    total = _total(summary)
    words = [f'{summary.left_alone:,} left alone',
             f'{summary.not_judged:,} not judged']
    if kind is schema.Kind.DRY_RUN:
        guard = 'refuses' if how.error else 'ok'
        plan = (f'Plan: {summary.due:,} to change, {", ".join(words)}. '
                f'Guard: {guard}.')
        digest = f' Digest {how.digest}.' if how.digest else ''
        return [f'{plan}{digest}', *_after_plan(summary)]
    words.append(f'{len(summary.stranded):,} stranded')
    lost = (f'{total.lost:,} of {total.servers:,} would not come back. '
            if total.servers else '')
    return [f'{lost}{". ".join(words)}.']


def following(how: ending.Ending, kind: schema.Kind,
              view: views.View) -> Iterator[str]:
    """Yield what to type next, and how to undo the run."""
    if how.run is not None:
        yield f'Take back: {view.command("rollback", how.run)}'
    command = _next(how, kind, view)
    if command:
        yield f'Next: {command}'
    elif how.error is None:
        yield ('See above for what is left.' if how.summary.needs_attention
               else 'Nothing to do.')


def _next(how: ending.Ending, kind: schema.Kind,
          view: views.View) -> Optional[str]:
    summary = how.summary
    if kind is schema.Kind.DRY_RUN:
        return _carry_out(how, view)
    if kind is schema.Kind.STATUS and summary.due:
        return view.scoped('refresh', '--dry-run')
    if kind is schema.Kind.REFRESH and summary.incomplete:
        return view.again('refresh')
    if kind is schema.Kind.REFRESH and how.run and view.proves:
        return view.scoped('verify')
    if kind is not schema.Kind.STATUS and how.run:
        return view.scoped('status')
    if summary.stranded:
        return view.command('guests', *view.hosts)
    if summary.not_judged and not view.verbose:
        return view.scoped('status', '--verbose')
    if summary.left_alone and not summary.not_judged:
        return view.scoped('status')
    return None


def _carry_out(how: ending.Ending, view: views.View) -> Optional[str]:
    """Return the command that makes the changes of a plan."""
    due = how.summary.due
    if how.error or not due:
        return None
    if how.undoes is not None:
        return view.command('rollback', how.undoes)
    if how.saved is not None:
        return view.command('refresh', '--plan', how.saved, *view.options)
    return view.again('refresh', '--max-changes', str(due))


def _where(summary: Summary) -> str:
    names = list(summary.hosts)
    if len(names) == 1:
        return f'{names[0]}: '
    return (f'{len(names):,} hosts, {_total(summary).servers:,} servers: '
            if names else '')


def _unseen(how: ending.Ending) -> list[str]:
    if not how.lost:
        return []
    was = 'was' if len(how.lost) == 1 else 'were'
    return [f'{sentences.number(len(how.lost), "host")} {was} not looked at.']


def _power(summary: Summary) -> str:
    """State what a power failure would cost."""
    total = _total(summary)
    if not total.servers:
        return 'No server on these hosts has an RBD disk.'
    servers = sentences.number(total.servers, 'server')
    if total.lost:
        least = 'at least ' if total.not_judged else ''
        of = f' of {servers}' if len(summary.hosts) == 1 else ''
        return (f'{least}{total.lost:,}{of} would not come back if the power '
                'failed now.')
    if total.not_judged:
        return (f'{total.not_judged:,} of {servers} might not come back if '
                'the power failed now.')
    every = '1 server' if total.servers == 1 else f'all {servers}'
    return (f'{every} would come back if the power failed now'
            f'{_others(summary)}.')


def _shielded(summary: Summary) -> list[str]:
    if not summary.shielded:
        return []
    verb = 'is' if summary.shielded == 1 else 'are'
    return [f'{sentences.number(summary.shielded, "server")} {verb} shielded '
            'on this host: QEMU ignores the wrong addresses, but only here.']


def _others(summary: Summary) -> str:
    left = [each for each in Operation if summary.left[each]]
    failing = [f'{each.value} would fail on {summary.left[each]:,}'
               for each in left if each not in HANDED_ON]
    failing += [f'{sentences.handing_on([each])} on {summary.left[each]:,}'
                for each in left if each in HANDED_ON]
    return f', but {", ".join(failing)}' if failing else ''


def _after(summary: Summary) -> str:
    total = _total(summary)
    least = 'At least ' if total.not_judged else ''
    return (f'{least}{total.lost:,} of {total.servers:,} would not come back '
            f'if the power failed now (before: {summary.lost_before:,}).')


def _after_plan(summary: Summary) -> list[str]:
    """State what a power failure would cost if the plan were carried out."""
    total = _total(summary)
    if not total.servers or not summary.due:
        return []
    least = 'at least ' if total.not_judged else ''
    return [f'After it, {least}{summary.lost_after_plan:,} of '
            f'{sentences.number(total.servers, "server")} would not come back '
            f'(now {summary.lost_before:,}).']


def _total(summary: Summary) -> Host:
    hosts = summary.hosts.values()
    return Host(sum(host.servers for host in hosts),
                sum(host.lost for host in hosts),
                sum(host.not_judged for host in hosts))


def _made(summary: Summary, done: str) -> str:
    fixed = summary.outcomes[Verdict.FIXED]
    missed = {each.value: summary.outcomes[each] for each in Verdict
              if each is not Verdict.FIXED}
    missed['not made'] = summary.unsettled
    if not fixed and not any(missed.values()):
        return f'nothing had to be {done}.'
    failures = sentences.enumerate_counts(missed) or '0 failed'
    return f'{sentences.changes(fixed)} {done}, {failures}.'
