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

"""All monitors are replaced, a host dies, and its servers are evacuated.

The tests of this module run in order.
"""

from __future__ import annotations

from typing import Iterator

import pytest

from lab import hosts
from lab import inside
from lab import libvirtd
from lab import services
from lab.openstack import user as users
from tests.lab.scenarios.openstack import fleet
from tests.lab.scenarios.openstack import server as servers
from tests.lab.scenarios.two_hosts import moves

HOST = ('--host', 'lab2')
# With a volume, with a disk that Nova created, and with both.
NAMES = ('booted-lost', 'own-lost', 'running-lost')
EACH = pytest.mark.parametrize('name', NAMES)
CLEAN_WITHIN = 60


@pytest.fixture(scope='module')
def lost(lab: inside.Lab, second: hosts.Host, user: users.User
         ) -> Iterator[dict[str, servers.Server]]:
    """Return servers of the second host, whose monitors were replaced."""
    there = fleet.Fleet(user, second)
    made = there.make(NAMES)
    lab.move_monitors(())
    yield made
    there.remove()


@pytest.fixture(scope='module')
def dead(lab: inside.Lab, lost: dict[str, servers.Server], user: users.User
         ) -> Iterator[None]:
    """Cut the power of the second host; it is up again in the end."""
    lab.second.power_off()
    _force_down(user, True)
    yield
    _power_on(lab, user)


def _power_on(lab: inside.Lab, user: users.User) -> None:
    """Start the host, and let Nova use it again.

    Nova refuses until nova-compute has removed the evacuated servers
    (nova/api/openstack/compute/services.py, _check_for_evacuations).
    """
    lab.up('openstack')
    services.wait_for(lambda: _force_down(user, False), CLEAN_WITHIN)


def _force_down(user: users.User, down: bool) -> None:
    service, = user.nova.services.list(host='lab2', binary='nova-compute')
    if service.forced_down is not down:
        user.nova.services.force_down(service.id, down)


def test_status_says_that_none_would_start_there(lost, there):
    told = there.run('status', *HOST, code=1)
    for name, one in lost.items():
        said = moves.foretold(told, one)
        assert ('start' in said) is (name != 'own-lost'), name


@pytest.fixture(scope='module')
def evacuated(lost, dead) -> dict[str, bool]:
    return moves.at_once(moves.evacuate, lost, hosts.FIRST)


@EACH
def test_all_are_evacuated(name, lost, evacuated, operator):
    """Nova asks Cinder and Ceph for all addresses."""
    one = lost[name]
    assert evacuated[name]
    assert one.status == 'ACTIVE'
    one.counts()
    states = moves.state_of(operator, one)
    assert set(map(tuple, states.values())) == {('current',)}
    if name.startswith('running'):
        assert one.reads()


def test_the_host_comes_back_without_them(lab, user, evacuated, there,
                                          second):
    before = {name: lab.services.process(name).pid
              for name in lab.services.running()}
    _power_on(lab, user)
    after = {name: lab.services.process(name).pid
             for name in lab.services.running()}
    assert {name for name in after if after[name] != before.get(name)} == {
        'lab2', 'libvirtd-lab2', 'nova-compute-lab2', 'sshd-lab2'}
    assert libvirtd.virsh('list', '--all', '--name', on=second).split() == []
    assert there.run('status', *HOST)['records'] == []


@EACH
def test_all_start_on_the_other_host(name, lost, evacuated, operator):
    one = lost[name]
    operator.run('refresh', '--host', 'lab', '--instance', one.id)
    assert one.act('stop') == 'Success'
    assert one.act('start') == 'Success'
    one.counts()
