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

"""A cell's database: hosts, servers, block device mappings."""

import itertools

import pytest
import sqlalchemy as sa

from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.model.instance import Instance
from tests.unit import memory
from tests.unit.stores import places


@pytest.fixture
def place(tmp_path):
    made = places.NovaPlace(f'sqlite:///{tmp_path}/cell')
    yield made
    made.close()


@pytest.fixture
def cell(place):
    return nova.Cell(engine.Database(place.tables.url, 'DB'))


def test_hosts_have_a_service_or_servers(place, cell):
    assert cell.hosts() == set()
    for host, binary, deleted in (
            ('cmp1', 'nova-compute', 0), ('ctl', 'nova-conductor', 0),
            ('old', 'nova-compute', 7), ('cmp2', 'nova-compute', 0)):
        place.tables.insert('services', host=host, binary=binary,
                            deleted=deleted)
    place.add_server(1, 'cmp2')
    place.add_server(2, 'left')
    place.add_server(3, 'gone', deleted=3)
    place.add_server(4, None)
    assert cell.hosts() == {'cmp1', 'cmp2', 'left'}


def batches(cell, only=(), batch=2, host=places.HOST):
    return [[int(uuid.split('-')[0], 16) for uuid in found]
            for found in cell.instances(host, only, batch)]


@pytest.mark.parametrize('count, expected', [
    (0, []), (1, [[1]]), (2, [[1, 2]]), (3, [[1, 2], [3]]),
    (4, [[1, 2], [3, 4]]), (5, [[1, 2], [3, 4], [5]]),
])
def test_servers_come_in_batches_in_the_order_of_their_uuids(
        place, cell, count, expected):
    for server in reversed(range(1, count + 1)):
        place.add_server(server)
    assert batches(cell) == expected


def test_a_uuid_that_is_not_text_ends_the_batches(place, cell):
    """In the order of bytes, what replaces it comes before all letters."""
    place.add_server(1)
    place.add_server(2)
    cell.database.write(lambda connection: connection.execute(sa.text(
        "UPDATE instances SET uuid = CAST(x'ff' AS TEXT) WHERE uuid = :uuid"),
        {'uuid': memory.uuid(2)}))
    found = cell.instances(places.HOST, [], 1)
    assert [list(each) for each in itertools.islice(found, 9)] == [
        [memory.uuid(1)], ['\\xff']]


def test_servers_of_that_host_that_exist(place, cell):
    place.add_server(1)
    place.add_server(2, 'cmp2')
    place.add_server(3, deleted=3)
    place.add_server(4, None)
    assert batches(cell) == [[1]]
    assert batches(cell, host='cmp2') == [[2]]
    assert batches(cell, host='none') == []


def test_only_some_servers(place, cell):
    for server in range(1, 6):
        place.add_server(server)
    place.add_server(6, 'cmp2')
    wanted = [memory.uuid(server) for server in (5, 1, 3, 6, 7)]
    assert batches(cell, wanted) == [[1, 3], [5]]


def test_what_is_known_of_a_server(place, cell):
    place.add_server(1, vm_state='active', task_state='rebooting',
                     display_name='web')
    place.add_server(2, vm_state=None, display_name=None)
    [found] = cell.instances(places.HOST, [], 10)
    assert list(found.values()) == [
        Instance(memory.uuid(1), places.HOST, 'web', 'active', 'rebooting'),
        Instance(memory.uuid(2), places.HOST, '', None, None)]


def test_servers_that_leave_while_they_are_read(place, cell):
    for server in range(1, 5):
        place.add_server(server)
    found = cell.instances(places.HOST, [], 2)
    first = next(found)
    for server in (1, 3):
        place.tables.update('instances', 'uuid', memory.uuid(server),
                            host='cmp2')
    rest = itertools.chain.from_iterable(found)
    assert [*first, *rest] == [memory.uuid(server) for server in (1, 2, 4)]


def test_where_servers_are(place, cell):
    place.add_server(1)
    place.add_server(2, 'cmp2', task_state='x')
    place.add_server(3, deleted=3)
    place.add_server(2000)
    found = cell.where(memory.uuid(server) for server in range(1, 2001))
    assert {uuid: (each.host, each.busy) for uuid, each in found.items()
            } == {memory.uuid(1): (places.HOST, False),
                  memory.uuid(2): ('cmp2', True),
                  memory.uuid(2000): (places.HOST, False)}
    assert cell.where([]) == {}


def test_documents_do_not_show(place, cell):
    place.add(1)
    [row] = cell.block_devices(places.HOST, memory.uuid(1), memory.uuid(1))
    assert 'SECRET' in row.connection_info
    assert 'SECRET' not in repr(row)
    assert 'SECRET' not in repr(nova.CompareAndSwap(row, 'cmp1', 'TOPSECRET'))


