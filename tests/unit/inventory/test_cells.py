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

"""Finding the cell of a host, with SQLite databases."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.clients.database import nova_cells
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.inventory import cells
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places


@pytest.fixture
def cell1(tmp_path):
    """Return a cell with a service on cmp1, and servers there and on cmp2."""
    made = places.NovaPlace(f'sqlite:///{tmp_path}/cell1')
    made.tables.insert('services', host='cmp1', binary='nova-compute',
                       deleted=0)
    made.add_server(1, 'cmp1')
    made.add_server(2, 'cmp2')
    yield made
    made.close()


@pytest.fixture
def cell2(tmp_path):
    made = places.NovaPlace(f'sqlite:///{tmp_path}/cell2')
    made.add_server(3, 'cmp3')
    yield made
    made.close()


@pytest.fixture
def api(tmp_path, cell1, cell2):
    made = places.Tables(f'sqlite:///{tmp_path}/api', nova_cells.CELL_MAPPINGS,
                         nova_cells.HOST_MAPPINGS)
    for number, url in enumerate((cell1.tables.url,
                                  '{scheme}:///' + str(tmp_path / 'cell2')),
                                 1):
        made.insert('cell_mappings', id=number, uuid=f'C{number}',
                    name=f'cell{number}', database_connection=url)
    for host, number in (('cmp1', 1), ('cmp2', 1), ('cmp3', 2),
                         ('empty', 2)):
        made.insert('host_mappings', host=host, cell_id=number)
    yield made
    made.close()


def with_api(api, default='sqlite:////srv/default'):
    return cells.Cells(
        default, nova_cells.CellMappings(engine.Database(api.url, 'API')))


def servers(cell, host):
    return [uuid for batch in cell.instances(host, [], 10)
            for uuid in batch]


def test_one_cell_without_mappings(cell1):
    known = cells.Cells(cell1.tables.url, None)
    assert known.hosts() == ['cmp1', 'cmp2']
    assert servers(known.of_host('cmp1'), 'cmp1') == [memory.uuid(1)]
    assert known.of_host('cmp2') is known.of_host('cmp1')
    for host in ('cmp3', ''):
        with pytest.raises(exceptions.ConfigError, match=f'host {host}'):
            known.of_host(host)
    assert set(known.where([memory.uuid(1), memory.uuid(3)])) == {
        memory.uuid(1)}


def test_each_host_is_in_its_cell(api):
    known = with_api(api)
    assert known.hosts() == ['cmp1', 'cmp2', 'cmp3', 'empty']
    assert servers(known.of_host('cmp1'), 'cmp1') == [memory.uuid(1)]
    assert servers(known.of_host('cmp3'), 'cmp3') == [memory.uuid(3)]
    assert servers(known.of_host('empty'), 'empty') == []
    assert known.of_host('cmp2') is known.of_host('cmp1')
    assert known.of_host('cmp3') is not known.of_host('cmp1')
    with pytest.raises(exceptions.ConfigError, match='Did you mean cmp'):
        known.of_host('cmp4')


def test_a_host_that_is_mapped_elsewhere_is_looked_for_there(api):
    """A host's servers are in its cell, whatever another cell says."""
    known = with_api(api)
    assert servers(known.of_host('cmp2'), 'cmp2') == [memory.uuid(2)]
    assert servers(known.of_host('cmp3'), 'cmp2') == []


def test_a_host_that_is_not_mapped_has_no_cell(api, cell2):
    cell2.add_server(4, 'unmapped')
    known = with_api(api)
    assert 'unmapped' not in known.hosts()
    with pytest.raises(exceptions.ConfigError, match='host unmapped'):
        known.of_host('unmapped')


def test_servers_of_all_cells(api):
    found = with_api(api).where([memory.uuid(n) for n in (1, 3, 9)])
    assert {uuid: each.host for uuid, each in found.items()} == {
        memory.uuid(1): 'cmp1', memory.uuid(3): 'cmp3'}
    assert with_api(api).where(iter([])) == {}


def asked(monkeypatch):
    """Return the databases searched for servers, updated as it happens."""
    found = []
    where = nova.Cell.where

    def heard(cell, uuids):
        found.append((cell.database.name.split('/')[-1].rstrip(')'),
                      sorted(map(worlds.number, uuids))))
        return where(cell, uuids)

    monkeypatch.setattr(nova.Cell, 'where', heard)
    return found


