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

"""The screen of ``verify``: the disks that do not open, by cause."""

from __future__ import annotations

import dataclasses
import re
from typing import Iterable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import groups
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import short_ids
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

_HOSTS = 20
# QEMU's block/rbd.c reports so what rados_connect returns, and verify a disk
# that exceeds its time.
_NO_MONITOR = re.compile('error connecting|no answer within')


@dataclasses.dataclass(frozen=True)
class OpenedDisk:
    """One disk in one record, and the error if it did not open.

    :param name: the name of the server; '' if it is unknown
    :param tried: the addresses that QEMU was given
    :param shielded: whether it opens on this host thanks to the shield alone
    """

    host: str
    instance: str
    name: str
    store: str
    device: Optional[str]
    image: Optional[str]
    error: Optional[str]
    seconds: float
    tried: tuple[MonAddr, ...]
    shielded: bool = False


def screen(disks: Sequence[OpenedDisk], lost: Mapping[str, str],
           view: views.View, sheet: sheets.Sheet,
           opened_as: str = '') -> Iterator[lines.Line]:
    """Yield the verdict, the causes, and the next command.

    :param lost: the hosts that could not be scanned, each with the reason
    :param opened_as: a sentence; '' if no disk was opened
    """
    closed = [disk for disk in disks if disk.error is not None]
    colour = style.BAD if closed else 'green' if disks else ''
    go_on = ' Go on.' if disks and not closed and not lost else ''
    yield from sheet.prose(_verdict(disks, sheet) + go_on, colour)
    if opened_as:
        yield from sheet.prose(opened_as, 'dim')
    if closed:
        yield []
        yield from _by_host(disks, sheet)
        yield from _closed(closed, sheet)
    if lost:
        yield []
        yield from _lost(lost, sheet)
    if closed:
        yield []
        yield from _next(closed, view, sheet)
    elif lost:
        yield sheets.command('Next', view.scoped('verify'))


def _verdict(disks: Sequence[OpenedDisk], sheet: sheets.Sheet) -> str:
    if not disks:
        return 'No RBD disk was found.'
    hosts = list(dict.fromkeys(disk.host for disk in disks))
    where = (sheet.cut(hosts[0], 30) if len(hosts) == 1
             else f'{len(hosts)} hosts')
    times = sorted(disk.seconds for disk in disks if disk.error is None)
    median = f' (median {times[len(times) // 2]:.2f} s)' if times else ''
    closed = len(disks) - len(times)
    if not times:
        return f'{where}: {_none_of(closed)}.'
    if not closed:
        return f'{where}: {_all_of(len(disks))}{median}.'
    verb = 'does' if closed == 1 else 'do'
    return (f'{where}: {len(times)} of {len(disks)} disks open{median}; '
            f'{closed} {verb} not.')


def _none_of(count: int) -> str:
    return ('the only disk does not open' if count == 1
            else f'none of the {count} disks opens')


def _all_of(count: int) -> str:
    return 'the only disk opens' if count == 1 else f'all {count} disks open'


