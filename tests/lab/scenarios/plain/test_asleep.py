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

"""A guest sleeps through a move of the monitors, and is helped by a lifeline.

The census and the gate are asked before and afterwards.
"""

from __future__ import annotations

import functools
import json
import shlex
from typing import Callable

import libvirt
import pytest

from lab import guests
from lab import inside
from lab import mons
from lab import services
from tests.lab.scenarios import freezing
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching

CENSUS = ('guests', '--from-ceph')
# Seconds for a client to come back, on a busy machine.
BACK_WITHIN = 180
# The libvirt that starts guests without a raw node (core/rescue.py).
WITHOUT_RAW_NODE = 10_001_000
# Seconds for a monitor that restarts itself, as the reference says.
RESTARTED_WITHIN = 60


def states(operator: operators.Operator, words: tuple[str, ...], code: int
           ) -> dict[str, str]:
    """Return the state of the client of each image."""
    told = operator.run(*words, code=code)
    return {row['image']: row['state'] for row in told['watchers']}


def become(operator: operators.Operator, code: int,
           expected: dict[str, str]) -> None:
    """Wait until the census says so; the gate then says the same."""
    def look() -> bool:
        found = states(operator, CENSUS, code)
        return expected.items() <= found.items()

    # An answer with another exit code is an AssertionError, and tried again.
    services.wait_for(look, BACK_WITHIN)
    assert expected.items() <= states(operator, ('gate',), code).items()


@pytest.fixture
def known(lab: inside.Lab) -> set[str]:
    """Return the addresses of the monitors before the move."""
    return {host for host, _ in mons.first_addresses(lab.cluster.monitors())}


@pytest.fixture
def stranded(lab: inside.Lab, operator: operators.Operator, known: set[str],
             guest_of: Callable[..., guests.Guest]) -> guests.Guest:
    """Return a guest that was stopped while all monitors were replaced."""
    guest, awake = guest_of('asleep'), guest_of('awake')
    become(operator, 0, {guest.image: 'following', awake.image: 'following'})
    with freezing.frozen(guest, lab.cluster):
        lab.move_monitors(())
    become(operator, 1, {guest.image: 'stranded', awake.image: 'following'})
    return guest


@pytest.mark.parametrize('way', ['temporary-monitor', 'set-addrs'])
def test_a_lifeline(lab: inside.Lab, operator: operators.Operator,
                    known: set[str], stranded: guests.Guest, way: str):
    """The plan has an address for each of the former moves, and this one."""
    plan = operator.run('lifeline', 'plan', '--from-ceph', code=1)
    assert [one['unreached'] for one in plan['plans']] == [[]]
    lines = [line for line in plan['lifelines'] if line['way'] == way]
    assert len([line for line in lines if line['address'] in known]) == 1
    for line in lines:
        do(lab, line['commands'])
    become(operator, 0, {stranded.image: 'following'})
    for line in reversed(lines):
        do(lab, line['back'])
    become(operator, 0, {stranded.image: 'following'})
    watching.writes(stranded)
    known, _ = in_quorum(lab)
    assert known == {monitor.name for monitor in lab.cluster.monitors()}


def test_a_rescue(operator: operators.Operator, stranded: guests.Guest):
    """In place where libvirt starts guests with a raw node, else refused."""
    words = ('guests', '--rescue', stranded.uuid)
    pulse = watching.Pulse(stranded)
    *_, way = operator.run(*words, code=1)['ways']
    assert way['way'] == 'in-place'
    if libvirt.getVersion() < WITHOUT_RAW_NODE:
        assert way['refused'] == []
        told = operator.run(*words, '--in-place')
        assert (told['outcome'], told['reason']) == ('fixed', None)
        become(operator, 0, {stranded.image: 'following'})
    else:
        assert [each for each in way['refused']
                if 'libvirt 10.1 and newer' in each['reason']]
        operator.run(*words, '--in-place', code=3)
        become(operator, 1, {stranded.image: 'stranded'})
    watching.writes(stranded)
    assert pulse.stop() < watching.NO_PAUSE
    assert pulse.same_process()
    # A count that did not reach the disk is marked as such.
    assert None not in pulse.counted()


def do(lab: inside.Lab, commands: list[str]) -> None:
    """Run commands; every loopback address is one of the lab's machine.

    As the reference says, the removal of a monitor is repeated, and where a
    monitor stays out of the quorum, its peers are restarted.
    """
    def whole() -> bool:
        known, those = in_quorum(lab)
        return known == those

    def removed(words: list[str]) -> bool:
        services.run(*words)
        known, _ = in_quorum(lab)
        return words[-1] not in known

    for command in commands:
        words = shlex.split(command)
        if words[:3] == ['ceph', 'mon', 'rm']:
            services.wait_for(functools.partial(removed, words),
                              RESTARTED_WITHIN)
        elif words[0] != 'ip':
            services.run(*words)
    try:
        services.wait_for(whole, RESTARTED_WITHIN)
    except TimeoutError:
        known, those = in_quorum(lab)
        for peer in lab.cluster.monitors():
            if known != those and peer.name in those:
                lab.cluster.restart(peer)
    services.wait_for(whole, BACK_WITHIN)


def in_quorum(lab: inside.Lab) -> tuple[set[str], set[str]]:
    """Return the names of all monitors, and of those in the quorum."""
    told = json.loads(lab.cluster.run(
        'ceph', '--connect-timeout', '10', 'quorum_status'))
    return ({one['name'] for one in told['monmap']['mons']},
            {*told['quorum_names']})
