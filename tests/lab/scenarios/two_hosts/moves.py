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

"""Servers that move between hosts, and the result by Nova's record."""

from __future__ import annotations

from concurrent import futures
from typing import Any, Callable, Mapping

from lab import hosts
from lab import services
from lab.openstack import user as users
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios.openstack import server as servers

WITHIN = 180
# The version of nova-compute that asks Ceph for the addresses of its own disks
# in a live migration (core/readers.py).
ASKS_CEPH = 73
# The states in which Nova's migrations end; a resize waits in "finished".
GOOD = ('completed', 'done', 'finished', 'reverted')
BAD = ('error', 'failed', 'cancelled')


def live_migrate(one: servers.Server, to: hosts.Host) -> bool:
    """Migrate a running server, and return whether it is on the host."""
    return _move(one, to, lambda: one.user.nova.servers.live_migrate(
        one.id, to.name, 'auto'))


def migrate(one: servers.Server, to: hosts.Host) -> bool:
    """Migrate a server that Nova stops for this time.

    :returns: whether it is on the host, where it waits for its confirmation
    """
    return _move(one, to, lambda: one.user.nova.servers.migrate(
        one.id, to.name))


def evacuate(one: servers.Server, to: hosts.Host) -> bool:
    """Start a server of a dead host on another host, and return the result."""
    return _move(one, to, lambda: one.user.nova.servers.evacuate(
        one.id, to.name))


def revert(one: servers.Server, to: hosts.Host) -> bool:
    """Take a migration back, and return whether the server is on the host."""
    one.user.nova.servers.revert_resize(one.id)
    known = one.user.idle(one.id)
    result = known.status != 'ERROR' and (
        getattr(known, 'OS-EXT-SRV-ATTR:host') == to.name)
    one.on = to if result else one.on
    return result


def at_once(move: Callable[[servers.Server, hosts.Host], bool],
            those: Mapping[str, servers.Server],
            to: hosts.Host) -> dict[str, bool]:
    """Move servers at the same time, and return the results by name."""
    with futures.ThreadPoolExecutor(len(those)) as pool:
        ends = {name: pool.submit(move, one, to)
                for name, one in those.items()}
        return {name: end.result() for name, end in ends.items()}


def foretold(told: dict[str, Any], one: servers.Server) -> set[str]:
    """Return the operations of a server that fail, as status says."""
    return {operation for record in told['records']
            if record['instance'] == one.id
            for operation in record['breaks']}


def state_of(operator: operators.Operator, one: servers.Server,
             code: int = 0) -> dict[str, set[str]]:
    """Return the states of a server's copies on its host, by store."""
    told = operator.run('status', '--host', one.on.name, '--instance',
                        one.id, code=code)
    found: dict[str, set[str]] = {}
    for record in told['records']:
        found.setdefault(record['store'], set()).add(record['state'])
    return found


def describe(user: users.User) -> str:
    """Return a line for each migration and compute service."""
    return '\n'.join(
        [f'{one.instance_uuid} {one.migration_type} {one.status} from '
         f'{one.source_compute} to {one.dest_compute}'
         for one in user.nova.migrations.list()]
        + [f'{one.host} {one.status} {one.state}'
           for one in user.nova.services.list(binary='nova-compute')])


def _move(one: servers.Server, to: hosts.Host, act: Any) -> bool:
    before = {known.id for known in _migrations(one)}
    act()

    def look() -> Any:
        ended = [known for known in _migrations(one)
                 if known.id not in before and known.status in GOOD + BAD]
        return ended[0] if ended else False

    result = services.wait_for(look, WITHIN).status in GOOD
    one.on = to if result else one.on
    one.user.idle(one.id)
    return result


def _migrations(one: servers.Server) -> list[Any]:
    return one.user.nova.migrations.list(instance_uuid=one.id)
