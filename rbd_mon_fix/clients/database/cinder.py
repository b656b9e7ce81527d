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

"""Cinder's database: volumes and their attachments.

Tables and columns as in cinder/db/sqlalchemy/models.py.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Iterable, Optional, Sequence

import sqlalchemy as sa

from rbd_mon_fix.clients.database import engine

_META = sa.MetaData()

VOLUMES = sa.Table(
    'volumes', _META,
    sa.Column('id', sa.String(36)), sa.Column('host', sa.String(255)),
    sa.Column('status', sa.String(255)),
    sa.Column('migration_status', sa.String(255)),
    sa.Column('deleted', sa.Boolean))

ATTACHMENTS = sa.Table(
    'volume_attachment', _META,
    sa.Column('id', sa.String(36)), sa.Column('volume_id', sa.String(36)),
    sa.Column('instance_uuid', sa.String(36)),
    sa.Column('connection_info', sa.Text),
    sa.Column('updated_at', sa.DateTime), sa.Column('deleted', sa.Boolean))

# Those of volumes that are not being migrated (cinder/volume/api.py,
# AVAILABLE_MIGRATION_STATUS; objects/fields.py knows 'none' besides).
_SETTLED = (None, '', 'none', 'deleting', 'error', 'success')


@dataclasses.dataclass(frozen=True)
class Volume:
    """A row of volumes.

    :param backend: its backend's name; '' for a volume of a service without
        backends, None for one that no service has yet
    :param moving: how it is being moved to another place, such as
        'retyping'; None where it stays
    """

    backend: Optional[str]
    moving: Optional[str]


@dataclasses.dataclass(frozen=True)
class VolumeAttachment:
    """A row of volume_attachment."""

    id: str
    volume_id: str
    instance: Optional[str]
    connection_info: Optional[str] = dataclasses.field(repr=False)


class Cinder:
    """Cinder's database."""

    def __init__(self, database: engine.Database):
        self._database = database

    @property
    def database(self) -> engine.Database:
        """Return the database itself."""
        return self._database

    def close(self) -> None:
        """Give all connections back."""
        self._database.close()

    def volumes(self, ids: Iterable[str]) -> dict[str, Volume]:
        """Return those of the volumes that exist.

        ``volumes.host`` is ``host@backend#pool``
        (cinder/volume/volume_utils.py, ``extract_host``).
        """
        rows = self._select(
            VOLUMES.c.id, VOLUMES.c.host, VOLUMES.c.status,
            VOLUMES.c.migration_status, key=VOLUMES.c.id, values=ids,
            deleted=VOLUMES.c.deleted)
        return {row.id: Volume(_backend(row.host), _moving(row))
                for row in rows}

    def attachments(self, *, ids: Iterable[str] = (),
                    instances: Iterable[str] = ()) -> list[VolumeAttachment]:
        """Return attachments by their own or by their servers' UUIDs."""
        table = ATTACHMENTS.c
        rows = [row for key, values in ((table.id, ids),
                                        (table.instance_uuid, instances))
                for row in self._select(*_ATTACHMENT, key=key, values=values,
                                        deleted=table.deleted)]
        return [VolumeAttachment(*row) for row in dict.fromkeys(rows)]

    def swap(self, swaps: Sequence[tuple[VolumeAttachment, str]]
             ) -> dict[str, VolumeAttachment]:
        """Write new texts where a row still is as it was read.

        :param swaps: rows as they were read, each with its new text
        :returns: all of the rows that still exist as they are after
        """
        now = self._database.now()
        values = [{'an_id': row.id, 'a_volume': row.volume_id, 'a_new': new,
                   'an_old': row.connection_info, 'a_time': now}
                  for row, new in swaps]
        self._database.write(
            lambda connection: connection.execute(self._swap, values))
        return {row.id: row for row in
                self.attachments(ids=[row.id for row, _ in swaps])}

    def rehearse(self) -> None:
        """Try a swap on a row that does not exist, and take it back.

        :raises Unreachable: the rights to update are missing
        """
        self._database.rehearse(self._swap, {
            'an_id': '', 'a_volume': '', 'a_new': '', 'an_old': '',
            'a_time': self._database.now()})

    @property
    def _swap(self) -> Any:
        table = ATTACHMENTS.c
        return (sa.update(ATTACHMENTS)
                .where(table.id == sa.bindparam('an_id'),
                       table.volume_id == sa.bindparam('a_volume'),
                       table.deleted == sa.false(),
                       self._database.exactly(
                           table.connection_info,
                           sa.bindparam('an_old', type_=sa.Text)))
                .values(connection_info=sa.bindparam('a_new'),
                        updated_at=sa.bindparam('a_time')))

    def _select(self, *columns: Any, key: Any, values: Iterable[str],
                deleted: Any) -> Iterable[Any]:
        for lot in engine.lots(values):
            yield from self._database.read(sa.select(*columns).where(
                key.in_(lot), deleted == sa.false()).order_by(key))


_ATTACHMENT = (ATTACHMENTS.c.id, ATTACHMENTS.c.volume_id,
               ATTACHMENTS.c.instance_uuid, ATTACHMENTS.c.connection_info)


def _moving(row: Any) -> Optional[str]:
    if row.migration_status not in _SETTLED:
        return f'migration: {row.migration_status}'
    return 'retyping' if row.status == 'retyping' else None


def _backend(host: Optional[str]) -> Optional[str]:
    if not host:
        return None
    service = host.split('#', 1)[0]
    return service.partition('@')[2]
