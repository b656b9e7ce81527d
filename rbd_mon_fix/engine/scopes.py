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

"""The servers and guests of hosts, in batches."""

from __future__ import annotations

import dataclasses
from typing import Collection, Iterator

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.stores import registry


class Scopes:
    """The selected servers and guests; several threads may ask."""

    def __init__(self, context: contexts.Context,
                 selection: selections.Selection):
        self._context = context
        self._selection = selection
        # Smaller batches save memory, but the batches of one host are written
        # one after the other, and fewer hosts are in hand. Databases are
        # shared by all hosts anyway; the libvirts of later hosts would idle.
        self._at_once = (1 if selection.needs(registry.Need.LIBVIRT)
                         else selection.pace.parallel)

    def of(self, host: str) -> Iterator[Scope]:
        """Yield the servers of a host, then domains the inventory lacks.

        :raises ConfigError: Nova knows no such host
        :raises Unreachable: a service of the host is down
        """
        inventory = self._context.inventory
        more = (self._selection.needs(registry.Need.LIBVIRT)
                and not inventory.lists_domains)
        known: set[str] = set()
        for scope in inventory.scopes(host, self._selection.instances,
                                      self._at_once):
            if more:
                known.update(scope.instances)
            yield scope
        if more:
            yield from self._unlisted(host, known)

    def _unlisted(self, host: str, known: Collection[str]) -> Iterator[Scope]:
        """Yield domains that Nova does not have on this host.

        Hosts of the run may share one libvirt. Servers are then scanned with
        their own host, and guests that Nova does not know with the first.
        """
        uri = self._context.libvirt_uri(host)
        sharing = [other for other in self._selection.hosts
                   if self._context.libvirt_uri(other) == uri]

        def is_ours(guest: Instance) -> bool:
            return (guest.host not in sharing if guest.managed
                    else host == sharing[0])

        # A selected server that is on another host is an error, not a
        # domain to scan.
        elsewhere = self._context.inventory.where(
            self._selection.instances, [host])
        for scope in instances.unlisted(
                self._context.inventory, self._context.hypervisor(host), host,
                {*known, *elsewhere}, self._selection.instances):
            guests = {uuid: guest for uuid, guest in scope.instances.items()
                      if is_ours(guest)}
            if guests:
                yield dataclasses.replace(scope, instances=guests)

    def nowhere(self, uuids: Collection[str]) -> exceptions.ConfigError:
        """Return the error for servers that are on none of the hosts."""
        uuid = min(uuids)
        found = self._context.inventory.where(
            [uuid], self._selection.hosts).get(uuid)
        if found is None:
            return exceptions.ConfigError(
                f'There is no server {uuid}.', 'Check --instance.')
        return exceptions.ConfigError(
            f'Server {uuid} is on host {found.host}, not on '
            f'{", ".join(self._selection.hosts)}.', 'Correct --host.')