@pytest.mark.parametrize('hosts, servers, expected', [
    (['cmp1'], [1, 2], [('cell1', [1, 2])]),
    (['cmp2', 'cmp1'], [1, 2], [('cell1', [1, 2])]),
    (['cmp3'], [3], [('cell2', [3])]),
    (['cmp3'], [1, 3], [('cell2', [1, 3]), ('cell1', [1])]),
    (['cmp1'], [9], [('cell1', [9]), ('cell2', [9])]),
    (['cmp1', 'cmp3'], [1, 3], [('cell1', [1, 3]), ('cell2', [3])]),
    (['unmapped'], [3], [('cell1', [3]), ('cell2', [3])]),
    ([], [1], [('cell1', [1])]), (['cmp1'], [], [])])
def test_the_hosts_cells_are_asked_first(api, monkeypatch, hosts, servers,
                                         expected):
    heard = asked(monkeypatch)
    found = with_api(api).where(map(memory.uuid, servers), hosts)
    assert heard == expected
    assert set(found) == {memory.uuid(server) for server in servers
                          if server != 9}


DEAD = 'mysql+pymysql://nova:SECRET@127.0.0.1:1/cell2'


@pytest.mark.parametrize('url', [DEAD, 'nonsense', None, '{nonsense}'])
def test_another_cell_that_is_dead(api, caplog, url):
    """The dead cell stops no other cell, and is named once."""
    api.update('cell_mappings', 'id', 2, database_connection=url)
    known = with_api(api)
    for _ in range(3):
        assert set(known.where(map(memory.uuid, (1, 3)), ['cmp1'])) == {
            memory.uuid(1)}
    assert set(known.where([memory.uuid(1)])) == {memory.uuid(1)}
    [line] = caplog.records
    assert 'Skipping cell C2' in line.getMessage()
    assert 'SECRET' not in line.getMessage()


def test_the_host_s_own_cell_that_is_dead(api):
    """Nothing is reported of its servers, known to be dead or not."""
    api.update('cell_mappings', 'id', 2, database_connection=DEAD)
    known = with_api(api)
    known.where([memory.uuid(9)], ['cmp1'])
    for hosts in (['cmp3'], ['cmp1', 'cmp3']):
        with pytest.raises(exceptions.Unreachable):
            known.where([memory.uuid(3)], hosts)


def test_the_only_cell_that_is_dead():
    with pytest.raises(exceptions.Unreachable):
        cells.Cells(DEAD, None).where([memory.uuid(1)])


def test_nodes(api, cell1, cell2):
    for cell, host in ((cell1, 'cmp1'), (cell2, 'cmp3'), (cell2, 'cmp1')):
        cell.tables.insert('compute_nodes', host=host, deleted=0,
                           hypervisor_hostname=f'{host}.{id(cell)}')
    known = with_api(api)
    assert known.nodes('cmp1') == {f'cmp1.{id(cell1)}'}
    assert known.nodes('cmp3') == {f'cmp3.{id(cell2)}'}
    assert known.nodes('cmp2') == known.nodes('unmapped') == set()


def test_versions_of_nova_compute(api, cell1, cell2):
    for cell, host, version in ((cell1, 'cmp2', 72), (cell2, 'cmp3', 73),
                                (cell2, 'cmp1', 74)):
        cell.tables.insert('services', host=host, binary='nova-compute',
                           version=version, deleted=0)
    known = with_api(api)
    assert known.compute_version('cmp3') == 73
    # Its row has no version; another cell's row is of another host.
    assert known.compute_version('cmp1') is None
    assert known.compute_version('unmapped') is None


def test_no_cell_is_opened_before_it_is_asked_for(api, cell1):
    api.update('cell_mappings', 'id', 2, database_connection='nonsense')
    known = with_api(api)
    assert servers(known.of_host('cmp1'), 'cmp1') == [memory.uuid(1)]
    with pytest.raises(exceptions.ConfigError,
                       match="Invalid URL for Nova's cell database"):
        known.of_host('cmp3')


@pytest.mark.parametrize('url, default, words', [
    (None, 'sqlite://', 'no database URL.*list_cells'),
    ('', 'sqlite://', 'no database URL.*list_cells'),
    ('{scheme}:///x', None, 'template.*list_cells'),
    ('{nonsense}', 'sqlite://', 'template.*list_cells'),
])
def test_mappings_that_cannot_be_used(api, url, default, words):
    api.update('cell_mappings', 'id', 2, database_connection=url)
    with pytest.raises(exceptions.ConfigError, match=words):
        with_api(api, default).of_host('cmp3')


def test_what_nova_conf_gives(cell1, api):
    def of(database, api_database):
        return cells.of(nova_conf.NovaConf(
            None, '', '', '', '', None, None, '', database,
            api_database))

    assert of(None, None) is None
    assert of(cell1.tables.url, None).hosts() == ['cmp1', 'cmp2']
    assert of('sqlite://', api.url).hosts() == [
        'cmp1', 'cmp2', 'cmp3', 'empty']
    with pytest.raises(exceptions.ConfigError, match='API database'):
        of(None, 'nonsense')