def _by_host(disks: Sequence[OpenedDisk],
             sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield a row for each of several hosts, the worst first."""
    totals: dict[str, list[int]] = {}
    for disk in disks:
        total = totals.setdefault(disk.host, [0, 0])
        total[0] += disk.error is not None
        total[1] += 1
    if len(totals) < 2:
        return
    worst = sorted(totals.items(), key=lambda each: -each[1][0])
    closed = [each for each in worst if each[1][0]]
    heads = [(text, 'bold') for text in ('HOST', 'DISKS', 'DO NOT OPEN')]
    yield from sheet.rows([heads, *(
        [(host, ''), (str(total), ''), (str(bad), style.BAD)]
        for host, (bad, total) in closed[:_HOSTS])], 2, (0,))
    if len(closed) > _HOSTS:
        yield from sheet.prose(f'{_HOSTS} worst of {len(closed)} hosts shown '
                              '(-f csv lists all)', 'dim', '  ')
    if len(worst) > len(closed):
        yield from sheet.prose(
            f'All disks open on {len(worst) - len(closed)} of '
            f'{len(worst)} hosts.', '', '  ')
    yield []


def _closed(closed: Sequence[OpenedDisk],
            sheet: sheets.Sheet) -> Iterator[lines.Line]:
    alike: dict[tuple[str, bool, tuple[MonAddr, ...]],
                list[OpenedDisk]] = {}
    for disk in closed:
        alike.setdefault((_cause(disk), disk.shielded, disk.tried),
                         []).append(disk)
    has_hosts = len({disk.host for disk in closed}) > 1
    ids = short_ids.short(disk.instance for disk in closed)
    found = []
    for (error, shielded, tried), disks in sorted(
            alike.items(), key=lambda each: -len(each[1])):
        more = ', shielded on this host' if shielded else ''
        addresses = sheet.addresses(tried, sheet.width - 14)
        found.append(groups.Cause(
            f'{sentences.number(len(disks), "disk")}: {error}{more}',
            'yellow' if shielded else style.BAD,
            [f'tried {addresses}'] if tried else [],
            list(_servers(disks, ids, has_hosts))))
    yield from groups.show(found, (1, 2, 3) if has_hosts else (1, 2), sheet)


def _cause(disk: OpenedDisk) -> str:
    """Return the error without the name of the image, which differs."""
    error = disk.error or ''
    for name in filter(None, (disk.image,
                              (disk.image or '').rpartition('/')[2])):
        error = error.replace(name, 'IMAGE')
    return error


def _servers(disks: Iterable[OpenedDisk], ids: Mapping[str, str],
             has_hosts: bool) -> Iterator[list[lines.Span]]:
    """Yield a row for each server with its stores and disks."""
    servers: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for disk in disks:
        stores = servers.setdefault((disk.host, disk.instance, disk.name), {})
        stores.setdefault(disk.store, []).append(disk.device or 'disk')
    for (host, instance, name), stores in servers.items():
        where = ', '.join(f'{store} {" ".join(devices)}'
                          for store, devices in stores.items())
        row = [(ids[instance], ''), (name, '')]
        yield [*row, *([(host, '')] if has_hosts else []), (where, '')]


def _lost(lost: Mapping[str, str],
          sheet: sheets.Sheet) -> Iterator[lines.Line]:
    reasons: dict[str, list[str]] = {}
    for host, reason in lost.items():
        reasons.setdefault(reason, []).append(host)
    for reason, hosts in reasons.items():
        yield from sheet.prose(f'Not looked at: {", ".join(hosts)}: {reason}',
                              style.BAD, hang=4)


def _next(closed: Sequence[OpenedDisk], view: views.View,
          sheet: sheets.Sheet) -> Iterator[lines.Line]:
    bare = [disk for disk in closed if not disk.shielded]
    shielded = [disk for disk in closed if disk.shielded]
    if bare:
        yield from sheet.prose(
            f'{sentences.number(len(bare), "disk")} would not open at a cold '
            f'start: do not stop or reboot {_those(bare)}.', style.BAD)
    if shielded:
        yield from sheet.prose(
            f'{sentences.number(len(shielded), "disk")} would open here, '
            'thanks to the shield of this host: do not migrate '
            f'{_those(shielded)}.', 'yellow')
    servers = {disk.instance for disk in closed}
    words = (('--instance', *servers) if len(servers) == 1
             and '--instance' not in view.scope else ())
    # refresh takes no store that cannot be changed.
    if not {'live-domain', 'ceph-conf'} & {*view.scope} and any(
            _NO_MONITOR.search(disk.error or '') for disk in closed):
        yield sheets.command('Next', view.scoped(
            'refresh', *words, '--dry-run'))
    else:
        yield sheets.command('Next', view.scoped('status', *words))


def _those(disks: Sequence[OpenedDisk]) -> str:
    count = len({disk.instance for disk in disks})
    return 'this server' if count == 1 else f'these {count} servers'
