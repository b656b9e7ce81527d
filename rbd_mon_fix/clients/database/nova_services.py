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

"""The nova-compute services and their nodes in the database of a cell.

Tables and columns as in nova/db/main/models.py since 26 (Zed).
"""

from __future__ import annotations

from typing import Optional

import sqlalchemy as sa

from rbd_mon_fix.clients.database import engine

SERVICES = sa.Table(
    'services', sa.MetaData(),
    sa.Column('host', sa.String(255)), sa.Column('binary', sa.String(255)),
    sa.Column('version', sa.Integer), sa.Column('deleted', sa.Integer))

COMPUTE_NODES = sa.Table(
    'compute_nodes', sa.MetaData(), sa.Column('host', sa.String(255)),
    sa.Column('hypervisor_hostname', sa.String(255)),
    sa.Column('deleted', sa.Integer))

_COMPUTES = (SERVICES.c.binary == 'nova-compute', SERVICES.c.deleted == 0)


def hosts(database: engine.Database) -> list[str]:
    """Return the hosts that have the service.

    :raises Unreachable: the database is down
    :raises ConfigError: its schema is not the expected one
    """
    return database.read(sa.select(SERVICES.c.host).distinct()
                         .where(*_COMPUTES), _host)


def nodes(database: engine.Database, host: str) -> list[str]:
    """Return the names of a host's hypervisors, as reported by libvirt.

    nova-compute asks libvirt for the host name (nova/virt/libvirt/host.py,
    ``get_hostname``).

    :raises Unreachable: the database is down
    :raises ConfigError: its schema is not the expected one
    """
    return database.read(
        sa.select(COMPUTE_NODES.c.hypervisor_hostname).where(
            COMPUTE_NODES.c.host == host, COMPUTE_NODES.c.deleted == 0,
            COMPUTE_NODES.c.hypervisor_hostname.is_not(None)), _host)


def version(database: engine.Database, host: str) -> Optional[int]:
    """Return the version of a host's service; None if it has none.

    nova/objects/service.py tells which release has which version.

    :raises Unreachable: the database is down
    :raises ConfigError: its schema is not the expected one
    """
    found = database.read(
        sa.select(SERVICES.c.version).where(
            *_COMPUTES, SERVICES.c.host == host,
            SERVICES.c.version.is_not(None)), int)
    return min(found, default=None)


def _host(host: str) -> str:
    return host
