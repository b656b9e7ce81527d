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

"""The database of a Nova cell: servers and block device mappings.

Tables and columns as in nova/db/main/models.py since 26 (Zed); only the
columns needed here are declared.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import (
    TYPE_CHECKING,
    Any,
    Iterable,
    Iterator,
    Optional,
    Sequence,
)

from oslo_utils import timeutils
import sqlalchemy as sa

from rbd_mon_fix.clients.database import batching
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import instances
from rbd_mon_fix.clients.database import nova_services
from rbd_mon_fix.clients.database import swapping
from rbd_mon_fix.clients.database import texts
from rbd_mon_fix.clients.database import updating
from rbd_mon_fix.model.instance import Instance

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine

_META = sa.MetaData()

_SERVERS = instances.INSTANCES

BDM = sa.Table(
    'block_device_mapping', _META,
    sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('instance_uuid', sa.String(36)),
    sa.Column('volume_id', sa.String(36)),
    sa.Column('attachment_id', sa.String(36)),
    sa.Column('device_name', sa.String(255)),
    sa.Column('destination_type', sa.String(255)),
    sa.Column('connection_info', sa.Text),
    sa.Column('updated_at', sa.DateTime), sa.Column('deleted', sa.Integer))


@dataclasses.dataclass(frozen=True)
class BlockDeviceMapping:
    """A row of block_device_mapping."""

    id: int
    instance: str
    volume_id: Optional[str]
    attachment_id: Optional[str]
    device_name: Optional[str]
    connection_info: Optional[str] = dataclasses.field(repr=False)


@dataclasses.dataclass(frozen=True)
class CompareAndSwap:
    """A row as it was read, and the text that replaces its document."""

    row: BlockDeviceMapping
    host: str
    new: str = dataclasses.field(repr=False)


class Cell:
    """The database of a cell.

    All methods raise Unreachable if the database is down, and ConfigError
    if its schema is not the expected one.
    """

    def __init__(self, database: engine.Database):
        self._database = database

    @property
    def database(self) -> engine.Database:
        """Return the database itself, for tables of newer releases."""
        return self._database

    def hosts(self) -> set[str]:
        """Return all compute hosts that have a service or servers."""
        services = nova_services.hosts(self._database)
        servers = self._database.read(
            sa.select(_SERVERS.c.host).distinct()
            .where(instances.EXISTING, _SERVERS.c.host.is_not(None)), _host)
        return {*services, *servers}

    def nodes(self, host: str) -> set[str]:
        """Return the names of a host's hypervisors, as reported by libvirt."""
        return set(nova_services.nodes(self._database, host))

    def instances(self, host: str, only: Sequence[str],
                  batch: int) -> Iterator[dict[str, Instance]]:
        """Yield the servers of a host by UUID, in UUID order, in batches.

        :param only: UUIDs to look for; empty for all
        :param batch: maximum number of servers in a batch
        """
        after = ''
        while True:
            found = self._database.read(self._servers(host, only)
                                        .where(_SERVERS.c.uuid > after)
                                        .order_by(_SERVERS.c.uuid)
                                        .limit(batch), instances.instance)
            if not found or found[-1].uuid == after:
                return  # a UUID that is not valid text repeats its page
            yield {instance.uuid: instance for instance in found}
            if len(found) < batch:
                return
            after = found[-1].uuid

    def where(self, uuids: Iterable[str]) -> dict[str, Instance]:
        """Return the existing servers among the UUIDs, on any host."""
        return {server.uuid: server for batch in batching.batches(uuids)
                for server in self._database.read(
                    sa.select(*instances.COLUMNS)
                    .where(_SERVERS.c.uuid.in_(batch), instances.EXISTING),
                    instances.instance)}

    def block_devices(self, host: str, first: str, last: str
                      ) -> list[BlockDeviceMapping]:
        """Return the volumes of a host's servers, first to last UUID.

        Not filtered by source_type, which stays 'image', 'snapshot' or
        'blank' in the row of a server that boots from a volume.
        """
        return self._database.read(
            sa.select(*_DEVICE)
            .join_from(BDM, _SERVERS, BDM.c.instance_uuid
                       == _SERVERS.c.uuid)
            .where(_SERVERS.c.host == host, instances.EXISTING,
                   _SERVERS.c.uuid.between(first, last),
                   BDM.c.deleted == 0, BDM.c.destination_type == 'volume')
            .order_by(BDM.c.instance_uuid, BDM.c.id), BlockDeviceMapping)

    def block_device(self, row_id: int) -> Optional[BlockDeviceMapping]:
        """Return a row, or None if it does not exist."""
        found = self._database.read(_rows([row_id]), BlockDeviceMapping)
        return found[0] if found else None

    def swap(self, swaps: Sequence[CompareAndSwap]
             ) -> list[swapping.Swapped[BlockDeviceMapping]]:
        """Write new texts to rows that have not changed since they were read.

        The row of a server that has become busy, or has moved to another
        host, is not changed.

        :returns: the outcome for each row, in the order of ``swaps``
        """
        rows = {swap.row.id: swap for swap in swaps}

        def idle(connection: sa_engine.Connection, ids: Sequence[int]
                 ) -> list[int]:
            found = instances.lock_idle(connection, [
                (rows[each].host, rows[each].row.instance) for each in ids])
            return [each for each in ids if rows[each].row.instance in found]

        statements = swapping.Statements(idle, self._update(), _rows,
                                         BlockDeviceMapping)
        found = swapping.swap(self._database, statements, {
            key: _values(swap) for key, swap in rows.items()})
        return [found[swap.row.id] for swap in swaps]

    def rehearse(self) -> None:
        """Try a swap on a row that does not exist, and roll it back.

        :raises Unreachable: the privilege to lock or to update is missing
        """
        nothing = BlockDeviceMapping(-1, '', None, None, None, '')
        update = self._update()
        self._database.rehearse(
            (instances.idle('', ['']), {}),
            (update.rows(1), update.parameters([
                _values(CompareAndSwap(nothing, '', ''))])))

    def _update(self) -> updating.Update:
        return updating.Update(
            functools.partial(_update, self._database.dialect),
            timeutils.utcnow())

    def _servers(self, host: str, only: Sequence[str]) -> sa.Select[Any]:
        query = sa.select(*instances.COLUMNS).where(
            _SERVERS.c.host == host, instances.EXISTING)
        return query.where(_SERVERS.c.uuid.in_(only)) if only else query


