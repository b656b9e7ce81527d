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

"""CephFS shares of servers in a cell's database.

The table is that of ShareMapping in nova/db/main/models.py, which older
releases of Nova do not have.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

import sqlalchemy as sa

from rbd_mon_fix.clients.database import instances
from rbd_mon_fix.clients.database import nova

SHARES = sa.Table(
    'share_mapping', sa.MetaData(),
    sa.Column('instance_uuid', sa.String(36)),
    sa.Column('share_id', sa.String(36)),
    sa.Column('export_location', sa.Text),
    sa.Column('share_proto', sa.String(32)))


@dataclasses.dataclass(frozen=True)
class Share:
    """A row of share_mapping."""

    instance: str
    share: str
    location: str


def shares(cell: nova.Cell, host: str) -> list[Share]:
    """Return the CephFS shares of a host's servers.

    :raises Unreachable: the database is down
    """
    if not cell.database.has_table(SHARES.name):
        return []
    servers = instances.INSTANCES
    return cell.database.read(
        sa.select(SHARES.c.instance_uuid, SHARES.c.share_id,
                  SHARES.c.export_location)
        .join_from(SHARES, servers,
                   SHARES.c.instance_uuid == servers.c.uuid)
        .where(servers.c.host == host, instances.EXISTING,
               SHARES.c.share_proto == 'CEPHFS')
        .order_by(SHARES.c.instance_uuid, SHARES.c.share_id), _share)


def _share(instance: str, share: str, location: Optional[str]) -> Share:
    return Share(instance, share, location or '')
