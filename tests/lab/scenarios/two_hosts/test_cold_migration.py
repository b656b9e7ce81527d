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

"""All monitors are replaced; then servers migrate while off, and back.

The tests of this module run in order.
"""

from __future__ import annotations

import pytest

from lab import hosts
from tests.lab.scenarios.openstack import server as servers
from tests.lab.scenarios.two_hosts import moves

HOST = ('--host', 'lab', '--unmanaged')
# With a volume, with a disk that Nova created, with both, and with both of a
# server that is off.
NAMES = ('booted-cold', 'own-cold', 'running-cold', 'stopped-cold')
WITH_VOLUME = [name for name in NAMES if not name.startswith('own')]
EACH = pytest.mark.parametrize('name', NAMES)


@pytest.fixture(scope='module')
def cold(lab, operator, ships) -> dict[str, servers.Server]:
    """Return servers whose monitors were replaced."""
    operator.run('refresh', *HOST)
    made = ships.make(NAMES)
    lab.move_monitors(())
    return made


def test_status_says_that_all_would_migrate(operator, cold):
    told = operator.run('status', *HOST, code=1)
    for one in cold.values():
        said = moves.foretold(told, one)
        assert said and 'migrate' not in said


@pytest.fixture(scope='module')
def migrated(cold, second) -> dict[str, bool]:
    return moves.at_once(moves.migrate, cold, second)


@EACH
def test_all_migrate(name, cold, migrated, there):
    """Nova asks Cinder and Ceph for all addresses."""
    one = cold[name]
    assert migrated[name]
    assert one.status == 'VERIFY_RESIZE'
    states = moves.state_of(there, one)
    assert set(map(tuple, states.values())) == {('current',)}
    if not name.startswith('stopped'):
        one.counts()


@pytest.fixture(scope='module')
def moved_again(lab, cold, migrated) -> dict[str, servers.Server]:
    """Return the migrated servers after another move of the monitors."""
    lab.move_monitors(())
    return cold


def test_status_knows_that_a_revert_may_read_the_mappings(moved_again, there):
    """It does so only for a server that came from another cell.

    Nova's database does not tell status whether this one did.
    """
    told = there.run('status', '--host', 'lab2', code=1)
    assert {name for name, one in moved_again.items()
            if 'revert' in moves.foretold(told, one)} == set(WITH_VOLUME)


@pytest.fixture(scope='module')
def reverted(moved_again) -> dict[str, bool]:
    return moves.at_once(moves.revert, moved_again, hosts.FIRST)


@EACH
def test_all_go_back(name, moved_again, reverted, operator):
    one = moved_again[name]
    assert reverted[name]
    states = moves.state_of(operator, one)
    assert set(map(tuple, states.values())) == {('current',)}
    if not name.startswith('stopped'):
        one.counts()


@EACH
def test_all_start_after_refresh(name, moved_again, reverted, operator):
    one = moved_again[name]
    operator.run('refresh', '--host', 'lab', '--instance', one.id)
    if not name.startswith('stopped'):
        assert one.act('stop') == 'Success'
    assert one.act('start') == 'Success'
    one.counts()
    if name in WITH_VOLUME and not name.startswith('booted'):
        assert one.reads()
