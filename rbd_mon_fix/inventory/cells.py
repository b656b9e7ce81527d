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

"""Nova's cells, and the cell of each compute host."""

from __future__ import annotations

import functools
import threading
from typing import Collection, Iterable, Optional

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import instances as instance_rows
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.clients.database import nova_cells
from rbd_mon_fix.clients.database import nova_services
from rbd_mon_fix.clients.database import urls
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.instance import Instance

LOG = logging.getLogger(__name__)


class Cells:
    """The cell databases, opened on demand; several threads may ask.

    Disabled cells are included: Nova schedules no new servers to them, but
    keeps their existing servers running.

    :param default: ``[database] connection``: the only cell if there are no
        mappings; otherwise the source for templates in mappings
    :param api: the API database with the mappings; None if the config names
        no API database
    """

    def __init__(self, default: Optional[str],
                 api: Optional[nova_cells.CellMappings]):
        self._default = default
        self._api = api
        self._open: dict[str, nova.Cell] = {}
        self._opening = threading.Lock()
        self._skipped: set[str] = set()

    def hosts(self) -> list[str]:
        """Return every compute host, of all cells if there are mappings."""
        if self._api is None:
            return sorted(self._unmapped)
        return sorted(self._mapped)

    def of_host(self, host: str) -> nova.Cell:
        """Return the cell of a compute host.

        :raises ConfigError: Nova knows no such host
        """
        cell = self._cell_of(host)
        if cell is None:
            raise instances.unknown_host(host, self.hosts())
        return cell

    def nodes(self, host: str) -> set[str]:
        """Return the names that libvirt reported to Nova for a compute host.

        :returns: empty if Nova knows no such host
        """
        cell = self._cell_of(host)
        return set() if cell is None else cell.nodes(host)

    def compute_version(self, host: str) -> Optional[int]:
        """Return the version of a host's nova-compute; None if unknown."""
        cell = self._cell_of(host)
        return (None if cell is None
                else nova_services.version(cell.database, host))

    def count(self, hosts: Iterable[str]) -> int:
        """Return the number of servers on hosts, with a query for each cell.

        :raises Unreachable: the cell of one of the hosts is unreachable
        """
        found: dict[nova.Cell, list[str]] = {}
        for host in hosts:
            found.setdefault(self.of_host(host), []).append(host)
        return sum(instance_rows.count(cell.database, names)
                   for cell, names in found.items())

    def where(self, uuids: Iterable[str],
              hosts: Collection[str] = ()) -> dict[str, Instance]:
        """Return the servers among the UUIDs that Nova knows, in any cell.

        Other cells are queried only for servers that the cells of the hosts
        do not have. An unreachable cell among the others is skipped.

        :param hosts: the hosts whose cells are searched first
        :raises Unreachable: the cell of one of the hosts is unreachable
        """
        wanted = set(uuids)
        found: dict[str, Instance] = {}
        near = self._near(hosts)
        for uuid in near:
            found.update(self._where(uuid, wanted - set(found)))
        for uuid in self._urls:
            if uuid not in near:
                found.update(self._where_other(uuid, wanted - set(found)))
        return found

    @functools.cached_property
    def _unmapped(self) -> set[str]:
        return self._cell(self._default).hosts()

    @functools.cached_property
    def _mapped(self) -> dict[str, str]:
        return self._api.hosts() if self._api else {}

    @functools.cached_property
    def _urls(self) -> dict[str, Optional[str]]:
        """Return the URL of each cell's database, by the cell's UUID."""
        return ({'': self._default} if self._api is None
                else {**self._api.cells()})

    def _cell_of(self, host: str) -> Optional[nova.Cell]:
        if self._api is None and host in self._unmapped:
            return self._cell(self._default)
        if host in self._mapped:
            return self._cell(self._urls[self._mapped[host]])
        return None

    def _near(self, hosts: Collection[str]) -> list[str]:
        """Return the cells of hosts; without mappings, the only cell."""
        if self._api is None:
            return list(self._urls)
        return list(dict.fromkeys(self._mapped[host] for host in hosts
                                  if host in self._mapped))

    def _where(self, cell: str, wanted: Collection[str]
               ) -> dict[str, Instance]:
        return self._cell(self._urls[cell]).where(wanted) if wanted else {}

    def _where_other(self, cell: str, wanted: Collection[str]
                     ) -> dict[str, Instance]:
        """Query a cell, unless an earlier query failed."""
        if cell in self._skipped:
            return {}
        try:
            return self._where(cell, wanted)
        except (exceptions.Unreachable, exceptions.ConfigError) as error:
            failure = error
        self._skipped.add(cell)
        LOG.warning('Skipping cell %s while looking for servers: %s', cell,
                    failure)
        return {}

    def _cell(self, url: Optional[str]) -> nova.Cell:
        if not url:
            raise exceptions.ConfigError(
                'A cell mapping has no database URL.',
                "Find the cell with 'nova-manage cell_v2 list_cells', and set "
                "its URL with 'nova-manage cell_v2 update_cell'.")
        full = urls.fill_template(url, self._default)
        with self._opening:
            if full not in self._open:
                self._open[full] = nova.Cell(
                    engine.Database(full, "Nova's cell database"))
            return self._open[full]


def of(conf: nova_conf.NovaConf) -> Optional[Cells]:
    """Return the cells of a nova.conf; None if it names no database."""
    if conf.api_database_connection:
        database = engine.Database(
            conf.api_database_connection, "Nova's API database")
        return Cells(conf.database_connection,
                     nova_cells.CellMappings(database))
    if conf.database_connection:
        return Cells(conf.database_connection, None)
    return None
