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

"""The cell and host mappings of Nova's API database."""

from __future__ import annotations

import pytest

from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import nova_cells
from tests.unit.stores import places

CELL0 = '00000000-0000-0000-0000-000000000000'


@pytest.fixture
def api(tmp_path):
    """Return an API database with two cells, and functions that fill it."""
    url = f'sqlite:///{tmp_path}/api'
    tables = places.Tables(url, nova_cells.CELL_MAPPINGS,
                           nova_cells.HOST_MAPPINGS)
    for number, uuid, name in ((1, CELL0, 'cell0'), (3, 'C1', 'cell1'),
                               (2, 'C2', 'cell2')):
        tables.insert('cell_mappings', id=number, uuid=uuid, name=name,
                      database_connection=f'sqlite:////srv/{name}')
    yield nova_cells.CellMappings(engine.Database(url, 'DB')), tables
    tables.close()


def test_cells_but_for_cell0_in_the_order_of_their_rows(api):
    database, _ = api
    assert list(database.cells().items()) == [
        ('C2', 'sqlite:////srv/cell2'), ('C1', 'sqlite:////srv/cell1')]


def test_hosts_and_their_cells(api):
    database, tables = api
    assert database.hosts() == {}
    for host, cell_id in (('cmp2', 2), ('cmp1', 3), ('cmp3', 3),
                          ('lost', 9)):
        tables.insert('host_mappings', host=host, cell_id=cell_id)
    assert database.hosts() == {'cmp1': 'C1', 'cmp2': 'C2', 'cmp3': 'C1'}
