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

"""Concurrent writers race for a row, on every engine."""

from __future__ import annotations

from concurrent import futures
import datetime
import threading
import time

import pytest
import sqlalchemy as sa

from rbd_mon_fix.clients.database import cinder
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.clients.database import updating
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.stores import cinder_attachment
from rbd_mon_fix.stores import nova_bdm
from tests.cloud import shape

BOUND = 20.0
# Threads that log in at the same time met a fault every other time.
ROUNDS = 8
NEW = tuple(MonAddr(host, 6789) for host in shape.ALPHA.new)
UPDATE = {
    'nova-bdm': 'UPDATE block_device_mapping SET connection_info = :text '
                'WHERE id = :key',
    'cinder-attachment': 'UPDATE volume_attachment SET connection_info = '
                         ':text WHERE id = :key'}


@pytest.fixture
def opened(any_cloud):
    """Return a function that opens databases; close them all at the end."""
    found = []

    def start(url):
        found.append(engine.Database(url, 'DB'))
        return found[-1]

    yield start
    for database in found:
        database._engine.dispose()


def open_store(name, databases, opened):
    if name == 'nova-bdm':
        return nova_bdm.NovaBdmStore(nova.Cell(
            opened(databases.cell))), databases.cell
    return cinder_attachment.CinderAttachmentStore(cinder.Cinder(
        opened(databases.cinder))), databases.cinder


def changes_of(cloud, store, *names):
    """Return the change of each server's volume, in the given order."""
    servers = [cloud.server(name).uuid for name in names]
    found = {record.locator.instance: record for record in store.scan(
        Scope('cmp1', {uuid: Instance(uuid, 'cmp1') for uuid in servers}))}
    return [_change(found[uuid]) for uuid in servers]


def _change(record):
    [disk] = record.document.disks
    return Change(record, record.document.edited(
        {disk.key: record.document.spell(disk, NEW)}), ())


def their_write(connection, store, change):
    key = change.locator.key
    assert connection.execute(sa.text(UPDATE[store.name]), {
        'text': change.document.text,
        'key': int(key) if store.name == 'nova-bdm' else key}).rowcount == 1


@pytest.mark.parametrize('together, expected', [(20, [3]), (3, [1])])
@pytest.mark.parametrize('name', UPDATE)
def test_the_rows_of_all_updates_are_counted(any_cloud, opened, name, together,
                                             expected, monkeypatch):
    """If they are not, each batch is written twice, the second time slowly."""
    monkeypatch.setattr(updating, 'TOGETHER', together)
    store, _ = open_store(name, any_cloud.databases, opened)
    changes = changes_of(any_cloud, store, 'stopped', 'from-volume', 'gone')
    updates = []

    def note(connection, cursor, statement, parameters, context, many):
        if statement.startswith('UPDATE'):
            updates.append(len(parameters) if many else 1)

    sa.event.listen(sa.engine.Engine, 'before_cursor_execute', note)
    try:
        outcomes = store.put(changes)
    finally:
        sa.event.remove(sa.engine.Engine, 'before_cursor_execute', note)
    assert [outcome.verdict for outcome in outcomes] == [Verdict.FIXED] * 3
    assert updates == expected


def test_an_update_of_several_rows_needs_no_other_row(any_cloud):
    """MariaDB would read, and lock, all of a table as small as this."""
    url, rows = any_cloud.databases.cell, range(1, 26)
    if url.startswith('sqlite'):
        pytest.skip('SQLite locks the whole file')
    table = sa.Table(
        'documents', sa.MetaData(),
        sa.Column('id', sa.Integer, primary_key=True),
        sa.Column('connection_info', sa.Text),
        sa.Column('updated_at', sa.DateTime))
    update = updating.Update(lambda count: updating.update(
        table, count, lambda parameter: table.c.connection_info == parameter(
            'an_old', sa.Text())), datetime.datetime(2026, 11, 20))
    ours, theirs = sa.create_engine(url), sa.create_engine(url)
    try:
        table.create(ours)
        with ours.begin() as connection:
            connection.execute(sa.insert(table), [
                {'id': row, 'connection_info': f'old {row}'} for row in rows])
        with theirs.begin() as other, ours.begin() as connection:
            other.execute(sa.update(table).where(table.c.id == rows[-1])
                          .values(connection_info='theirs'))
            connection.exec_driver_sql(
                'SET SESSION innodb_lock_wait_timeout = 1'
                if ours.dialect.name in ('mysql', 'mariadb')
                else "SET LOCAL lock_timeout = '1s'")
            assert update.execute(connection, [
                {'an_id': row, 'an_old': f'old {row}', 'a_new': 'ours'}
                for row in rows[:updating.TOGETHER]]) == updating.TOGETHER
    finally:
        ours.dispose()
        theirs.dispose()


