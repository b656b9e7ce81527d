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
from typing import Iterable, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.clients.database import nova_cells
from rbd_mon_fix.clients.database import urls
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.instance import Instance


class Cells:
    """The cell databases, opened on demand.

    :param default: ``[database] connection``: the only cell if there are no
        cell mappings, and the values for templates in cell mappings
    :param api: the API database with the cell mappings; None if the config
        names no such database
    """

    def __init__(self, default: Optional[str],
                 api: Optional[nova_cells.CellMappings]):
        self._default = default
        self._api = api
        self._open: dict[str, nova.Cell] = {}

    def hosts(self) -> list[str]:
        """Return every compute host; with mappings, of all cells."""
        if self._api is None:
            return sorted(self._unmapped)
        return sorted(self._mapped)

    def of_host(self, host: str) -> nova.Cell:
        """Return the cell of a compute host.

        :raises ConfigError: Nova knows no such host
        """
        if self._api is None and host in self._unmapped:
            return self._cell(self._default)
        if host in self._mapped:
            return self._cell(self._urls[self._mapped[host]])
        raise instances.unknown_host(host, self.hosts())

    def where(self, uuids: Iterable[str]) -> dict[str, Instance]:
        """Return the servers that Nova knows, in any cell."""
        wanted = list(uuids)
        found: dict[str, Instance] = {}
        for cell in self._all() if wanted else ():
            found.update(cell.where(wanted))
        return found

    @functools.cached_property
    def _unmapped(self) -> set[str]:
        return self._cell(self._default).hosts()

    @functools.cached_property
    def _mapped(self) -> dict[str, str]:
        return self._api.hosts() if self._api else {}

    @functools.cached_property
    def _urls(self) -> dict[str, str]:
        return self._api.cells() if self._api else {}

    def _all(self) -> list[nova.Cell]:
        if self._api is None:
            return [self._cell(self._default)]
        return [self._cell(url) for url in self._urls.values()]

    def _cell(self, url: Optional[str]) -> nova.Cell:
        if not url:
            raise exceptions.ConfigError(
                "A cell's database has no URL.",
                "Compare with 'nova-manage cell_v2 list_cells'.")
        full = urls.fill_template(url, self._default)
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
