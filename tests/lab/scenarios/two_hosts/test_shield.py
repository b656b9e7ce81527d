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

"""All lists are dead, nothing is refreshed: shielded servers migrate live.

A shield helps on the host that has it: the other host lacks it at first. The
tests of this module run in order.
"""

from __future__ import annotations

import contextlib
from typing import Iterator

import pytest

from lab import guests
from lab import hosts
from lab import inside
from lab.openstack import nova
from tests.lab.scenarios import shielding
from tests.lab.scenarios.openstack import server as servers
from tests.lab.scenarios.two_hosts import moves

HOST = ('--host', 'lab', '--unmanaged')
NAMES = ('booted-live', 'own-live', 'running-live')
# What status would say without the shield, and says of another host.
HERE, ELSEWHERE = 'soft-reboot', 'live-migrate'


def travels_stale(name: str) -> bool:
    """Return whether Nova sends stale addresses of a server along.

    It does so with those of its own disks, unless it asks Ceph.
    """
    return name != 'booted-live' and nova.compute_version() < moves.ASKS_CEPH


@pytest.fixture(scope='module')
def shielded(lab, operator, ships) -> Iterator[dict[str, servers.Server]]:
    """Return running servers on a shielded host, after two moves."""
    operator.run('refresh', *HOST)
    made = ships.make(NAMES)
    operator.run('shield', 'install')
    for _ in range(2):
        shielding.move(lab, operator)
    yield made
    operator.run('shield', 'remove')


@contextlib.contextmanager
def without_shield(on: hosts.Host) -> Iterator[None]:
    """Let a host have the file without the block; the hosts share the other.

    A file that is mounted on it hides it from this host alone.
    """
    hiding = '/etc/rbd-mon-fix/plain-ceph.conf'
    plain, _, _ = inside.CONF.read_text().partition(shielding.BEGIN)
    on.path(hiding).write_text(plain)
    on.run('mount', '--bind', hiding, str(inside.CONF))
    try:
        yield
    finally:
        on.run('umount', str(inside.CONF))


def test_status_knows_where_the_shield_ends(operator, shielded):
    told = operator.run('status', *HOST, code=1)
    for name, one in shielded.items():
        found = moves.foretold(told, one)
        assert HERE not in found
        assert (ELSEWHERE in found) is travels_stale(name), name


def test_a_host_without_it_takes_what_status_says(operator, shielded, second):
    told = operator.run('status', *HOST, code=1)
    one = shielded['own-live']
    with without_shield(second):
        moved = moves.live_migrate(one, second)
    assert moved is (ELSEWHERE not in moves.foretold(told, one))
    one.counts()


@pytest.mark.parametrize('name', NAMES)
def test_all_migrate_to_a_host_that_has_it(name, shielded, second):
    one = shielded[name]
    if one.on is not second:
        at = guests.count(one.console)
        assert moves.live_migrate(one, second)
        one.counts()
        assert min(guests.counted(one.console)) > at
    one.counts()


@pytest.mark.parametrize('name', NAMES)
def test_all_come_back_there(name, shielded, there):
    one = shielded[name]
    stale = travels_stale(name)
    state = moves.state_of(there, one, code=int(stale))
    assert ('stale' in state['domain']) is stale
    assert one.act('reboot', 'SOFT') == 'Success'
    one.counts()
    for action in ('stop', 'start', 'suspend', 'resume'):
        assert one.act(action) == 'Success'
    one.counts()
