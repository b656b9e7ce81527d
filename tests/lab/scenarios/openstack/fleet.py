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

"""Servers for a scenario: created in parallel, each brought into a state."""

from __future__ import annotations

from typing import Iterable

from lab import hosts
from lab.openstack import user as users
from tests.lab.scenarios.openstack import server

# The action that brings a server into its state, and the state.
STATES = {
    'stopped': ('stop', 'SHUTOFF'),
    'booted': ('', 'ACTIVE'),
    'own': ('', 'ACTIVE'),
    'suspended': ('suspend', 'SUSPENDED'),
    'rescued': ('rescue', 'RESCUE'),
    'running': ('', 'ACTIVE'),
}


class Fleet:
    """Creates servers on a host, and deletes them."""

    def __init__(self, user: users.User, on: hosts.Host = hosts.FIRST):
        self._user = user
        self._on = on
        self._servers: list[server.Server] = []

    def make(self, names: Iterable[str]) -> dict[str, server.Server]:
        """Create servers, each with a volume, in the states they name.

        :param names: each a state and a suffix that distinguishes servers of
            the same state: ``stopped-1``; "own" has no volume, "booted" boots
            from its volume
        """
        self._user.wait_for_compute()
        kinds = {name: name.split('-')[0] for name in names}
        volumes = {name: self._user.volumes.create(
            name, image=self._user.image if kind == 'booted' else '')
            for name, kind in kinds.items() if kind != 'own'}
        for volume in volumes.values():
            self._user.volumes.settled(volume, 'available')
        ids = {name: self._user.create(
            name, volumes[name] if kind == 'booted' else '',
            self._on.name).id for name, kind in kinds.items()}
        made = {name: server.Server(
            self._user.settled(id_, 'ACTIVE'), volumes.get(name, ''),
            self._on)
            for name, id_ in ids.items()}
        self._servers += made.values()
        for name, kind in kinds.items():
            self._attach(made[name], kind)
        for name, kind in kinds.items():
            made[name].counts()
            if STATES[kind][0]:
                getattr(self._user.nova.servers, STATES[kind][0])(ids[name])
        for name, kind in kinds.items():
            self._user.settled(ids[name], STATES[kind][1])
        return made

    def remove(self) -> None:
        """Delete the servers; their volumes stay."""
        for one in self._servers:
            self._user.nova.servers.delete(one.id)
        self._user.gone(one.id for one in self._servers)

    def _attach(self, one: server.Server, kind: str) -> None:
        if kind not in ('own', 'booted'):
            server.write_pattern(one.volume)
            self._user.attach(one.id, one.volume)
