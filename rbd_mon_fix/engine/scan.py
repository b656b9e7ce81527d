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

"""Scan of the stores of some hosts, batch by batch."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Collection, Iterable, Iterator, Optional

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import places
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.store import Store
from rbd_mon_fix.stores import registry

LOG = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Batch:
    """Servers of one host and their records.

    :param records: records of the selected stores, grouped by server
    """

    scope: Scope
    records: tuple[Record, ...]

    def cold(self) -> Iterator[Record]:
        """Yield the records that a cold start on their host would read.

        Records that a server of another host left behind are not read there.
        """
        for record in self.records:
            where = record.locator
            instance = self.scope.instances[where.instance]
            if registry.SPECS[where.store].read_by_cold_start and not (
                    instance.managed and instance.host != where.host):
                yield record


class Scan:
    """One scan of the stores of some hosts; keeps no batch in memory.

    ``lost`` maps each host that could not be scanned to the reason.
    """

    def __init__(self, context: contexts.Context,
                 selection: selections.Selection):
        self.context = context
        self.selection = selection
        self.lost: dict[str, exceptions.Unreachable] = {}
        self._places = places.Places(context)
        self._stores: dict[tuple[str, str], Store] = {}

    def stores(self, host: str) -> list[Store]:
        """Return the selected stores of a host, in writing order."""
        return [self._store(name, host)
                for name in self._available(self.selection.stores, host)]

    def get(self, locator: Locator) -> Record:
        """Read a record again from its store.

        :raises Gone: the record no longer exists
        :raises Unreachable: the store cannot be reached
        """
        return self._store(locator.store, locator.host).get(locator)

    def servers(self) -> Optional[int]:
        """Return the number of servers to scan; None if it is not known.

        Guests that Nova does not know come on top of it.
        """
        if self.selection.instances:
            return len(self.selection.instances)
        try:
            return self.context.inventory.count(self.selection.hosts)
        except (exceptions.ConfigError, exceptions.Unreachable):
            return None  # the scan tells why

    def busy(self, host: str, uuids: Collection[str]) -> Collection[str]:
        """Return the servers among ``uuids`` that Nova is working on."""
        known = self.context.inventory.where(uuids, [host])
        return {uuid for uuid, instance in known.items() if instance.busy}

    def batches(self) -> Iterator[Batch]:
        """Yield the records of the stores, host by host.

        If one of several hosts is down, the others are still scanned.

        :raises ConfigError: a host or a server is unknown
        :raises Unreachable: no host can be scanned
        """
        missing = set(self.selection.instances)
        for host in self.selection.hosts:
            if host in self.lost:
                continue
            failure = None
            try:
                for scope in self._scopes(host):
                    missing -= set(scope.instances)
                    yield Batch(scope, self._read(scope))
            except exceptions.Unreachable as error:
                failure = error
            if failure:
                self.lose(host, failure)
        if missing and not self.lost:
            raise self._nowhere(missing)

    def lose(self, host: str, error: exceptions.Unreachable) -> None:
        """Continue without a host.

        :raises Unreachable: no host is left
        """
        self.lost[host] = error
        if len(self.lost) == len(self.selection.hosts):
            raise error
        LOG.error('Skipping host %s: %s', host, error)

    def _store(self, name: str, host: str) -> Store:
        if (name, host) not in self._stores:
            self._stores[name, host] = registry.SPECS[name].open(
                self._places, host)
        return self._stores[name, host]

    def _available(self, names: Iterable[str], host: str) -> list[str]:
        """Return the names of stores that can be opened for a host here."""
        here = self.context.local_host.is_here(host)
        return [name for name in names
                if here or not registry.SPECS[name].local_only]

    def _scopes(self, host: str) -> Iterator[Scope]:
        """Yield the servers of a host, then domains the inventory lacks."""
        inventory = self.context.inventory
        more = (self.selection.needs(registry.Need.LIBVIRT)
                and not inventory.lists_domains)
        known: set[str] = set()
        for scope in inventory.scopes(host, self.selection.instances):
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
        uri = self.context.libvirt_uri(host)
        sharing = [other for other in self.selection.hosts
                   if self.context.libvirt_uri(other) == uri]

        def is_ours(guest: Instance) -> bool:
            return (guest.host not in sharing if guest.managed
                    else host == sharing[0])

        # A selected server that is on another host is an error, not a
        # domain to scan.
        elsewhere = self.context.inventory.where(
            self.selection.instances, [host])
        for scope in instances.unlisted(
                self.context.inventory, self.context.hypervisor(host), host,
                {*known, *elsewhere}, self.selection.instances):
            guests = {uuid: guest for uuid, guest in scope.instances.items()
                      if is_ours(guest)}
            if guests:
                yield dataclasses.replace(scope, instances=guests)

    def _read(self, scope: Scope) -> tuple[Record, ...]:
        read: dict[str, tuple[Record, ...]] = {}
        for spec in registry.reading_order(self._available(
                (*self.selection.stores, *self.selection.implied),
                scope.host)):
            before = [read[name] for name in spec.after if name in read]
            read[spec.name] = tuple(self._store(spec.name, scope.host).scan(
                dataclasses.replace(
                    scope, before=tuple(itertools.chain(*before))
                    if before else None)))
        records = (record for name in read
                   if name in self.selection.stores for record in read[name])
        return tuple(sorted(
            itertools.chain(records, self._out_of_reach(scope)),
            key=lambda record: record.locator.instance))

    def _out_of_reach(self, scope: Scope) -> Iterator[Record]:
        """Yield unreadable records for documents on another machine.

        Only stores that have records in a certain state of a server count:
        the state tells that there is such a document.
        """
        wanted = (*self.selection.stores, *self.selection.lacking)
        here = self._available(self.selection.stores, scope.host)
        states = {spec.only_state: spec.name for spec in map(
            registry.SPECS.__getitem__, wanted)
            if spec.only_state and spec.name not in here}
        for uuid, instance in scope.instances.items():
            name = states.get(instance.vm_state or '')
            if name and instance.managed and instance.host == scope.host:
                yield Record(
                    Locator(name, scope.host, uuid, uuid), None,
                    unreadable='it can be read only on the compute host '
                    'itself: run this there')

    def _nowhere(self, uuids: set[str]) -> exceptions.ConfigError:
        uuid = min(uuids)
        found = self.context.inventory.where(
            [uuid], self.selection.hosts).get(uuid)
        if found is None:
            return exceptions.ConfigError(
                f'There is no server {uuid}.', 'Check --instance.')
        return exceptions.ConfigError(
            f'Server {uuid} is on host {found.host}, not on '
            f'{", ".join(self.selection.hosts)}.', 'Correct --host.')
