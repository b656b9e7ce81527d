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
from typing import Callable, Collection, Iterable, Iterator, Optional, TypeVar

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import waiting
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import places
from rbd_mon_fix.engine import scopes
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.engine import side_by_side
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.store import Store
from rbd_mon_fix.stores import registry

LOG = logging.getLogger(__name__)

R = TypeVar('R')


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
        self._scopes = scopes.Scopes(context, selection)
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
        for host, batches in self.host_by_host(self._batches):
            failure = None
            try:
                for batch in batches:
                    missing -= set(batch.scope.instances)
                    yield batch
            except exceptions.Unreachable as error:
                failure = error
            if failure:
                self.lose(host, failure)
        if missing and not self.lost:
            raise self._scopes.nowhere(missing)

    def host_by_host(self, work: Callable[[str], Iterator[R]]
                     ) -> Iterator[tuple[str, Iterator[R]]]:
        """Yield the hosts that are not lost, each with what work yields.

        Several hosts are worked on at the same time, in threads. The
        iterator of a host raises Unreachable if it takes too long.

        :param work: called with a host
        """
        pace = self.selection.pace
        for host, found in side_by_side.lanes(
                [host for host in self.selection.hosts
                 if host not in self.lost],
                work, pace.parallel, pace.patience):
            yield host, self._heard(host, found)

    def lose(self, host: str, error: exceptions.Unreachable) -> None:
        """Continue without a host.

        :raises Unreachable: no host is left
        """
        self.lost[host] = error
        if len(self.lost) == len(self.selection.hosts):
            raise error
        LOG.error('Skipping host %s: %s', host, error)

    def _batches(self, host: str) -> Iterator[Batch]:
        for scope in self._scopes.of(host):
            yield Batch(scope, self._read(scope))

    def _heard(self, host: str, found: Iterator[R]) -> Iterator[R]:
        try:
            yield from found
        except waiting.Silent:
            raise exceptions.Unreachable(
                f'Nothing was read from host {host} for '
                f'{self.selection.pace.patience:g} seconds.',
                'Look at libvirtd there, or give it more time with '
                '--host-timeout.') from None

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
