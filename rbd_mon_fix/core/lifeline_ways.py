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

"""The commands that make an old address answer, and those that end it."""

from __future__ import annotations

import dataclasses
import shlex
from typing import Iterable, Iterator, Sequence

from rbd_mon_fix.model.lifeline import Lifeline
from rbd_mon_fix.model.lifeline import LifelineWay
from rbd_mon_fix.model.lifeline import WayKind
from rbd_mon_fix.model.monmap import V1_PORT
from rbd_mon_fix.model.monmap import V2_PORT
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap

# What only the operator knows; each report explains them.
PREFIX, DEVICE, OTHER = 'PREFIX', 'DEV', 'OTHER'

_FOLDER = '/var/lib/ceph'


def endpoint(monitor: Monitor, addr: MonAddr) -> str:
    """Return an address as ``ceph mon set-addrs`` takes it.

    A monitor's ``addr`` is its v1 address if it has one.
    """
    is_v2 = addr.port == V2_PORT or (
        addr.port != V1_PORT and addr != monitor.addr)
    return f'{"v2" if is_v2 else "v1"}:{addr}/0'


def add(lifelines: Sequence[Lifeline], present: MonMap
        ) -> tuple[Lifeline, ...]:
    """Return lifelines with the ways to make them answer.

    Each is given to another present monitor, as long as there are any.
    """
    vectors = {monitor.name: tuple(endpoint(monitor, addr)
                                   for addr in monitor.addrs)
               for monitor in present.monitors}
    own = {addr.host for monitor in present.monitors
           for addr in monitor.addrs}
    given: list[str] = []
    found = []
    for number, each in enumerate(lifelines, 1):
        taker = _taker(each, present, given).name
        before = vectors[taker]
        after = tuple(dict.fromkeys((*before, *each.endpoints)))
        is_new = each.host not in own
        # A present address cannot have a second monitor on its ports.
        ways = [*_temporary(each, _name(number, vectors),
                            len(present.monitors))] if is_new else []
        ways.append(_set_addrs(each.host, taker, before, after, is_new))
        found.append(dataclasses.replace(each, ways=tuple(ways)))
        given.append(taker)
        vectors[taker] = after
    return tuple(found)


def _taker(lifeline: Lifeline, present: MonMap, given: Sequence[str]
           ) -> Monitor:
    """Return the present monitor that should take an old address.

    It is the one that has the address, with other ports; else one that has
    got no other yet, if possible the one that the address was taken from:
    its host may still be in the old network.
    """
    return min(present.monitors, key=lambda monitor: (
        lifeline.host not in {addr.host for addr in monitor.addrs},
        given.count(monitor.name), monitor.name != lifeline.name))


def _name(number: int, present: Iterable[str]) -> str:
    """Return a name that no monitor has."""
    name = f'lifeline{number}'
    while name in present:
        name += 'x'
    return name


def _set_addrs(host: str, name: str, before: Sequence[str],
               after: Sequence[str], is_new: bool) -> LifelineWay:
    """Let a present monitor listen on one more address of its host.

    The monitor restarts itself once its addresses in the monmap are others
    than its own (src/mon/Monitor.cc, ``Monitor::bootstrap``). Another monitor
    may keep a connection that it made to the former addresses and answers
    each new one with "existing race replacing process", until it is restarted
    (src/msg/async/ProtocolV2.cc, ``send_server_ident``; seen with Ceph 16.2).
    What Cinder reads remains the same, the first v1 address.
    """
    def command(vector: Sequence[str]) -> str:
        return shlex.join(['ceph', 'mon', 'set-addrs', name,
                           f'[{",".join(vector)}]'])

    there, gone = _address(host) if is_new else ((), ())
    return LifelineWay(
        WayKind.SET_ADDRS, name, (*there, 'ceph mon stat', command(after)),
        (command(before), *gone))


def _temporary(lifeline: Lifeline, name: str, count: int
               ) -> Iterator[LifelineWay]:
    """Run a monitor more, at the old address or behind it.

    :param count: the number of present monitors
    """
    there, gone = _address(lifeline.host)
    made, started, ended = _monitor(lifeline, name, count)
    yield LifelineWay(WayKind.TEMPORARY_MONITOR, name,
                      (*there, *made, started), (*ended, *gone))
    ports = sorted({MonAddr.parse(each.partition(':')[2].partition('/')[0])
                    .port or 0 for each in lifeline.endpoints})
    # ceph-mon takes the default ports of an address to bind to
    # (src/ceph_mon.cc, make_mon_addrs).
    if {*ports} <= {V1_PORT, V2_PORT}:
        yield LifelineWay(
            WayKind.PUBLIC_BIND_ADDR, name,
            (_redirection('-A', lifeline.host, ports), *made,
             f'{started} --public-bind-addr {OTHER}'),
            (*ended, _redirection('-D', lifeline.host, ports)))


def _address(host: str) -> tuple[tuple[str], tuple[str]]:
    """Return the commands that add and remove an address of a host."""
    return ((f'ip addr add {host}/{PREFIX} dev {DEVICE}',),
            (f'ip addr del {host}/{PREFIX} dev {DEVICE}',))


def _monitor(lifeline: Lifeline, name: str, count: int
             ) -> tuple[tuple[str, ...], str, tuple[str, ...]]:
    """Return the commands that create, start and remove a monitor.

    A client that connects to a monitor that is just being removed calls that
    address forever, so it is stopped before, unless the one that remains would
    be no quorum of two. ``ceph mon rm`` ends a process that still runs
    (src/mon/Monitor.cc, "removed from monmap, suicide"). During an election,
    such as that after the stop, it reports success and does nothing, which
    ``ceph mon stat`` shows (seen with Ceph 16.2). Without its keyring the
    monitor would refuse others (src/auth/AuthRegistry.cc, "disabling cephx"),
    and the config may name another one.
    """
    folder = f'{_FOLDER}/{name}'
    made = (f'install -d -m 700 {folder} {folder}/store',
            f'ceph auth get mon. -o {folder}/keyring',
            f'ceph mon getmap -o {folder}/monmap',
            f'ceph-mon -i {name} --mkfs --mon-data {folder}/store --monmap '
            f'{folder}/monmap --keyring {folder}/keyring')
    vector = shlex.quote(f'[{",".join(lifeline.endpoints)}]')
    stopped = (f'pkill -F {folder}/pid',) if count > 1 else ()
    return (made, f'ceph-mon -i {name} --mon-data {folder}/store --keyring '
            f'{folder}/keyring --pid-file {folder}/pid --public-addrv '
            f'{vector}',
            (*stopped, f'ceph mon rm {name}', 'ceph mon stat',
             f'rm -r {folder}'))


def _redirection(action: str, host: str, ports: Iterable[int]) -> str:
    program = 'ip6tables' if ':' in host else 'iptables'
    return (f'{program} -t nat {action} PREROUTING -d {host} -p tcp -m '
            f'multiport --dports {",".join(map(str, ports))} -j DNAT '
            f'--to-destination {OTHER}')
