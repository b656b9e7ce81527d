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

"""All monitors are replaced; then running servers are live-migrated.

The tests of this module run in order.
"""

from __future__ import annotations

from typing import Any

import pytest

from lab import guests
from lab.openstack import nova
from tests.lab.scenarios.openstack import server as servers
from tests.lab.scenarios.two_hosts import moves

HOST = ('--host', 'lab', '--unmanaged')
# With a volume, with a disk that Nova created, and with both.
NAMES = ('booted-live', 'own-live', 'running-live')
OWN = NAMES[1:]


@pytest.fixture(scope='module')
def live(lab, operator, ships) -> dict[str, servers.Server]:
    """Return servers whose monitors were replaced while they ran."""
    operator.run('refresh', *HOST)
    made = ships.make(NAMES)
    lab.move_monitors(())
    return made


@pytest.fixture(scope='module')
def told(operator, live) -> dict[str, Any]:
    """Return the status before any server was moved."""
    return operator.run('status', *HOST, code=1)


def test_status_says_which_would_fail(live, told):
    asks_ceph = nova.compute_version() >= moves.ASKS_CEPH
    said = {name: 'live-migrate' in moves.foretold(told, live[name])
            for name in NAMES}
    assert said == {name: name in OWN and not asks_ceph for name in NAMES}


@pytest.mark.parametrize('name', NAMES)
def test_what_status_said_happens(name, live, told, second):
    one = live[name]
    at = guests.count(one.console)
    moved = moves.live_migrate(one, second)
    assert moved is ('live-migrate' not in moves.foretold(told, one))
    assert one.status == 'ACTIVE'
    one.counts()
    if moved:
        assert min(guests.counted(one.console)) > at


def test_the_server_with_a_volume_has_fresh_addresses(live, there):
    """Nova asks Cinder for the volume, and builds the XML from its answer."""
    assert moves.state_of(there, live['booted-live']) == {
        'nova-bdm': {'current'}, 'cinder-attachment': {'current'},
        'domain': {'current'}, 'live-domain': {'current'}}