@pytest.mark.parametrize('name', UPDATE)
def test_the_very_text_that_another_writer_wrote(any_cloud, opened, name):
    """They write between our read and our write, or hold the row meanwhile."""
    store, url = open_store(name, any_cloud.databases, opened)
    before, during, ours = changes_of(
        any_cloud, store, 'stopped', 'from-volume', 'gone')
    theirs = sa.create_engine(url)
    with theirs.begin() as connection:
        their_write(connection, store, before)
    with futures.ThreadPoolExecutor() as pool:
        with theirs.begin() as connection:
            their_write(connection, store, during)
            put = pool.submit(store.put, [before, ours, during])
            time.sleep(1)
            assert not put.done()
        outcomes = put.result()
    theirs.dispose()
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.CONFLICT, Verdict.FIXED, Verdict.CONFLICT]
    for change in (before, ours, during):
        assert store.get(change.locator).document == change.document


@pytest.mark.parametrize('field, value', [
    ('task_state', 'migrating'), ('host', 'cmp9'), ('deleted', 7)])
def test_a_server_that_becomes_busy_while_its_row_is_awaited(
        any_cloud, opened, field, value):
    """PostgreSQL checks an awaited row again, but no other table."""
    store, url = open_store('nova-bdm', any_cloud.databases, opened)
    busy, ours = changes_of(any_cloud, store, 'stopped', 'from-volume')
    theirs = sa.create_engine(url)
    with futures.ThreadPoolExecutor() as pool:
        with theirs.begin() as connection:
            connection.execute(
                sa.text('UPDATE block_device_mapping SET device_name = '
                        "'/dev/vdz' WHERE id = :key"),
                {'key': int(busy.locator.key)})
            connection.execute(
                sa.text(f'UPDATE instances SET {field} = :value '
                        'WHERE uuid = :uuid'),
                {'value': value, 'uuid': busy.locator.instance})
            put = pool.submit(store.put, [busy, ours])
            # The outcome must be the same whether they wait or not.
            futures.wait([put], 0.5)
            assert not put.done()
        outcomes = put.result()
    theirs.dispose()
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.CONFLICT, Verdict.FIXED]
    assert 'busy' in outcomes[0].reason


def test_hidden_servers_and_the_nodes_of_hosts(any_cloud, opened):
    """Every supported release has these columns and this table."""
    uuid = any_cloud.server('stopped').uuid
    cell = nova.Cell(opened(any_cloud.databases.cell))
    store = nova_bdm.NovaBdmStore(cell)
    [change] = changes_of(any_cloud, store, 'stopped')
    assert cell.nodes('cmp1') == {'cmp1'}
    assert cell.nodes('cmp9') == set()
    theirs = sa.create_engine(any_cloud.databases.cell)
    for hidden, known in ((None, True), (True, False), (False, True)):
        with theirs.begin() as connection:
            connection.execute(
                sa.text('UPDATE instances SET hidden = :hidden '
                        'WHERE uuid = :uuid'),
                {'hidden': hidden, 'uuid': uuid})
        assert (uuid in cell.where([uuid])) is known
        assert (uuid in next(cell.instances('cmp1', [], 99))) is known
        assert bool(cell.block_devices('cmp1', uuid, uuid)) is known
        assert (cell.block_device(int(change.locator.key))
                is not None) is known
        if not known:
            [outcome] = store.put([change])
            assert outcome.verdict is Verdict.CONFLICT
    theirs.dispose()


@pytest.mark.parametrize('name', ['mariadb', 'postgresql'])
def test_as_many_connections_as_hosts_at_once(request, name):
    """SQLAlchemy's pool has fifteen, and makes the next one wait."""
    url = request.getfixturevalue('engine')(name).create('many_').cell
    for _ in range(ROUNDS):
        database, barrier = engine.Database(url, 'DB'), threading.Barrier(24)

        def meet(connection, barrier=barrier):
            connection.execute(sa.select(1))
            barrier.wait(BOUND)
            return connection.execute(sa.select(1)).scalar()

        with futures.ThreadPoolExecutor(24) as pool:
            answers = [pool.submit(database.write, meet) for _ in range(24)]
            failed = [each.exception() for each in answers]
            assert [each.result() for each in answers] == [1] * 24, failed
        database._engine.dispose()
