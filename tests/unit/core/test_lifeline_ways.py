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

"""The commands that make old addresses answer, and those that end it."""

from __future__ import annotations

import shlex

import pytest

from rbd_mon_fix.core import lifeline_ways
from rbd_mon_fix.model.lifeline import Lifeline
from rbd_mon_fix.model.lifeline import WayKind
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap


def monitor(name, host, *ports):
    addrs = tuple(MonAddr(host, port) for port in ports or (3300, 6789))
    return Monitor(name, addrs[-1], addrs)


PRESENT = MonMap((monitor('p', '192.0.2.21'), monitor('q', '192.0.2.22')))


def old(number, name='a', *ports):
    host = f'192.0.2.{number}'
    return Lifeline(host, tuple(
        lifeline_ways.endpoint(monitor(name, host, *ports), MonAddr(
            host, port)) for port in ports or (3300, 6789)), name, (1,))


def takers(*lifelines):
    return [each.ways[-1].monitor
            for each in lifeline_ways.add(lifelines, PRESENT)]


def test_an_address_more_of_a_present_monitor():
    one, = lifeline_ways.add([old(1)], PRESENT)
    way = one.ways[-1]
    assert (way.kind, way.monitor) == (WayKind.SET_ADDRS, 'p')
    assert way.commands == (
        'ip addr add 192.0.2.1/PREFIX dev DEV', 'ceph mon stat',
        "ceph mon set-addrs p '[v2:192.0.2.21:3300/0,v1:192.0.2.21:6789/0,"
        "v2:192.0.2.1:3300/0,v1:192.0.2.1:6789/0]'")
    assert way.back == (
        "ceph mon set-addrs p '[v2:192.0.2.21:3300/0,v1:192.0.2.21:6789/0]'",
        'ip addr del 192.0.2.1/PREFIX dev DEV')


@pytest.mark.parametrize('names, expected', [
    (['a'], ['p']), (['q'], ['q']), (['a', 'b'], ['p', 'q']),
    (['q', 'q'], ['q', 'p']), (['a', 'b', 'q'], ['p', 'q', 'q'])])
def test_who_takes_an_address(names, expected):
    """The monitor that moved, but one address a monitor if possible."""
    assert takers(*(old(number, name)
                    for number, name in enumerate(names, 1))) == expected


def test_two_addresses_for_one_monitor():
    """The second command keeps what the first one gave."""
    only = MonMap(PRESENT.monitors[:1])
    _, second = lifeline_ways.add([old(1), old(2)], only)
    first_and_second = second.ways[-1].commands[-1]
    assert 'v1:192.0.2.1:6789/0,v2:192.0.2.2:3300/0' in first_and_second
    assert second.ways[-1].back[0].endswith('v1:192.0.2.1:6789/0]\'')


def test_a_temporary_monitor():
    temporary, _, _ = lifeline_ways.add([old(1)], PRESENT)[0].ways
    folder = '/var/lib/ceph/lifeline1'
    assert (temporary.kind, temporary.monitor) == (
        WayKind.TEMPORARY_MONITOR, 'lifeline1')
    assert temporary.commands == (
        'ip addr add 192.0.2.1/PREFIX dev DEV',
        f'install -d -m 700 {folder} {folder}/store',
        f'ceph auth get mon. -o {folder}/keyring',
        f'ceph mon getmap -o {folder}/monmap',
        f'ceph-mon -i lifeline1 --mkfs --mon-data {folder}/store --monmap '
        f'{folder}/monmap --keyring {folder}/keyring',
        f'ceph-mon -i lifeline1 --mon-data {folder}/store --keyring '
        f'{folder}/keyring --pid-file {folder}/pid --public-addrv '
        "'[v2:192.0.2.1:3300/0,v1:192.0.2.1:6789/0]'")
    assert temporary.back == (
        f'pkill -F {folder}/pid', 'ceph mon rm lifeline1', 'ceph mon stat',
        f'rm -r {folder}', 'ip addr del 192.0.2.1/PREFIX dev DEV')


def test_the_only_other_monitor_is_no_quorum():
    """Whatever way the other address took, there may be two monitors."""
    for one in lifeline_ways.add(
            [old(1), old(2)], MonMap(PRESENT.monitors[:1])):
        assert one.ways[0].back[0].startswith('ceph mon rm lifeline')


def test_a_temporary_monitor_elsewhere():
    temporary, behind, _ = lifeline_ways.add([old(1)], PRESENT)[0].ways
    rule = ('PREROUTING -d 192.0.2.1 -p tcp -m multiport --dports 3300,6789 '
            '-j DNAT --to-destination OTHER')
    assert behind.kind is WayKind.PUBLIC_BIND_ADDR
    assert behind.commands == (
        f'iptables -t nat -A {rule}', *temporary.commands[1:-1],
        f'{temporary.commands[-1]} --public-bind-addr OTHER')
    assert behind.back == (*temporary.back[:-1], f'iptables -t nat -D {rule}')


def test_version_6():
    host = 'fd00::1'
    one, = lifeline_ways.add([Lifeline(
        host, ('v2:[fd00::1]:3300/0',), 'a', (1,))], PRESENT)
    assert one.ways[0].commands[0] == 'ip addr add fd00::1/PREFIX dev DEV'
    assert one.ways[1].commands[0].startswith('ip6tables -t nat -A ')
    assert '--dports 3300 ' in one.ways[1].commands[0]


def test_other_ports():
    """A monitor binds to no others of another address."""
    one, = lifeline_ways.add([old(1, 'a', 6790)], PRESENT)
    assert [each.kind for each in one.ways] == [
        WayKind.TEMPORARY_MONITOR, WayKind.SET_ADDRS]
    assert one.endpoints == ('v1:192.0.2.1:6790/0',)
    assert lifeline_ways.endpoint(
        monitor('a', '192.0.2.1', 6791, 6790),
        MonAddr('192.0.2.1', 6791)) == 'v2:192.0.2.1:6791/0'


def test_names_that_exist_or_need_quotes():
    present = MonMap((monitor('lifeline1', '192.0.2.21'),
                      monitor("it's", '192.0.2.22')))
    one, = lifeline_ways.add([old(1, "it's")], present)
    assert shlex.split(one.ways[-1].commands[-1])[3] == "it's"
    assert one.ways[0].monitor == 'lifeline1x'