_DEVICE = (BDM.c.id, BDM.c.instance_uuid, BDM.c.volume_id,
           BDM.c.attachment_id, BDM.c.device_name, BDM.c.connection_info)


def _rows(ids: Sequence[int]) -> sa.Select[Any]:
    """Return the query for rows by id, except those of hidden servers."""
    hidden = (sa.select(_SERVERS.c.uuid)
              .where(_SERVERS.c.uuid == BDM.c.instance_uuid,
                     _SERVERS.c.hidden.is_(sa.true())).exists())
    return sa.select(*_DEVICE).where(BDM.c.id.in_(ids), BDM.c.deleted == 0,
                                     ~hidden)


@functools.lru_cache(maxsize=8)
def _update(dialect: str, rows: int) -> sa.Update:
    table = BDM.c

    def unchanged(parameter: updating.Parameter) -> sa.ColumnElement[bool]:
        return sa.and_(
            table.deleted == 0,
            table.instance_uuid == parameter('a_server', sa.String()),
            sa.func.coalesce(table.attachment_id, '')
            == parameter('an_attachment', sa.String()),
            texts.exactly(dialect, table.connection_info,
                          parameter('an_old', sa.Text())))

    return updating.update(BDM, rows, unchanged)


def _values(swap: CompareAndSwap) -> dict[str, object]:
    return {'an_id': swap.row.id, 'a_server': swap.row.instance,
            'an_attachment': swap.row.attachment_id or '',
            'an_old': swap.row.connection_info, 'a_new': swap.new}


def _host(host: str) -> str:
    return host
