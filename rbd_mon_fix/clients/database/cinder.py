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
import functools
from typing import Any, Callable, Iterable, Optional, Sequence, TypeVar

from oslo_utils import timeutils
import sqlalchemy as sa

from rbd_mon_fix.clients.database import batching
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import swapping
from rbd_mon_fix.clients.database import texts
from rbd_mon_fix.clients.database import updating
from rbd_mon_fix.model.cluster import VolumeService

T = TypeVar('T')

_META = sa.MetaData()

VOLUMES = sa.Table(
    'volumes', _META,
    sa.Column('id', sa.String(36)), sa.Column('host', sa.String(255)),
    sa.Column('status', sa.String(255)),
    sa.Column('migration_status', sa.String(255)),
    sa.Column('deleted', sa.Boolean))

ATTACHMENTS = sa.Table(
    'volume_attachment', _META,
    sa.Column('id', sa.String(36), primary_key=True),
    sa.Column('volume_id', sa.String(36)),
    sa.Column('instance_uuid', sa.String(36)),
    sa.Column('connection_info', sa.Text),
    sa.Column('updated_at', sa.DateTime), sa.Column('deleted', sa.Boolean))

# Migration states of a volume that is not being migrated: those of
# cinder/volume/api.py, AVAILABLE_MIGRATION_STATUS, and the 'none' of
# cinder/objects/fields.py.
_SETTLED = (None, '', 'none', 'deleting', 'error', 'success')


@dataclasses.dataclass(frozen=True)
class Volume:
    """A row of volumes.

    :param service: None if the volume has no service yet
    :param moving: the status of a move by Cinder, such as 'retyping'; None
        if the volume is not being moved
    """

    service: Optional[VolumeService]
    moving: Optional[str]


@dataclasses.dataclass(frozen=True)
class VolumeAttachment:
    """A row of volume_attachment."""

    id: str
    volume_id: str
    instance: Optional[str]
    connection_info: Optional[str] = dataclasses.field(repr=False)


class Cinder:
    """Cinder's database.

    All methods raise Unreachable if the database is down, and ConfigError
    if its schema is not the expected one.
    """

    def __init__(self, database: engine.Database):
        self._database = database

    @property
    def database(self) -> engine.Database:
        """Return the database itself."""
        return self._database

    def volumes(self, ids: Iterable[str]) -> dict[str, Volume]:
        """Return the volumes that exist."""
        return dict(self._select(_VOLUME, VOLUMES.c.id, ids, _volume))

    def attachments(self, *, ids: Iterable[str] = (),
                    instances: Iterable[str] = ()) -> list[VolumeAttachment]:
        """Return attachments by their own or by their servers' UUIDs."""
        found = [row for key, values in (
                    (ATTACHMENTS.c.id, ids),
                    (ATTACHMENTS.c.instance_uuid, instances))
                 for row in self._select(_ATTACHMENT, key, values,
                                         VolumeAttachment)]
        return list(dict.fromkeys(found))

    def swap(self, swaps: Sequence[tuple[VolumeAttachment, str]]
             ) -> list[swapping.Swapped[VolumeAttachment]]:
        """Write new texts to rows that have not changed since they were read.

        :param swaps: rows as they were read, each with its new text
        :returns: the outcome for each row, in the order of ``swaps``
        """
        statements = swapping.Statements(
            _all, self._update(),
            lambda ids: _existing(_ATTACHMENT, ATTACHMENTS.c.id, ids),
            VolumeAttachment)
        found = swapping.swap(self._database, statements, {
            row.id: {'an_id': row.id, 'a_volume': row.volume_id,
                     'a_new': new, 'an_old': row.connection_info}
            for row, new in swaps})
        return [found[row.id] for row, _ in swaps]

    def rehearse(self) -> None:
        """Try a swap on a row that does not exist, and roll it back.

        :raises Unreachable: the privilege to update is missing
        """
        update = self._update()
        self._database.rehearse((update.rows(1), update.parameters([{
            'an_id': '', 'a_volume': '', 'a_new': '', 'an_old': ''}])))

    def _update(self) -> updating.Update:
        return updating.Update(
            functools.partial(_update, self._database.dialect),
            timeutils.utcnow())

    def _select(self, columns: Sequence[sa.Column[Any]],
                key: sa.Column[Any], values: Iterable[str],
                row: Callable[..., T]) -> Iterable[T]:
        for batch in batching.batches(filter(_is_id, values)):
            yield from self._database.read(
                _existing(columns, key, batch), row)


_VOLUME = (VOLUMES.c.id, VOLUMES.c.host, VOLUMES.c.status,
           VOLUMES.c.migration_status)
_ATTACHMENT = (ATTACHMENTS.c.id, ATTACHMENTS.c.volume_id,
               ATTACHMENTS.c.instance_uuid, ATTACHMENTS.c.connection_info)


def _existing(columns: Sequence[sa.Column[Any]], key: sa.Column[Any],
              values: Sequence[str]) -> sa.Select[Any]:
    return sa.select(*columns).where(
        key.in_(values), key.table.c.deleted == sa.false()).order_by(key)


@functools.lru_cache(maxsize=8)
def _update(dialect: str, rows: int) -> sa.Update:
    table = ATTACHMENTS.c

    def unchanged(parameter: updating.Parameter) -> sa.ColumnElement[bool]:
        return sa.and_(
            table.volume_id == parameter('a_volume', sa.String()),
            table.deleted == sa.false(),
            texts.exactly(dialect, table.connection_info,
                          parameter('an_old', sa.Text())))

    return updating.update(ATTACHMENTS, rows, unchanged)


def _is_id(value: str) -> bool:
    """Return whether a row may have a key: a database may reject others."""
    return value.isascii() and value.isprintable()


def _all(connection: object, ids: Sequence[str]) -> Sequence[str]:
    """Return all keys: Cinder's rows depend on no other row."""
    return ids


def _volume(volume_id: str, host: Optional[str], status: Optional[str],
            migration: Optional[str]) -> tuple[str, Volume]:
    return volume_id, Volume(_service(host), _moving(status, migration))


def _moving(status: Optional[str], migration: Optional[str]
            ) -> Optional[str]:
    if migration not in _SETTLED:
        return f'migration: {migration}'
    return 'retyping' if status == 'retyping' else None


def _service(host: Optional[str]) -> Optional[VolumeService]:
    if not host:
        return None
    name, _, section = host.split('#', 1)[0].partition('@')
    return VolumeService(name, section)
