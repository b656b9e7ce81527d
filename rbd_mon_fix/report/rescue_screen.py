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

"""The screens of ``guests --rescue``: the ways, or what was done."""

from __future__ import annotations

import dataclasses
from typing import Any, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.rescue import QmpCommand
from rbd_mon_fix.model.rescue import RescueKind
from rbd_mon_fix.model.rescue import RescueWay
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

# What a command to type begins with; such lines are never folded.
_INDENT = ' ' * 5
_HANG = 3

_MEANWHILE = ('While the guest is stranded, restart no OSD and move no data.')
_TITLES = {
    RescueKind.LIVE_MIGRATION:
        'Live migration, if another host can take the guest. Nova up to '
        '2026.1 takes the old addresses of disks that it created itself '
        'along: the other host then needs the hook or the shield.',
    RescueKind.SUSPEND:
        'Suspend, refresh and resume: the guest stands still for that long.',
    RescueKind.IN_PLACE:
        'In place, if neither is possible: QEMU connects each disk again '
        'while the guest runs, and stops it twice for a moment. This was '
        'tried with QEMU 7.2, libvirt 9.0 and Ceph 16.2 only.'}
_REFUSED = 'In place: refused.'
_LATER = ('Libvirt still shows the old addresses of the running guest, and a '
          'suspend or a migration takes them along: refresh its records.')


@dataclasses.dataclass(frozen=True)
class RescuedGuest:
    """The guest that a screen is about.

    :param name: '' if it is unknown
    :param lost: the clusters of which it has lost the monitors
    :param scope: the options that select it
    """

    host: str
    instance: str
    name: str
    state: GuestState
    lost: tuple[str, ...]
    scope: tuple[str, ...]


def ways(guest: RescuedGuest, found: Sequence[RescueWay],
         steps: Sequence[QmpCommand], view: views.View,
         sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield whether a guest is stranded, and the ways out, best first.

    :param steps: what QEMU would get in place
    """
    if guest.state is not GuestState.STRANDED:
        yield from _in_order(guest, found, sheet)
        return
    yield from sheet.prose(
        f'{_who(guest, sheet)} is stranded: it has lost the monitors of '
        f'{", ".join(guest.lost)}.', style.BAD)
    yield from sheet.prose(_MEANWHILE, style.BAD)
    for number, way in enumerate(found, 1):
        yield []
        if way.refusals:
            yield from sheet.prose(_REFUSED, 'yellow', f'{number}. ', _HANG)
            for refusal in way.refusals:
                yield from sheet.prose(str(refusal), '', '   - ', 5)
            continue
        yield from sheet.prose(_TITLES[way.kind], '', f'{number}. ', _HANG)
        if way.kind is RescueKind.IN_PLACE:
            yield from _steps(steps, sheet)
            continue
        for command in way.commands:
            yield [(f'{_INDENT}{sheet.text(command)}', '')]
    if found and found[-1].possible:
        yield []
        yield from sheet.prose('If neither 1 nor 2 is possible:')
        yield sheets.command('Next', view.command(
            'guests', *view.hosts, '--rescue', guest.instance,
            '--in-place'))


def done(guest: RescuedGuest, run: str, verdict: Verdict, reason: str,
         paused: float, view: views.View, sheet: sheets.Sheet
         ) -> Iterator[lines.Line]:
    """Yield what a rescue in place has done.

    :param run: its id in the journal
    :param paused: seconds for which the guest was stopped
    """
    who = _who(guest, sheet)
    stopped = f'It was stopped for {paused:.2f} seconds in all.'
    if verdict is Verdict.FIXED:
        yield from sheet.prose(
            f'{who} follows the monitors again. {stopped}', 'green')
        yield from sheet.prose(_LATER)
    else:
        how = ('was not completed' if verdict is Verdict.UNVERIFIED
               else 'failed')
        yield from sheet.prose(f'{who}: the rescue {how}. {reason}',
                               style.BAD)
        yield from sheet.prose(stopped)
    yield []
    yield sheets.command('Journal', view.command('journal', 'show', run))
    yield sheets.command('Next', view.command(
        'refresh', *guest.scope, '--dry-run')
        if verdict is Verdict.FIXED else view.command(
            'guests', *view.hosts, '--instance', guest.instance))


def _steps(steps: Sequence[QmpCommand], sheet: sheets.Sheet
           ) -> Iterator[lines.Line]:
    """Yield what each command to QEMU is about."""
    yield from sheet.prose('QEMU would get these commands (-f json has them '
                           'in full):', '', '   ', _HANG)
    for step in steps:
        told = step.arguments
        moved = (f'{each["node-name"]} onto {each["file"]}'
                 for each in told.get('options', ()))
        yield from sheet.prose(' '.join(filter(None, (
            step.execute, told.get('node-name', ''), _image(told),
            ', '.join(moved)))), '', _INDENT, 7)


def _image(told: Mapping[str, Any]) -> str:
    if 'image' not in told:
        return ''
    addrs = ' '.join(str(MonAddr.of(each['host'], each['port']))
                     for each in told['server'])
    return f'({told["pool"]}/{told["image"]} at {addrs})'


def _in_order(guest: RescuedGuest, found: Sequence[RescueWay],
              sheet: sheets.Sheet) -> Iterator[lines.Line]:
    colour = 'green' if guest.state is GuestState.FOLLOWING else 'yellow'
    reasons = [refusal.reason for way in found for refusal in way.refusals]
    yield from sheet.prose(
        f'{_who(guest, sheet)}: {" ".join(reasons)}', colour)


def _who(guest: RescuedGuest, sheet: sheets.Sheet) -> str:
    name: Optional[str] = sheet.cut(guest.name, 30) if guest.name else None
    return (f'{sheet.cut(guest.host, 30)}: guest {guest.instance}'
            + (f' ({name})' if name else ''))
