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

"""The screens of ``guests --from-ceph`` and ``gate``: what is wrong first."""

from __future__ import annotations

import dataclasses
from typing import Iterable, Iterator, Optional, Sequence

from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.report import groups
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

_RECOVER = (
    'A stranded client goes on until it needs a new map: until then, restart '
    'no OSD and move no data. Refresh first, then live-migrate its server, '
    'or stop and start it; or bring a monitor back at an old address: '
    '"lifeline plan" shows which and how.')


@dataclasses.dataclass(frozen=True)
class WatcherLine:
    """A client that has an image open, or an image of unknown watchers.

    :param client: None if the watchers of the image cannot be read
    :param monitors: the names of those on which it has a session
    :param ready: whether one of these stays
    :param reason: why it cannot be judged; '' if it is
    """

    cluster: str
    image: str
    client: Optional[int]
    address: str
    monitors: tuple[str, ...]
    state: GuestState
    ready: bool
    reason: str = ''


def census(watchers: Sequence[WatcherLine], silent: Sequence[str],
           view: views.View, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the verdict, the watchers that do not follow, and the advice.

    :param silent: the monitors that did not tell their clients, with reasons
    """
    stranded = _of(watchers, GuestState.STRANDED)
    unknown = _of(watchers, GuestState.UNKNOWN)
    yield from sheet.prose(
        _verdict(len(watchers), len(stranded), len(unknown), silent),
        _colour(stranded, [*unknown, *silent], watchers))
    yield from _found([*_stranded(stranded), *_unknown(unknown)], silent,
                      sheet)
    if stranded:
        yield []
        yield from sheet.prose(f'Do not go on. {_RECOVER}', style.BAD)
        yield sheets.command('Next', view.command('refresh', '--dry-run'))
    elif unknown or silent:
        yield []
        yield from sheet.prose('Do not go on before every watcher is judged.',
                               'yellow')


def gate(watchers: Sequence[WatcherLine], leaving: Sequence[str],
         silent: Sequence[str], view: views.View, sheet: sheets.Sheet
         ) -> Iterator[lines.Line]:
    """Yield whether monitors may be removed, what forbids it, and the advice.

    :param leaving: the names of these monitors
    :param silent: the monitors that stay but did not tell their clients,
        with reasons
    """
    stranded = _of(watchers, GuestState.STRANDED)
    unknown = _of(watchers, GuestState.UNKNOWN)
    held = [each for each in watchers
            if each.monitors and not each.ready]
    blocking = len(stranded) + len(unknown) + len(held)
    yield from sheet.prose(
        _gate_verdict(len(watchers), blocking, leaving, silent),
        _colour(stranded, [*unknown, *held, *silent], watchers))
    yield from _found([*_stranded(stranded), *_unknown(unknown),
                       *_held(held)], silent, sheet)
    if not blocking and not silent:
        for name in leaving[:1]:
            yield sheets.command('Go on', f'ceph mon rm {name}')
        return
    yield []
    if held:
        names = {name for each in held for name in each.monitors}
        turns = ', one at a time' if len(names) > 1 else ''
        yield from sheet.prose(
            f'Stop {_monitors(sorted(names))}{turns}: the clients then move '
            'to the other monitors by themselves.', 'yellow')
    if stranded:
        yield from sheet.prose(_RECOVER, style.BAD)
    yield sheets.command('Next', view.scoped('gate', *leaving))


def _verdict(count: int, stranded: int, unknown: int,
             silent: Sequence[str]) -> str:
    following = count - stranded - unknown
    if following < count:
        parts = [f'{following} of {sentences.number(count, "watcher")} '
                 f'{"follows" if following == 1 else "follow"} the monitors']
        for number, word in ((stranded, 'stranded'), (unknown, 'not judged')):
            if number:
                parts.append(f'{number} {"is" if number == 1 else "are"} '
                             f'{word}')
        return f'{", ".join(parts)}.'
    told = ('No image is open' if not count else
            'The only watcher of an image follows the monitors' if count == 1
            else f'All {count} watchers of images follow the monitors')
    return (f'{told}, but not every monitor told its clients.' if silent
            else f'{told}. Go on.')


def _gate_verdict(count: int, blocking: int, leaving: Sequence[str],
                  silent: Sequence[str]) -> str:
    what = _monitors(leaving) if leaving else 'any monitor'
    if blocking:
        have = 'has' if blocking == 1 else 'have'
        return (f'Do not remove {what} yet: {blocking} of '
                f'{sentences.number(count, "watcher")} {have} no known '
                'session on a monitor that stays.')
    if silent:
        return (f'Do not remove {what} yet: not every monitor that stays told '
                'its clients.')
    told = ('No image is open' if not count else
            'The only watcher of an image has a session on a monitor that '
            'stays' if count == 1 else
            f'All {count} watchers of images have a session on a monitor '
            'that stays')
    return f'{told}. Go on.'


def _monitors(names: Sequence[str]) -> str:
    return ', '.join(f'mon.{name}' for name in names)


def _of(watchers: Sequence[WatcherLine],
        state: GuestState) -> list[WatcherLine]:
    return [each for each in watchers if each.state is state]


def _colour(bad: Sequence[object], doubtful: Sequence[object],
            watchers: Sequence[object]) -> str:
    return (style.BAD if bad else 'yellow' if doubtful else
            'green' if watchers else '')


def _found(causes: Sequence[groups.Cause], silent: Sequence[str],
           sheet: sheets.Sheet) -> Iterator[lines.Line]:
    if causes or silent:
        yield []
    yield from groups.show(causes, (0, 2, 3), sheet)
    for each in silent:
        yield from sheet.prose(each, 'yellow', '  ', 4)


def _stranded(watchers: Sequence[WatcherLine]) -> Iterator[groups.Cause]:
    if watchers:
        yield groups.Cause(
            f'{len(watchers)} stranded: no session on a monitor', style.BAD,
            [], _rows(watchers), 'watcher')


def _unknown(watchers: Sequence[WatcherLine]) -> Iterator[groups.Cause]:
    for why, alike in _grouped((each.reason, each) for each in watchers):
        yield groups.Cause(f'{len(alike)} not judged: {why}', 'yellow', [],
                           _rows(alike), 'watcher')


def _held(watchers: Sequence[WatcherLine]) -> Iterator[groups.Cause]:
    for names, alike in _grouped((_monitors(each.monitors), each)
                                 for each in watchers):
        yield groups.Cause(f'{len(alike)} connected only to {names}',
                           'yellow', [], _rows(alike), 'watcher')


def _grouped(pairs: Iterable[tuple[str, WatcherLine]]
             ) -> list[tuple[str, list[WatcherLine]]]:
    """Return the watchers by a text, the largest group first."""
    found: dict[str, list[WatcherLine]] = {}
    for text, each in pairs:
        found.setdefault(text, []).append(each)
    return sorted(found.items(), key=lambda pair: -len(pair[1]))


def _rows(watchers: Sequence[WatcherLine]) -> list[list[lines.Span]]:
    return [[(each.image, ''),
             ('' if each.client is None else f'client.{each.client}', ''),
             (each.address, ''), (f'cluster {each.cluster}', '')]
            for each in watchers]
