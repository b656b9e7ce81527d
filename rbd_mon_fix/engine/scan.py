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

"""Reading all stores of some hosts, and judging what was read."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any, Collection, Iterable, Iterator, Mapping, Optional

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import ownership
from rbd_mon_fix.core import planning
from rbd_mon_fix.engine import cephx_users
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import selection as requests
from rbd_mon_fix.inventory import instances as rosters
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.store import Store
from rbd_mon_fix.stores import registry

LOG = logging.getLogger(__name__)


class Survey:
    """One look at the stores of some hosts.

    ``moving`` and ``secrets`` fill as it goes on: the volumes that Cinder
    moves, by host, and each (user, secret UUID) that disks have.
    ``lost`` tells which of several hosts could not be looked at, and why.
    """

    def __init__(self, site: contexts.Context, command: Any):
        self.site = site
        self.roster = rosters.of(site)
        self.request = requests.of(command, site, self.roster)
        self.lost: dict[str, exceptions.Unreachable] = {}
        self._stores: dict[tuple[str, str], Any] = {}
        self.moving: dict[str, dict[str, str]] = {}
        self.secrets: ownership.Secrets = frozenset()

    def stores(self, host: str) -> list[Store]:
        """Return the stores of a host that were asked for, writing order."""
        return [self.store(name, host) for name in self._kinds(host)]

    def store(self, name: str, host: str) -> Any:
        """Return one store of a host, opened once.

        :raises Unreachable: libvirt cannot be reached
        """
        if (name, host) not in self._stores:
            self._stores[name, host] = registry.opened(self, name, host)
        return self._stores[name, host]

    def get(self, locator: Locator) -> Record:
        """Read a record again, from whichever store has it.

        :raises Gone: there is none any more
        :raises Unreachable: the store cannot be reached
        """
        record: Record = self.store(locator.store, locator.host).get(locator)
        return record

    def plans(self) -> Iterator[Plan]:
        """Yield a plan for each lot of servers, host by host.

        One host of many that is down does not keep the others waiting.

        :raises ConfigError: a host or a server is not known
        :raises Unreachable: no host can be looked at
        """
        missing = set(self.request.instances)
        for host in self.request.hosts:
            try:
                for scope in self._scopes(host):
                    missing -= set(scope.instances)
                    yield self._plan(scope)
            except exceptions.Unreachable as error:
                self.lose(host, error)
        if missing and not self.lost:
            raise self._nowhere(missing)

    def lose(self, host: str, error: exceptions.Unreachable) -> None:
        """Go on without a host.

        :raises Unreachable: it was the last one
        """
        self.lost[host] = error
        if len(self.lost) == len(self.request.hosts):
            raise error
        LOG.error('Host %s is not looked at: %s', host, error)

    def _kinds(self, host: str) -> list[str]:
        """Name the stores of a host that are looked at.

        The files of rescued servers are at hand on their own host alone.
        """
        return [name for name in self.request.stores
                if name != 'unrescue' or host == self.site.own_host]

    def busy(self, uuids: Collection[str]) -> Collection[str]:
        """Return those of the servers that Nova is at work on by now."""
        return {uuid for uuid, instance in self.roster.where(uuids).items()
                if instance.busy}

    def _scopes(self, host: str) -> Iterator[Scope]:
        """Yield the servers of a host, then the guests that it lacks."""
        more = ('domain' in self.request.stores
                and not isinstance(self.roster, rosters.LibvirtRoster))
        known: set[str] = set()
        for scope in self.roster.scopes(host, self.request.instances):
            if more:
                known.update(scope.instances)
            yield scope
        if more:
            yield from self._strangers(host, known)

    def _strangers(self, host: str, known: set[str]) -> Iterator[Scope]:
        store = self.store('domain', host)
        ours = {uuid: Instance(uuid, host) for uuid in known}
        if self.request.instances:
            ours.update(self.roster.where(self.request.instances))
        others = rosters.strangers(self.roster, [
            guest for guest in store.others(Scope(host, ours))
            if self.is_asked_for(guest.uuid)])
        sharing = self._hosts_of_one_libvirt(host)
        guests = {uuid: guest for uuid, guest in others.items()
                  if (guest.host not in sharing if guest.managed
                      else host == sharing[0])}
        if guests:
            yield Scope(host, guests)

    def is_asked_for(self, uuid: str) -> bool:
        """Tell whether a server is among those to look at."""
        return not self.request.instances or uuid in self.request.instances

    def _hosts_of_one_libvirt(self, host: str) -> list[str]:
        """Return the hosts of the run that share one libvirt with this.

        Their guests are no strangers, but looked at there; guests that
        Nova does not know are looked at with the first of them.
        """
        uri = self.site.libvirt_uri(host)
        return [other for other in self.request.hosts
                if self.site.libvirt_uri(other) == uri]

    def _plan(self, scope: Scope) -> Plan:
        records = self._read(scope)
        volumes = self._volumes(records)
        moving = {uuid: volume.moving
                  for uuid, volume in (volumes or {}).items()
                  if volume.moving}
        self.moving.setdefault(scope.host, {}).update(moving)
        self.secrets |= ownership.secrets(records)
        known = planning.Knowledge(
            scope.instances,
            ownership.Ownership(
                self.site.clusters,
                None if volumes is None else {
                    uuid: volume.backend
                    for uuid, volume in volumes.items()},
                self._every_secret | ownership.secrets(records)),
            self._names(records), self.request.unmanaged, moving)
        plan = planning.plan(records, known)
        return Plan(
            tuple(copy for copy in plan.copies
                  if copy.locator.store in self.request.stores),
            tuple(change for change in plan.changes
                  if change.locator.store in self.request.stores))

    def _read(self, scope: Scope) -> list[Record]:
        """Read the records of a lot.

        Nova's mappings come first in any case: they tell which of Cinder's
        attachments are a server's.
        """
        records: list[Record] = []
        wanted = self.request.stores
        if self.site.cells is not None and (
                'nova-bdm' in wanted or 'cinder-attachment' in wanted):
            from rbd_mon_fix.stores import nova_bdm
            records += self.store('nova-bdm', scope.host).scan(scope)
            scope = dataclasses.replace(
                scope, attachments=nova_bdm.attachments(records))
        for name in self._kinds(scope.host):
            if name != 'nova-bdm':
                records += self.store(name, scope.host).scan(scope)
        return sorted(records, key=lambda record: record.locator.instance)

    @functools.cached_property
    def _every_secret(self) -> ownership.Secrets:
        return cephx_users.of_all_guests(self)

    def _volumes(self, records: Collection[Record]
                 ) -> Optional[Mapping[str, Any]]:
        if self.site.cinder_database is None:
            return None
        volumes = {record.volume_id for record in records}
        volumes |= {disk.volume_id for record in records if record.document
                    for disk in record.document.disks}
        found: Mapping[str, Any] = self.site.cinder_database.volumes(
            volumes - {None})
        return found

    def _names(self, records: Collection[Record]) -> planning.Names:
        hosts = {addr.host for record in records if record.document
                 for disk in record.document.disks
                 for addr in disk.monitors if addr.is_name}
        return names_of(hosts)

    def _nowhere(self, uuids: set[str]) -> exceptions.ConfigError:
        uuid = min(uuids)
        found = self.roster.where([uuid]).get(uuid)
        if found is None:
            return exceptions.ConfigError(
                f'There is no server {uuid}.', 'Check --instance.')
        return exceptions.ConfigError(
            f'Server {uuid} is on host {found.host}, not on '
            f'{", ".join(self.request.hosts)}.', 'Correct --host.')


def names_of(hosts: Iterable[str]) -> planning.Names:
    """Look up host names; most documents name none."""
    wanted = set(hosts)
    if not wanted:
        return {}
    from rbd_mon_fix.ceph import dns
    return dns.resolve(wanted)
