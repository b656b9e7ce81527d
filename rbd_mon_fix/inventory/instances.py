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

"""Which servers a run looks at, from whoever knows them here.

Nova's cell database where the config gives one, else Nova's API, else
libvirt, where Nova's metadata marks Nova's guests.
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import Collection, Iterable, Iterator, Optional, Protocol, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope

# Servers that are looked at together: one query a store for each such lot,
# and what bounds the memory of reports on whole clouds.
CHUNK = 500


class Roster(Protocol):
    """Whoever knows the servers of a host."""

    def hosts(self) -> list[str]:
        """Return every compute host."""

    def scopes(self, host: str, only: Sequence[str]) -> Iterator[Scope]:
        """Yield the servers of a host in lots, in UUID order.

        :param only: UUIDs to look for; empty for all
        :raises ConfigError: there is no such host
        """

    def where(self, uuids: Collection[str]) -> dict[str, Instance]:
        """Return those of the servers that it knows, on any host."""


class CellRoster:
    """Servers from Nova's cell databases."""

    def __init__(self, site: contexts.Context):
        self._cells = site.cells

    def hosts(self) -> list[str]:
        """Return every compute host."""
        return list(self._cells.hosts())

    def cell(self, host: str) -> nova.Cell:
        """Return the cell of a host."""
        found: Optional[nova.Cell] = self._cells.of_host(host)
        if found is None:
            raise contexts.unknown_host(host, self.hosts())
        return found

    def scopes(self, host: str, only: Sequence[str]) -> Iterator[Scope]:
        """Yield the servers of a host in lots."""
        for instances in self.cell(host).instances(host, only, CHUNK):
            yield Scope(host, instances)

    def where(self, uuids: Collection[str]) -> dict[str, Instance]:
        """Return those of the servers that it knows."""
        return dict(self._cells.where(uuids))


class ApiRoster:
    """Servers from Nova's API."""

    def __init__(self, site: contexts.Context):
        self._api = site.api

    def hosts(self) -> list[str]:
        """Return every compute host."""
        return list(self._api.hosts())

    def scopes(self, host: str, only: Sequence[str]) -> Iterator[Scope]:
        """Yield the servers of a host in lots."""
        known = self.hosts()
        if host not in known:
            raise contexts.unknown_host(host, known)
        found = self._api.instances(host, list(only) or None)
        yield from _lots(host, found)

    def where(self, uuids: Collection[str]) -> dict[str, Instance]:
        """Return those of the servers that it knows."""
        found = {}
        for uuid in uuids:
            try:
                found[uuid] = self._api.instance(uuid)
            except exceptions.Gone:
                continue
        return found


class LibvirtRoster:
    """Guests that only libvirt can tell of, one host at a time."""

    def __init__(self, site: contexts.Context):
        self._site = site

    def hosts(self) -> list[str]:
        """Return every compute host."""
        return [self._site.hypervisor('').hostname()]

    def scopes(self, host: str, only: Sequence[str]) -> Iterator[Scope]:
        """Yield the servers of a host in lots."""
        from rbd_mon_fix.stores import domain
        store = domain.DomainStore(self._site.hypervisor(host))
        found = sorted(store.others(Scope(host, {})), key=lambda guest:
                       guest.uuid)
        yield from _lots(host, (guest for guest in found
                                if not only or guest.uuid in only))

    def where(self, uuids: Collection[str]) -> dict[str, Instance]:
        """Return those of the servers that it knows."""
        return {}


def of(site: contexts.Context) -> Roster:
    """Return the best roster that the config allows."""
    if site.cells is not None:
        return CellRoster(site)
    if site.api is not None:
        return ApiRoster(site)
    return LibvirtRoster(site)


def strangers(roster: Roster, domains: Iterable[Instance]
              ) -> dict[str, Instance]:
    """Return domains that the host's roster lacks, for what they are.

    A server of another host keeps that host; one that bears Nova's mark
    but that Nova does not know gets none. Both are left alone.

    :param domains: as libvirt knows them
    """
    guests = {guest.uuid: guest for guest in domains}
    known = roster.where(list(guests))
    return {uuid: known.get(uuid) or (
        dataclasses.replace(guest, host='') if guest.managed else guest)
        for uuid, guest in sorted(guests.items())}


def _lots(host: str, instances: Iterable[Instance]) -> Iterator[Scope]:
    rest = iter(sorted(instances, key=lambda each: each.uuid))
    while lot := list(itertools.islice(rest, CHUNK)):
        yield Scope(host, {each.uuid: each for each in lot})