def test_a_write_locks_the_server_first(place, cell):
    where = place.add(1)
    statements = []

    def heard(connection, cursor, statement, *args):
        statements.append(statement.split()[0])

    sa.event.listen(sa.engine.Engine, 'before_cursor_execute', heard)
    try:
        row = cell.block_device(int(where.key))
        cell.swap([nova.CompareAndSwap(row, places.HOST, 'new')])
    finally:
        sa.event.remove(sa.engine.Engine, 'before_cursor_execute', heard)
    assert statements == [
        'PRAGMA', 'SELECT', 'BEGIN', 'SELECT', 'UPDATE', 'SELECT']


def test_block_devices_of_the_servers_of_a_host(place, cell):
    place.add(1)
    place.add(2)
    place.add(3)
    place.add_server(4, 'cmp2')
    place.add_row(4, 'elsewhere')
    place.add_row(1, 'deleted', deleted=9)
    place.add_row(1, 'local', destination_type='local')
    found = cell.block_devices(places.HOST, memory.uuid(1), memory.uuid(2))
    assert [row.instance for row in found] == [memory.uuid(1), memory.uuid(2)]
    assert [row.volume_id for row in found] == [
        places.volume(1), places.volume(2)]


def test_a_row_that_does_not_exist(cell):
    assert cell.block_device(7) is None


@pytest.mark.parametrize('changed, written', [
    ({}, True),
    ({'connection_info': 'new text'}, False),
    ({'attachment_id': 'other'}, False),
    ({'deleted': 1}, False),
])
def test_a_swap_leaves_rows_that_have_changed(place, cell, changed, written):
    where = place.add(1)
    row = cell.block_device(int(where.key))
    if changed:
        place.update(where, **changed)
    [swapped] = cell.swap([nova.CompareAndSwap(row, places.HOST, 'mine')])
    assert swapped.written is written
    assert (swapped.after is None) is ('deleted' in changed)
    assert swapped.after == cell.block_device(int(where.key))


def test_each_row_has_its_own_verdict_in_the_order_asked_for(place, cell):
    wheres = [place.add(server) for server in (3, 1, 2)]
    rows = [cell.block_device(int(where.key)) for where in wheres]
    place.set_text(wheres[1], 'mine')
    found = cell.swap([nova.CompareAndSwap(row, places.HOST, 'mine')
                       for row in reversed(rows)])
    assert [(each.written, each.after.id) for each in found] == [
        (True, 3), (False, 2), (True, 1)]
    assert cell.swap([]) == []


def hide(place, *servers):
    """Make these servers' rows look as a cross-cell resize leaves them."""
    for server in servers:
        place.tables.update('instances', 'uuid', memory.uuid(server),
                            hidden=True)


def test_hidden_servers_are_passed_over(place, cell):
    """The authoritative row is in another cell, and so are its volumes."""
    rows = [place.add(server) for server in (1, 2, 3)]
    place.tables.update('instances', 'uuid', memory.uuid(3), hidden=False)
    hide(place, 2)
    place.add_server(4, 'left', hidden=True)
    shown = [memory.uuid(1), memory.uuid(3)]
    assert batches(cell, batch=5) == [[1, 3]]
    assert cell.hosts() == {places.HOST}
    assert list(cell.where(map(memory.uuid, (1, 2, 3, 4)))) == shown
    assert [row.instance for row in cell.block_devices(
        places.HOST, memory.uuid(1), memory.uuid(3))] == shown
    assert cell.block_device(int(rows[0].key)) is not None
    assert cell.block_device(int(rows[1].key)) is None


def test_a_server_that_is_hidden_meanwhile_is_not_written(place, cell):
    where = place.add(1)
    row = cell.block_device(int(where.key))
    hide(place, 1)
    before = place.everything()
    [swapped] = cell.swap([nova.CompareAndSwap(row, places.HOST, 'mine')])
    assert (swapped.written, swapped.after) == (False, None)
    assert place.everything() == before


def test_the_nodes_of_a_host(place, cell):
    for host, node, deleted in (
            ('cmp1', 'cmp1.example.org', 0), ('cmp1', 'was.example.org', 3),
            ('cmp1', None, 0), ('cmp2', 'cmp2.example.org', 0)):
        place.tables.insert('compute_nodes', host=host, deleted=deleted,
                            hypervisor_hostname=node)
    assert cell.nodes('cmp1') == {'cmp1.example.org'}
    assert cell.nodes('cmp3') == set()


@pytest.mark.parametrize('changed', [
    {'task_state': 'rebooting'}, {'host': 'cmp2'}, {'deleted': 1}])
def test_a_swap_leaves_servers_that_are_busy_or_moved(place, cell, changed):
    where = place.add(1)
    row = cell.block_device(int(where.key))
    place.tables.update('instances', 'uuid', memory.uuid(1), **changed)
    [swapped] = cell.swap([nova.CompareAndSwap(row, places.HOST, 'mine')])
    assert (swapped.written, swapped.after) == (False, row)


def test_a_rehearsal_changes_nothing(place, cell):
    place.add(1)
    before = place.everything()
    cell.rehearse()
    assert place.everything() == before
