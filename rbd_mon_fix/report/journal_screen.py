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

"""The screen of ``journal list``: runs to look after first."""

from __future__ import annotations

from typing import Iterator, Mapping, Optional, Sequence, Union

from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.run import RESCUE
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.model.run import RunSummary
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

_RUNS = 15
_MARKED = 5
_HOSTS = 3
_WIDE = 120
# None is a change that was not made.
WORST: tuple[Optional[Verdict], ...] = (
    Verdict.FAILED, Verdict.UNVERIFIED, Verdict.CONFLICT, None,
    Verdict.FIXED)


def screen(runs: Sequence[RunSummary], last: int, view: views.View,
           sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the counts, the runs, and how to take the last one back.

    :param runs: the oldest first
    :param last: the number of runs that was asked for; 0 for all
    """
    if not runs:
        yield from sheet.prose('The journal has no runs.')
        return
    marked = [run for run in runs if not _is_sound(run)]
    sound = [run for run in runs if _is_sound(run)]
    shown = sound if last else sound[-_RUNS:]
    first = marked if last else marked[-_MARKED:]
    yield from sheet.prose(_verdict(len(runs), len(marked)),
                           style.BAD if marked else '')
    yield []
    yield from sheet.rows(
        [_row(run, sheet) for run in (*first, *shown)], 2, (1, 3))
    more = len(runs) - len(first) - len(shown)
    if more:
        yield from sheet.prose(
            f'and {more} older ones (--last N, -f csv)', 'dim', '  ')
    last_made = _last_made(runs)
    if marked or last_made:
        yield []
    if marked:
        yield from after_cut(marked[-1], view, sheet)
    if last_made:
        yield take_back(last_made, view)


def after_cut(run: Union[Run, RunSummary], view: views.View,
              sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield what settles a run that is not sound, if anything does."""
    if run.condition is not Condition.WHOLE:
        yield from sheet.prose({
            Condition.DAMAGED: f'Lines of run {run.id} cannot be read: check '
            'the disk, and look at its hosts with "rbd-mon-fix status".',
            Condition.NEWER: f'A newer version wrote run {run.id}: use that '
            'version for it.'}[run.condition], style.BAD)
        return
    hosts = (['--host', ','.join(run.hosts)] if len(run.hosts) <= _HOSTS
             else ['--all-hosts'])
    yield from sheet.prose(
        f'Run {run.id} was cut off, unless it is still running. This settles '
        'it:')
    yield sheets.command('Next', view.command(
        'rollback', run.undoes) if run.undoes else view.command(
            'refresh', *hosts))


def take_back(run: Union[Run, RunSummary], view: views.View) -> lines.Line:
    """Return the line with the command that undoes a run."""
    return sheets.command('Take back', view.command('rollback', run.id))


def counts(run: RunSummary) -> str:
    """Return the changes of a run by outcome, or why nothing tells them."""
    if run.condition is not Condition.WHOLE:
        return str(run.condition.value)
    return by_outcome(run.outcomes) or 'nothing to change'


def by_outcome(outcomes: Mapping[Optional[Verdict], int]) -> str:
    """Return the number of changes by outcome, the worst first."""
    return sentences.enumerate_counts({
        verdict.value if verdict else 'not made': outcomes.get(verdict, 0)
        for verdict in WORST})


def _last_made(runs: Sequence[RunSummary]) -> Optional[RunSummary]:
    """Return the last run that changed anything and was not taken back."""
    undone = {run.undoes for run in runs}
    return next((run for run in reversed(runs)
                 if not run.undoes and run.id not in undone
                 and run.command != RESCUE
                 and run.outcomes.get(Verdict.FIXED)), None)


def _is_sound(run: RunSummary) -> bool:
    return run.finished and run.condition is Condition.WHOLE


def _verdict(total: int, marked: int) -> str:
    runs = sentences.number(total, 'run')
    order = ', the oldest first' if total > 1 else ''
    if not marked:
        all_are = 'All are' if total > 1 else 'It is'
        return f'{runs}{order}. {all_are} finished.'
    verb = 'is' if marked == 1 else 'are'
    return (f'{runs}{order}. {marked} {verb} not finished or not readable '
            '(!).')


def _row(run: RunSummary, sheet: sheets.Sheet) -> list[lines.Span]:
    is_sound = _is_sound(run)
    where = (f'of {run.undoes}' if run.undoes else
             ', '.join(run.hosts) if len(run.hosts) <= _HOSTS else
             sentences.number(len(run.hosts), 'host'))
    colour = '' if is_sound else style.BAD
    # A run without a first line that can be read has no command.
    room = len(f'of {run.id}') if sheet.width < _WIDE else sheet.width // 3
    return [(f'{" " if is_sound else "!"} {run.id}', colour),
            (run.command or '-', ''), (sheet.cut(where or '-', room), ''),
            (counts(run), colour if not is_sound or set(run.outcomes) <= {
                Verdict.FIXED} else 'yellow')]
