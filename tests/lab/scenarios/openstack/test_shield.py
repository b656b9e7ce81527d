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

"""The host is shielded: all lists are dead, nothing is refreshed, all starts.

The monitors are replaced twice before Nova acts on its servers. The tests of
this module run in order.
"""

from __future__ import annotations

import dataclasses
from typing import Iterator

import pytest

from tests.lab.scenarios import shielding
from tests.lab.scenarios import watching
from tests.lab.scenarios.openstack import server as servers

HOST = ('--host', 'lab', '--unmanaged')


@dataclasses.dataclass(frozen=True)
class Case:
    """A state, and what Nova is asked to do in it.

    :param breaks: the operation, by rbd-mon-fix's name
    """

    state: str
    action: tuple[str, ...]
    breaks: str


CASES = [
    Case('stopped', ('start',), 'start'),
    Case('booted', ('reboot', 'HARD'), 'hard-reboot'),
    Case('suspended', ('resume',), 'resume'),
    Case('rescued', ('unrescue',), 'unrescue'),
    Case('own', ('reboot', 'SOFT'), 'soft-reboot'),
    Case('running', ('rescue',), 'rescue'),
]


@dataclasses.dataclass
class Story:
    """The servers, their documents before the moves, and a guest's life."""

    servers: dict[str, servers.Server]
    documents: dict[str, dict[tuple[str, str], str]]
    pulse: watching.Pulse


@pytest.fixture(scope='module')
def story(lab, operator, ships) -> Iterator[Story]:
    operator.run('refresh', *HOST)
    made = ships.make([*(case.state for case in CASES), 'running-on'])
    operator.run('shield', 'install')
    yield Story(made, {name: one.documents() for name, one in made.items()},
                watching.Pulse(made['running-on']))
    operator.run('shield', 'remove')


@pytest.fixture(scope='module')
def moved(lab, operator, story) -> Story:
    for _ in range(2):
        shielding.move(lab, operator)
    return story


def test_status_says_that_nothing_breaks_here(operator, moved):
    told = operator.run('status', *HOST, *(
        word for one in moved.servers.values()
        for word in ('--instance', one.id)), code=1)
    stale = [record for record in told['records']
             if record['state'] == 'stale']
    assert {record['instance'] for record in stale} == {
        one.id for one in moved.servers.values()}
    here = {case.breaks for case in CASES}
    for record in stale:
        # QEMU does not read the databases, but Nova writes them into XML.
        assert not here & set(record['breaks']), record


@pytest.mark.parametrize('case', CASES, ids=lambda case: case.state)
def test_all_comes_back(case, moved):
    one = moved.servers[case.state]
    assert one.act(*case.action) == 'Success'
    one.counts()
    assert one.documents() == moved.documents[case.state]


def test_a_running_guest_was_never_disturbed(moved):
    assert moved.pulse.stop() < watching.NO_PAUSE
    assert moved.pulse.same_process()


def test_refresh_is_still_needed(operator, moved):
    told = operator.run('refresh', *HOST)
    assert {record['outcome'] for record in told['records']
            if record['outcome']} == {'fixed'}
    one = moved.servers['stopped']
    assert one.documents() != moved.documents['stopped']
