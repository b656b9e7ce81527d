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

"""The cell and host mappings in Nova's API database.

Tables and columns as in nova/db/api/models.py since 26 (Zed).
"""

from __future__ import annotations

import sqlalchemy as sa

from rbd_mon_fix.clients.database import engine

_META = sa.MetaData()

HOST_MAPPINGS = sa.Table(
    'host_mappings', _META,
    sa.Column('host', sa.String(255)), sa.Column('cell_id', sa.Integer))

CELL_MAPPINGS = sa.Table(
    'cell_mappings', _META,
    sa.Column('id', sa.Integer), sa.Column('uuid', sa.String(36)),
    sa.Column('name', sa.String(255)),
    sa.Column('database_connection', sa.Text))

# Cell0 holds servers that were never assigned a host
# (nova/objects/cell_mapping.py, CELL0_UUID).
_CELL0 = '00000000-0000-0000-0000-000000000000'


class CellMappings:
    """The cells, and the cell of each compute host."""

    def __init__(self, database: engine.Database):
        self._database = database

    def cells(self) -> dict[str, str]:
        """Return the database URL (or template) of each cell, by UUID."""
        return dict(self._database.read(sa.select(
            CELL_MAPPINGS.c.uuid, CELL_MAPPINGS.c.database_connection)
            .where(CELL_MAPPINGS.c.uuid != _CELL0)
            .order_by(CELL_MAPPINGS.c.id), _pair))

    def hosts(self) -> dict[str, str]:
        """Return the UUID of the cell of each mapped compute host."""
        return dict(self._database.read(sa.select(
            HOST_MAPPINGS.c.host, CELL_MAPPINGS.c.uuid)
            .join_from(HOST_MAPPINGS, CELL_MAPPINGS,
                       HOST_MAPPINGS.c.cell_id == CELL_MAPPINGS.c.id)
            .order_by(HOST_MAPPINGS.c.host), _pair))


def _pair(key: str, value: str) -> tuple[str, str]:
    return key, value
