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

"""The servers in a cell's database, and the locks on their rows.

Columns as in nova/db/main/models.py since 26 (Zed); only those needed here
are declared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable, Optional, Sequence

import sqlalchemy as sa

from rbd_mon_fix.clients.database import batching
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.model.instance import Instance

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine

INSTANCES = sa.Table(
    'instances', sa.MetaData(),
    sa.Column('uuid', sa.String(36)), sa.Column('host', sa.String(255)),
    sa.Column('display_name', sa.String(255)),
    sa.Column('vm_state', sa.String(255)),
    sa.Column('task_state', sa.String(255)),
    sa.Column('hidden', sa.Boolean), sa.Column('deleted', sa.Integer))

# The columns that instance() takes.
COLUMNS = (INSTANCES.c.uuid, INSTANCES.c.host, INSTANCES.c.display_name,
           INSTANCES.c.vm_state, INSTANCES.c.task_state)

# During a cross-cell resize, two cells have a row for the same server, and the
# row that does not count is hidden
# (nova/conductor/tasks/cross_cell_migrate.py). Old rows have NULL there.
EXISTING = sa.and_(INSTANCES.c.deleted == 0,
                   INSTANCES.c.hidden.is_not(sa.true()))


def instance(uuid: str, host: str, name: Optional[str], vm_state: str,
             task_state: Optional[str]) -> Instance:
    """Return the server of a row with ``COLUMNS``."""
    return Instance(uuid, host, name or '', vm_state, task_state)


def count(database: engine.Database, hosts: Iterable[str]) -> int:
    """Return the number of servers on hosts of a cell."""
    return sum(number for batch in batching.batches(hosts)
               for number in database.read(
                   sa.select(sa.func.count()).select_from(INSTANCES)
                   .where(INSTANCES.c.host.in_(batch), EXISTING), int))


def lock_idle(connection: sa_engine.Connection,
              servers: Sequence[tuple[str, str]]) -> set[str]:
    """Lock servers until the transaction ends; return those that are idle.

    :param servers: the host of each server and its UUID
    """
    hosts: dict[str, list[str]] = {}
    for host, uuid in servers:
        hosts.setdefault(host, []).append(uuid)
    return {uuid for host, uuids in sorted(hosts.items())
            for batch in batching.batches(uuids)
            for uuid in connection.execute(idle(host, batch)).scalars()}


def idle(host: str, uuids: Sequence[str]) -> sa.Select[Any]:
    """Return the query that locks the idle servers of a host.

    A subquery of the UPDATE would not do: PostgreSQL, when it has waited for
    a row, checks that row again, but sees other tables as they were before
    (EvalPlanQual in src/backend/executor/README). SQLite has no row locks,
    and its writers exclude each other.
    """
    return (sa.select(INSTANCES.c.uuid)
            .where(INSTANCES.c.uuid.in_(uuids), INSTANCES.c.host == host,
                   EXISTING, INSTANCES.c.task_state.is_(None))
            .order_by(INSTANCES.c.uuid).with_for_update(read=True))
