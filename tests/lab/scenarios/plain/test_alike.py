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

"""Two clusters that differ in nothing but their addresses move in turn.

Section, pool, cephx user, key and secret are the same, as at two sites of one
vendor, or with a backend of Cinder that can fail over.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Callable

import pytest

from lab import ceph
from lab import guests
from lab import mons
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching
from tests.lab.scenarios.plain import rivals

Operate = Callable[..., operators.Operator]

NOT_JUDGED = 'unknown-cluster', 'not-found'
RIGHT = 'current', 'current-address'
STALE = 'stale', 'history'


@dataclasses.dataclass(frozen=True)
class Pair:
    """A guest on each cluster, and the monitors that each had first."""

    first: guests.Guest
    second: guests.Guest
    first_had: tuple[mons.Monitor, ...]
    second_had: tuple[mons.Monitor, ...]

    def define(self) -> None:
        """Let both guests name the first monitors of their clusters."""
        self.first.define(mons.first_addresses(self.first_had))
        self.second.define(mons.first_addresses(self.second_had))


@pytest.fixture(scope='module')
def first_moved(rival: ceph.Cluster, left: tuple[mons.Monitor, ...],
                guest_of: Callable[..., guests.Guest]) -> Pair:
    rivals.be(rival, rivals.FIRST)
    made = guest_of('alike-first'), guest_of('alike-second', rival)
    for guest in made:
        guest.stop()
    return Pair(*made, left, rivals.FIRST)


@pytest.fixture(scope='module')
def both_moved(rival: ceph.Cluster, first_moved: Pair) -> Pair:
    rival.move(rivals.SECOND)
    return first_moved


def test_one_moves(first_moved: Pair, operate: Operate):
    """Only the disks of the cluster that moved change."""
    pair, operator = first_moved, operate(rivals.CINDER_OF_BOTH)
    pair.define()
    before = pair.second.xml()
    assert operator.judge(pair.first, pair.second, code=1) == [STALE, RIGHT]

    operator.run('refresh', *operators.chosen(pair.first, pair.second))
    assert pair.second.xml() == before
    assert rivals.named_by(pair.first)
    assert_both_run(pair)


def test_the_other_one_moves(both_moved: Pair, operate: Operate):
    """Each disk gets the monitors of its own cluster."""
    pair, operator = both_moved, operate(rivals.CINDER_OF_BOTH)
    pair.define()
    assert operator.judge(pair.first, pair.second, code=1) == [STALE, STALE]

    operator.run('refresh', *operators.chosen(pair.first, pair.second))
    assert rivals.named_by(pair.first)
    assert rivals.named_by(pair.second)
    assert operator.judge(pair.first, pair.second) == [RIGHT, RIGHT]
    assert_both_run(pair)


def test_offline(both_moved: Pair, operate: Operate, tmp_path: pathlib.Path):
    """A host that reaches no monitor has only a list made elsewhere."""
    told = tmp_path / 'monitors.json'
    told.write_text(json.dumps(operate(rivals.CINDER_OF_BOTH).run('monitors')))
    operator = operate('', f'monitors_file = {told}', 'offline = true')
    pair = both_moved
    pair.define()
    assert operator.judge(pair.first, pair.second, code=1) == [STALE, STALE]

    operator.run('refresh', *operators.chosen(pair.first, pair.second))
    assert rivals.named_by(pair.first)
    assert rivals.named_by(pair.second)


@pytest.mark.parametrize(('site', 'own'), [
    pytest.param(rivals.CINDER_OF_LAB, 'first', id='first site'),
    pytest.param(rivals.CINDER_OF_RIVAL, 'second', id='second site')])
def test_sites(both_moved: Pair, operate: Operate, site: str, own: str):
    """Each site's config leaves the disks of the other site alone."""
    operator = operate(site)
    both_moved.define()
    foreign, mine = sorted(
        (both_moved.first, both_moved.second),
        key=lambda guest: guest.name.endswith(own))
    before = foreign.xml()
    assert operator.judge(foreign, mine, code=1) == [NOT_JUDGED, STALE]

    told = operator.run('refresh', *operators.chosen(foreign, mine), code=4)
    assert told['summary']['not_judged'] == 1
    assert foreign.xml() == before
    assert rivals.named_by(mine)


def assert_both_run(pair: Pair) -> None:
    for guest in (pair.first, pair.second):
        guest.start()
        watching.writes(guest)
        guest.stop()
