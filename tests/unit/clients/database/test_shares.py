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

"""CephFS shares in a cell's database."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import instances
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.clients.database import shares
from tests.unit import memory
from tests.unit.stores import places


@pytest.fixture
def url(tmp_path):
    return f'sqlite:///{tmp_path}/cell'


@pytest.fixture
def cell(url):
    return nova.Cell(engine.Database(url, 'DB'))


def test_a_release_without_shares(url, cell):
    tables = places.Tables(url, instances.INSTANCES)
    assert shares.shares(cell, places.HOST) == []
    tables.close()


def test_shares_of_the_servers_of_a_host(url, cell):
    tables = places.Tables(url, instances.INSTANCES, shares.SHARES)
    for number, host, deleted in ((1, places.HOST, 0), (2, 'cmp2', 0),
                                  (3, places.HOST, 3)):
        tables.insert('instances', uuid=memory.uuid(number), host=host,
                      deleted=deleted)
        tables.insert('share_mapping', instance_uuid=memory.uuid(number),
                      share_id='b', share_proto='CEPHFS',
                      export_location='192.0.2.1:6789:/b')
    tables.insert('share_mapping', instance_uuid=memory.uuid(1),
                  share_id='a', share_proto='CEPHFS', export_location=None)
    tables.insert('share_mapping', instance_uuid=memory.uuid(1),
                  share_id='n', share_proto='NFS', export_location='nfs:/n')
    assert shares.shares(cell, places.HOST) == [
        shares.Share(memory.uuid(1), 'a', ''),
        shares.Share(memory.uuid(1), 'b', '192.0.2.1:6789:/b')]
    tables.close()


def test_the_table_is_looked_for_once(url, cell, monkeypatch):
    """Each host of a cell is read from the same database."""
    tables = places.Tables(url, instances.INSTANCES, shares.SHARES)
    inspect, looks = sa.inspect, []
    monkeypatch.setattr(sa, 'inspect', lambda connection: looks.append(
        connection) or inspect(connection))
    for host in (places.HOST, 'cmp2'):
        shares.shares(cell, host)
    assert len(looks) == 1
    tables.close()
