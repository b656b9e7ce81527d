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

from typing import Any, Iterator

import pytest

from lab import guests
from lab import hosts
from lab import inside
from lab import libvirtd
from lab.openstack import cloud
from lab.openstack import nova
from lab.openstack import user as users
from tests.lab.scenarios import operator as operators
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


@pytest.fixture(scope='module')
def hooked(lab: inside.Lab, user: users.User, second: hosts.Host,
           there: operators.Operator) -> Iterator[None]:
    """Have libvirt's hook on the second host while this module lasts."""
    there.run('hook', 'install')
    _restart_libvirtd(lab, second)
    user.wait_for_compute()
    yield
    there.run('hook', 'remove')
    _restart_libvirtd(lab, second)
    user.wait_for_compute()


def _restart_libvirtd(lab: inside.Lab, on: hosts.Host) -> None:
    """Restart libvirtd, which finds hooks only at its start.

    A nova-compute that runs meanwhile disables its service once it finds the
    connection closed, and enables it a while after libvirtd is back.
    """
    lab.services.stop(f'nova-compute-{on.name}')
    lab.services.stop(f'libvirtd-{on.name}')
    libvirtd.start(lab.services, on)
    cloud.start(lab.services, lab.hosts())


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


@pytest.fixture(scope='module')
def with_hook(live, second, hooked) -> dict[str, servers.Server]:
    """Return the servers that reached the second host only with the hook."""
    late = {name: live[name] for name in OWN if live[name].on is not second}
    if not late:
        pytest.skip('this Nova asks Ceph for the disks that it created')
    for name, one in late.items():
        assert moves.live_migrate(one, second), name
    return late


def test_with_the_hook_all_migrate(with_hook):
    for one in with_hook.values():
        assert one.status == 'ACTIVE'
        one.counts()


def test_the_next_start_has_the_old_addresses(with_hook, there):
    """The hook corrects the running guest; Nova sends the other XML too.

    See nova/virt/libvirt/guest.py, migrate: persistent_xml.
    """
    for one in with_hook.values():
        state = moves.state_of(there, one, code=1)
        assert 'stale' in state['domain']
        assert state['live-domain'] == {'current'}


def test_refresh_on_the_new_host_puts_it_right(with_hook, there):
    for one in with_hook.values():
        before = one.hosts()
        told = there.run('refresh', '--host', 'lab2', '--instance', one.id)
        assert {record['outcome'] for record in told['records']
                if record['store'] == 'domain'} >= {'fixed'}
        assert one.hosts() != before
        assert set(map(tuple, moves.state_of(there, one).values())) == {
            ('current',)}


def test_they_start_on_the_new_host(with_hook):
    for one in with_hook.values():
        assert one.act('reboot', 'SOFT') == 'Success'
        one.counts()
        assert one.act('stop') == 'Success'
        assert one.act('start') == 'Success'
        one.counts()
        if one.volume:
            assert one.reads()
