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

"""The screen of ``journal show``: one run, its failures first."""

from __future__ import annotations

import collections
from typing import Iterable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.run import RESCUE
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.report import groups
from rbd_mon_fix.report import journal_screen
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import short_ids
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

_MOVES = 5
# The key of the only disk in a document that names no device.
_VOLUME = 'volume'


def screen(run: Run, view: views.View,
           sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the counts, the moves, the servers, and what can be done."""
    sound = run.finished and run.condition is Condition.WHOLE
    all_fixed = {entry.verdict for entry in run.entries} <= {Verdict.FIXED}
    yield from sheet.prose(_verdict(run), '' if sound and all_fixed
                           else style.BAD)
    if run.entries:
        yield []
        yield from _moves(run, sheet)
        yield []
        yield from groups.show(list(_outcomes(run.entries)), (1, -1), sheet)
    yield []
    if run.locked:
        yield from sheet.prose(
            f'{sentences.number(len(run.locked), "server")} may still be '
            'locked; the next run unlocks what this one locked.', style.BAD)
    if not sound:
        yield from journal_screen.after_cut(run, view, sheet)
    if run.command == RESCUE:
        yield from sheet.prose('The running guest has other connections, and '
                               'no document was changed: there is nothing to '
                               'take back.')
    elif run.entries:
        yield journal_screen.take_back(run, view)
    else:
        yield from sheet.prose('There is nothing to take back.')


def _verdict(run: Run) -> str:
    command = f'rollback of {run.undoes}' if run.undoes else run.command
    hosts = (', '.join(run.hosts) if len(run.hosts) < 4
             else sentences.number(len(run.hosts), 'host'))
    head = ' '.join(filter(None, (
        f'Run {run.id}:', command, hosts and f'on {hosts}')))
    end = '' if run.finished else ' The run is not finished.'
    if run.condition is not Condition.WHOLE:
        end = ' Some lines of its file cannot be read.'
    total = sentences.changes(len(run.entries))
    words = journal_screen.by_outcome(run.summary.outcomes)
    return f'{head}, {total}{words and ": " + words}.{end}'


def _moves(run: Run, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield each move once: the cluster, the old and the new addresses."""
    moves: dict[tuple[str, tuple[MonAddr, ...], tuple[MonAddr, ...]],
                collections.Counter[str]] = {}
    for entry in run.entries:
        for edit in entry.edits:
            move = edit.cluster, edit.old, edit.new
            moves.setdefault(move, collections.Counter())[
                entry.locator.store] += 1
    ranked = sorted(moves.items(), key=lambda each: -sum(each[1].values()))
    for (cluster, old, new), stores in ranked[:_MOVES]:
        room = sheet.width - 6
        yield from sheet.prose(
            f'{cluster}: {sentences.copies(sum(stores.values()))} '
            f'({sentences.enumerate_counts(_by_store(stores))})', '', '  ', 4)
        yield from sheet.prose(sheet.addresses(old, room) or 'no address', '',
                               '    - ', 6)
        yield from sheet.prose(sheet.addresses(new, room) or 'no address', '',
                               '    + ', 6)
    if len(ranked) > _MOVES:
        yield from sheet.prose(
            f'and {len(ranked) - _MOVES} more moves (-f csv lists all)',
            'dim', '  ')


def _by_store(stores: Mapping[str, int]) -> Mapping[str, int]:
    return dict(sorted(stores.items(), key=lambda each: -each[1]))


def _outcomes(entries: Sequence[Entry]) -> Iterator[groups.Cause]:
    """Yield the changes by outcome and reason, the worst first."""
    alike: dict[tuple[Optional[Verdict], str], list[Entry]] = {}
    for entry in entries:
        alike.setdefault((entry.verdict, entry.reason), []).append(entry)
    ids = short_ids.short(entry.locator.instance for entry in entries)
    for (verdict, reason), same in sorted(
            alike.items(), key=lambda each: journal_screen.WORST.index(
                each[0][0])):
        word = verdict.value if verdict else 'not made'
        yield groups.Cause(
            f'{sentences.changes(len(same))} {word}'
            f'{reason and ": " + reason}', '' if verdict is Verdict.FIXED
            else style.BAD, [], list(_servers(same, ids)))


def _servers(entries: Iterable[Entry],
             ids: Mapping[str, str]) -> Iterator[list[lines.Span]]:
    """Yield a row for each server with its stores and disks."""
    servers: dict[tuple[str, str], dict[str, list[str]]] = {}
    for entry in entries:
        where = entry.locator
        stores = servers.setdefault((where.host, where.instance), {})
        stores.setdefault(where.store, []).extend(
            edit.disk for edit in entry.edits)
    has_hosts = len({host for host, _ in servers}) > 1
    for (host, instance), stores in servers.items():
        disks = ', '.join(
            ' '.join([store, *(name for name in names if name != _VOLUME)])
            for store, names in stores.items())
        yield [(ids[instance], ''),
               *([(host, '')] if has_hosts else []), (disks, '')]
