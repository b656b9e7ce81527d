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

"""The screen of ``lifeline plan``: the addresses, and a way for each."""

from __future__ import annotations

from typing import Iterable, Iterator, Sequence

from rbd_mon_fix.model.lifeline import ClusterLifelines
from rbd_mon_fix.model.lifeline import Lifeline
from rbd_mon_fix.model.lifeline import LifelinePlan
from rbd_mon_fix.model.lifeline import LifelineWay
from rbd_mon_fix.model.lifeline import WayKind
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import style

# What a command to type begins with; such lines are never folded.
INDENT = ' ' * 7

_MEANWHILE = 'While a client is stranded, restart no OSD and move no data.'
_NO_DNAT = (
    'Never redirect an old address to a present monitor by plain DNAT: the '
    'monitor throws the client out after authentication, and afterwards the '
    'client sticks to that address (measured with Ceph 16.2).')
_PLACES = (
    'PREFIX is the prefix length of the old network, DEV the device that is '
    'in it, OTHER an address of the host of the temporary monitor.')
_AFTERWARDS = (
    'Take the addresses away only when no client is stranded any more; one '
    'that follows then stays. Repeat "ceph mon rm" until "ceph mon stat" does '
    'not show the monitor: during an election it does nothing. Attach no '
    'volume meanwhile, and refresh afterwards: Cinder writes the addresses of '
    'all monitors, a temporary one too.')
_SAME_ADDRESSES = (
    'Every known monmap has an address of a present monitor, so the '
    'addresses are not the reason, and no old address would help. Check the '
    'routes and firewalls between the hosts of these clients and each '
    'monitor, ports 3300 and 6789, and whether the client process is '
    'stopped.')


def screen(plans: Sequence[ClusterLifelines], not_judged: int,
           silent: Sequence[str], checks: Sequence[str], sheet: sheets.Sheet
           ) -> Iterator[lines.Line]:
    """Yield the verdict, the addresses with their ways, and the check.

    :param not_judged: the number of clients of which nothing is known
    :param silent: the monitors that did not tell their clients, with reasons
    :param checks: the commands that show whether clients follow again
    """
    if not plans:
        yield from sheet.prose(_nothing(not_judged, silent),
                               'yellow' if not_judged or silent else 'green')
    for each in plans:
        yield from sheet.prose(_verdict(each), style.BAD)
    if not_judged and plans:
        yield from sheet.prose(
            f'{sentences.number(not_judged, "client")} could not be judged.',
            'yellow')
    for text in silent:
        yield from sheet.prose(text, 'yellow', '  ', 4)
    if not plans:
        return
    yield from sheet.prose(_MEANWHILE, style.BAD)
    for each in plans:
        yield from _plan(each, sheet)
    if any(each.plan.lifelines for each in plans):
        yield []
        for text in (_PLACES, _NO_DNAT, _AFTERWARDS):
            yield from sheet.prose(text)
    yield []
    for check in checks:
        yield sheets.command('Next', check)


def _nothing(not_judged: int, silent: Sequence[str]) -> str:
    if not_judged:
        return ('No client is known to be stranded, but '
                f'{sentences.number(not_judged, "client")} could not be '
                'judged.')
    if silent:
        return ('No client is known to be stranded, but not every monitor '
                'told its clients.')
    return 'No client is stranded. There is nothing to do.'


def _verdict(each: ClusterLifelines) -> str:
    count = len(each.plan.lifelines)
    who = (f'{sentences.number(each.stranded, "client")} of cluster '
           f'{each.cluster} {"is" if each.stranded == 1 else "are"} stranded')
    if not count:
        return f'{who}, and no old address can bring them back.'
    what = ('1 old address that answers reaches' if count == 1 else
            f'{count} old addresses that answer reach')
    reached = [epoch for epoch in each.plan.candidates
               if epoch not in each.plan.unreached]
    whom = 'it' if each.stranded == 1 else 'all of them'
    if each.plan.unreached:
        whom = f'only those with a monmap of {_epochs(reached)}'
    return f'{who}: {what} {whom}.'


def _plan(each: ClusterLifelines, sheet: sheets.Sheet
          ) -> Iterator[lines.Line]:
    plan = each.plan
    texts = [*_doubts(plan)]
    if texts:
        yield []
    for text in texts:
        yield from sheet.prose(text, 'yellow')
    for lifeline in plan.lifelines:
        yield []
        yield from sheet.prose(_address(lifeline), 'bold')
        for number, way in enumerate(lifeline.ways, 1):
            yield from sheet.prose(_way(way, lifeline), '', f'  {number}. ',
                                   5)
            yield from _commands(way.commands, sheet)
            yield from sheet.prose('The way back:', '', ' ' * 5, 5)
            yield from _commands(way.back, sheet)


def _doubts(plan: LifelinePlan) -> Iterator[str]:
    if not plan.candidates:
        yield _SAME_ADDRESSES
    if plan.taken:
        yield (f'{", ".join(plan.taken)}: a monitor answers there today, so '
               'the address is not used: it belongs to somebody, or is '
               'redirected by DNAT, which must end first.')
    if plan.unreached:
        yield (f'Every address of {_epochs(plan.unreached)} is taken. '
               'Live-migrate guests that have this monmap, or stop and start '
               'them.')
    if plan.unknown:
        yield (f'{_epochs(plan.unknown).capitalize()} of the monmap '
               f'{"is" if len(plan.unknown) == 1 else "are"} not known: a '
               'client that has one may not be reached.')
    if not plan.is_smallest:
        yield ('There are too many monmaps to compare all sets of '
               'addresses: a smaller set may exist.')


def _address(lifeline: Lifeline) -> str:
    name = f' (mon.{lifeline.name})' if lifeline.name else ''
    return (f'{lifeline.host}{name} reaches clients with a monmap of '
            f'{_epochs(lifeline.epochs)}')


def _way(way: LifelineWay, lifeline: Lifeline) -> str:
    if way.kind is WayKind.SET_ADDRS:
        return (f'As one more address of the host of mon.{way.monitor}; run '
                'the commands there. Only if all other monitors are in '
                f'quorum: mon.{way.monitor} restarts itself. If it is not '
                'back in quorum after a minute, restart the others, one at '
                'a time: they may stick to its former addresses.')
    if way.kind is WayKind.TEMPORARY_MONITOR:
        return (f'With a temporary monitor, mon.{way.monitor}, on any host '
                'that can have the address.')
    return ('Where the old network is gone: with a temporary monitor on any '
            f'host. The router that clients and monitors reach '
            f'{lifeline.host} by redirects it to that host alone; the '
            f'{"ip6tables" if ":" in lifeline.host else "iptables"} commands '
            'are for that router.')


def _commands(commands: Iterable[str], sheet: sheets.Sheet
              ) -> Iterator[lines.Line]:
    for command in commands:
        yield [(f'{INDENT}{sheet.text(command)}', '')]


def _epochs(numbers: Sequence[int]) -> str:
    """Return epochs in words, with ranges."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    told = ', '.join(str(first) if first == last else f'{first}-{last}'
                     for first, last in ranges)
    return f'epoch{"" if len(numbers) == 1 else "s"} {told}'
