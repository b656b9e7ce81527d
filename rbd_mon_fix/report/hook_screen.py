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

"""The screen of ``hook``: the parts that need action first."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Iterator, Optional, Sequence

from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

_HANG = 6


@dataclasses.dataclass(frozen=True)
class PartLine:
    """One part of the hook and its state.

    :param where: a path or a process; None if there is neither
    :param note: advice or details, or ''
    :param fine: whether the part needs no action
    :param command: the words to type next; empty if there is no command
    """

    part: str
    state: str
    where: Optional[str]
    note: str
    fine: bool
    command: tuple[str, ...] = ()


def screen(parts: Sequence[PartLine], is_removed: bool, view: views.View,
           sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the verdict, the parts, and the commands to type next.

    :param is_removed: whether the hook was just removed
    """
    if is_removed and parts[0].state == 'missing':
        yield from sheet.prose('The hook is removed.', 'green')
        return
    wrong = [part for part in parts if not part.fine]
    yield from sheet.prose(_verdict(parts, len(wrong)),
                           style.BAD if wrong else 'green')
    yield []
    for part in sorted(parts, key=lambda each: each.fine):
        yield from _part(part, sheet)
    commands = list(dict.fromkeys(
        part.command for part in wrong if part.command))
    if commands:
        yield []
    for program, *words in commands:
        yield sheets.command('Next', view.command(*words)
                             if program == views.PROGRAM
                             else shlex.join([program, *words]))


def _verdict(parts: Sequence[PartLine], wrong: int) -> str:
    if parts[0].state == 'missing':
        return 'The hook is not installed.'
    if not wrong:
        return 'The hook is installed and in order. There is nothing to do.'
    verb = 'needs' if wrong == 1 else 'need'
    return (f'The hook is not in order: {wrong} of {len(parts)} parts {verb} '
            'action.')


def _part(part: PartLine, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    head, colour = ('  ok  ', '') if part.fine else ('  NO  ', style.BAD)
    where = f', {part.where}' if part.where else ''
    yield from sheet.prose(f'{part.part}: {part.state}{where}', colour, head,
                           _HANG)
    if part.note:
        yield from sheet.prose(part.note, '', ' ' * _HANG, _HANG)
