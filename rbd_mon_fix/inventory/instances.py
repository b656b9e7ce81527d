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

"""Inventories: the servers of each compute host.

The source is Nova's cell databases if the config names them, else Nova's
API, else libvirt.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import (
    TYPE_CHECKING,
    Callable,
    Collection,
    Iterable,
    Iterator,
    Mapping,
    Optional,
    Protocol,
    Sequence,
)

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope

if TYPE_CHECKING:
    from rbd_mon_fix.clients import libvirt
    from rbd_mon_fix.clients import nova_servers
    from rbd_mon_fix.inventory import cells as cells_module

# Servers in a batch. A batch is one query to a store, and limits the memory
# used by a report on a whole cloud.
BATCH = 500
# Hosts can share a batch, but not smaller ones: each query takes its time.
_LEAST = 50

# Opens the libvirt of a compute host.
Connect = Callable[[str], 'libvirt.Hypervisor']


class Inventory(Protocol):
    """A source of the servers of each host.

    ``lists_domains`` is True if the inventory has every domain of libvirt.
    """

    lists_domains: bool

    def hosts(self) -> list[str]:
        """Return every compute host."""

    def count(self, hosts: Sequence[str]) -> Optional[int]:
        """Return the number of servers on hosts; None if it is costly.

        :raises ConfigError: there is no such host
        """

    def scopes(self, host: str, only: Sequence[str],
               at_once: int = 1) -> Iterator[Scope]:
        """Yield the servers of a host in batches, in UUID order.

        :param only: UUIDs of the wanted servers; empty for all
        :param at_once: the number of hosts that share the size of a batch
        :raises ConfigError: there is no such host
        """

    def where(self, uuids: Collection[str], hosts: Collection[str] = ()
              ) -> Mapping[str, Instance]:
        """Return the known servers among the UUIDs, on any host.

        :param hosts: the hosts to search first
        """


class CellInventory:
    """Servers from Nova's cell databases."""

    lists_domains = False

    def __init__(self, cells: cells_module.Cells):
        self._cells = cells

    def hosts(self) -> list[str]:
        """Return every compute host."""
        return self._cells.hosts()

    def count(self, hosts: Sequence[str]) -> Optional[int]:
        """Return the number of servers on hosts."""
        return self._cells.count(hosts)

    def scopes(self, host: str, only: Sequence[str],
               at_once: int = 1) -> Iterator[Scope]:
        """Yield the servers of a host in batches."""
        cell = self._cells.of_host(host)
        for instances in cell.instances(host, only, _batch(at_once)):
            yield Scope(host, instances)

    def where(self, uuids: Collection[str], hosts: Collection[str] = ()
              ) -> Mapping[str, Instance]:
        """Return the known servers among the UUIDs."""
        return self._cells.where(uuids, hosts)


class ApiInventory:
    """Servers from Nova's API."""

    lists_domains = False

    def __init__(self, api: nova_servers.NovaApi):
        self._api = api

    def hosts(self) -> list[str]:
        """Return every compute host."""
        return self._api.hosts()

    def count(self, hosts: Sequence[str]) -> Optional[int]:
        """Return None: the answer would take all servers."""
        return None

    def scopes(self, host: str, only: Sequence[str],
               at_once: int = 1) -> Iterator[Scope]:
        """Yield the servers of a host in batches."""
        known = self.hosts()
        if host not in known:
            raise unknown_host(host, known)
        yield from _batches(host, self._api.instances(
            host, list(only) or None), _batch(at_once))

    def where(self, uuids: Collection[str], hosts: Collection[str] = ()
              ) -> Mapping[str, Instance]:
        """Return the known servers among the UUIDs."""
        found = {}
        for uuid in uuids:
            try:
                found[uuid] = self._api.instance(uuid)
            except exceptions.Gone:
                continue
        return found


class LibvirtInventory:
    """Guests that only libvirt knows."""

    lists_domains = True

    def __init__(self, connect: Connect):
        self._connect = connect

    def hosts(self) -> list[str]:
        """Return the single host of a libvirt without Nova."""
        return [self._connect('').hostname()]

    def count(self, hosts: Sequence[str]) -> Optional[int]:
        """Return None: the answer would take all servers."""
        return None

    def scopes(self, host: str, only: Sequence[str],
               at_once: int = 1) -> Iterator[Scope]:
        """Yield the guests of a host in batches."""
        from rbd_mon_fix.inventory import domains
        yield from domains.scopes(
            self._connect(host), host,
            lambda uuid: not only or uuid in only, _batch(at_once))

    def where(self, uuids: Collection[str], hosts: Collection[str] = ()
              ) -> Mapping[str, Instance]:
        """Return nothing: libvirt does not know which servers Nova has."""
        return {}


def of(cells: Optional[cells_module.Cells],
       api: Optional[nova_servers.NovaApi], connect: Connect) -> Inventory:
    """Return the best available inventory."""
    if cells is not None:
        return CellInventory(cells)
    if api is not None:
        return ApiInventory(api)
    return LibvirtInventory(connect)


def unlisted(inventory: Inventory, hypervisor: libvirt.Hypervisor, host: str,
             known: Collection[str], only: Sequence[str]) -> Iterator[Scope]:
    """Yield the domains of a host that its inventory does not list.

    A server of another host keeps its host; a domain with Nova's metadata
    but unknown to Nova has no host. Both are skipped later.

    :param known: UUIDs of the servers that the inventory lists
    :param only: UUIDs of the wanted servers; empty for all
    :raises Unreachable: libvirt cannot be reached, or was lost
    """
    from rbd_mon_fix.inventory import domains
    for scope in domains.scopes(
            hypervisor, host, lambda uuid: uuid not in known
            and (not only or uuid in only), BATCH):
        nova = inventory.where(list(scope.instances), [host])
        yield dataclasses.replace(scope, instances={
            uuid: nova.get(uuid) or _unowned(guest)
            for uuid, guest in scope.instances.items()})


def unknown_host(host: str, known: Sequence[str]) -> exceptions.ConfigError:
    """Return the error for a host that Nova does not know."""
    import difflib
    names = {name.lower(): name for name in known}
    near = [names[name] for name in difflib.get_close_matches(
        host.lower(), names, n=3, cutoff=0.5)] or [
        name for name in known
        if name.split('.')[0] == host.split('.')[0]]
    hint = (f'Did you mean {" or ".join(near)}?' if near else
            f'Nova knows {len(known)} hosts; see "openstack compute service '
            'list".')
    return exceptions.ConfigError(
        f'Nova knows no compute host {host}.', hint)


def _unowned(guest: Instance) -> Instance:
    return dataclasses.replace(guest, host='') if guest.managed else guest


def _batch(at_once: int) -> int:
    """Return the number of servers in a batch if hosts share its size."""
    return min(BATCH, max(_LEAST, BATCH // at_once))


def _batches(host: str, instances: Iterable[Instance],
             size: int) -> Iterator[Scope]:
    rest = iter(sorted(instances, key=lambda each: each.uuid))
    while batch := list(itertools.islice(rest, size)):
        yield Scope(host, {each.uuid: each for each in batch})
