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

"""The screen of ``guests``: stranded guests first, the others counted."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Mapping, Optional, Sequence

from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import groups
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import short_ids
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views


@dataclasses.dataclass(frozen=True)
class GuestLine:
    """A running guest and its monitors.

    :param instance: None if the command line has neither UUID nor name
    :param connected: None if this user may not see the connections
    :param is_domain: False for a process that is no domain of this libvirt
    """

    instance: Optional[str]
    name: str
    pid: int
    launched: tuple[MonAddr, ...]
    connected: Optional[tuple[MonAddr, ...]]
    state: GuestState
    is_domain: bool = True


def screen(guests: Sequence[GuestLine], host: str, hidden: int,
           view: views.View, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the verdict, the guests that do not follow, and the advice.

    :param host: the host of the guests
    :param hidden: number of running domains whose process cannot be seen
    """
    stranded = [each for each in guests
                if each.state is GuestState.STRANDED]
    unknown = [each for each in guests if each.state is GuestState.UNKNOWN]
    # A process that libvirt does not know is no guest that matters.
    doubtful = hidden + sum(each.is_domain for each in unknown)
    colour = (style.BAD if stranded else 'yellow' if doubtful else
              'green' if guests else '')
    yield from sheet.prose(
        f'{sheet.cut(host, 30)}: '
        f'{_verdict(guests, len(stranded), doubtful, hidden)}', colour)
    ids = short_ids.short(each.instance for each in guests if each.instance)
    found = [*_stranded(stranded, ids, sheet), *_unknown(unknown, ids)]
    if found or hidden:
        yield []
    yield from groups.show(found, (1, 0), sheet)
    yield from _hidden(hidden, sheet)
    yield from _advice(stranded, doubtful, view, sheet)


def _verdict(guests: Sequence[GuestLine], stranded: int, doubtful: int,
             hidden: int) -> str:
    count = hidden + sum(each.is_domain for each in guests)
    if not count:
        return 'no guest with an RBD disk is running. Go on.'
    following = count - stranded - doubtful
    if following == count:
        return ('the only running guest follows the monitors. Go on.'
                if count == 1 else
                f'all {count} running guests follow the monitors. Go on.')
    if count == 1:
        state = 'stranded' if stranded else 'not judged'
        return f'the only running guest is {state}.'
    verb = 'follows' if following == 1 else 'follow'
    parts = [f'{following} of {count} running guests {verb} the monitors']
    if stranded:
        parts.append(f'{stranded} {"is" if stranded == 1 else "are"} '
                     'stranded')
    if doubtful:
        parts.append(f'{doubtful} {"is" if doubtful == 1 else "are"} '
                     'not judged')
    return f'{", ".join(parts)}.'


def _stranded(guests: Sequence[GuestLine], ids: Mapping[str, str],
              sheet: sheets.Sheet) -> Iterator[groups.Cause]:
    found: dict[tuple[object, ...], list[GuestLine]] = {}
    for each in guests:
        found.setdefault((each.connected, each.launched), []).append(each)
    for alike in sorted(found.values(), key=len, reverse=True):
        first = alike[0]
        yield groups.Cause(
            f'{len(alike)} stranded: connected to '
            + (sheet.addresses(first.connected, sheet.width - 8)
               if first.connected else 'no monitor'), style.BAD,
            ['launched with '
             + (sheet.addresses(first.launched, sheet.width - 8)
                or 'no RBD disk')], _rows(alike, ids))


def _unknown(guests: Sequence[GuestLine],
             ids: Mapping[str, str]) -> Iterator[groups.Cause]:
    found: dict[str, list[GuestLine]] = {}
    for each in guests:
        found.setdefault(_why(each), []).append(each)
    for why, alike in found.items():
        yield groups.Cause(f'{len(alike)} not judged: {why}', 'yellow', [],
                           _rows(alike, ids))


def _why(guest: GuestLine) -> str:
    if not guest.is_domain:
        return "not a running domain of this host's libvirt"
    if guest.connected is None:
        return 'this user cannot read the connections: run this as root'
    return 'the cluster of a disk is not known'


def _rows(guests: Sequence[GuestLine],
          ids: Mapping[str, str]) -> list[list[lines.Span]]:
    return [[(ids.get(each.instance or '', 'no name'), ''), (each.name, ''),
             (f'process {each.pid}', '')] for each in guests]


def _hidden(hidden: int, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    if hidden:
        yield from sheet.prose(
            f'{hidden} not judged: the process is not visible here. Run this '
            "as root and, in a container, in the host's PID namespace.",
            'yellow', '  ', 4)


def _advice(stranded: Sequence[GuestLine], doubtful: int,
            view: views.View, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    if stranded:
        them = 'it' if len(stranded) == 1 else 'them'
        yield []
        yield from sheet.prose(
            f'Do not go on. Refresh first, then live-migrate {them}, or stop '
            f'and start {them}; or bring a monitor back at an old address: '
            '"lifeline plan" shows which and how.', style.BAD)
        only = stranded[0].instance if len(stranded) == 1 else None
        words = (('--instance', only) if only
                 and '--instance' not in view.scope else ())
        yield sheets.command('Next', view.scoped(
            'refresh', *words, '--dry-run'))
    elif doubtful:
        verb = 'is' if doubtful == 1 else 'are'
        yield []
        yield from sheet.prose(
            f'Do not go on before {sentences.number(doubtful, "guest")} '
            f'{verb} judged.', 'yellow')
