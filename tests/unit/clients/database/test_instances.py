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

"""The servers of a cell's database: which are idle, and their locks."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects import sqlite

from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import instances
from rbd_mon_fix.model.instance import Instance
from tests.unit import memory
from tests.unit.stores import places

HOST = places.HOST


def idle(place, *servers):
    database = engine.Database(place.tables.url, 'DB')
    found = database.write(lambda connection: instances.lock_idle(
        connection, [(host, memory.uuid(server))
                     for host, server in servers]))
    return [server for _, server in servers if memory.uuid(server) in found]


@pytest.mark.parametrize('fields, expected', [
    ({}, [1]), ({'task_state': 'rebooting'}, []), ({'task_state': ''}, []),
    ({'host': 'cmp2'}, []), ({'host': None}, []), ({'deleted': 1}, []),
    ({'hidden': True}, []), ({'hidden': False}, [1]), ({'hidden': None}, [1]),
])
def test_idle_servers(nova, fields, expected):
    nova.add_server(1, **fields)
    assert idle(nova, (HOST, 1)) == expected


def test_servers_of_several_hosts(nova):
    nova.add_server(1)
    nova.add_server(2, 'cmp2')
    nova.add_server(3, 'cmp2')
    assert idle(nova, ('cmp2', 2), (HOST, 1), (HOST, 3), (HOST, 4)) == [2, 1]
    assert idle(nova) == []


def test_more_servers_than_a_statement_takes(nova):
    for server in (1, 1000):
        nova.add_server(server)
    assert idle(nova, *[(HOST, server) for server in range(1, 1001)]) == [
        1, 1000]


@pytest.mark.parametrize('dialect, lock', [
    (mysql.dialect(), 'LOCK IN SHARE MODE'),
    (postgresql.dialect(), 'FOR SHARE'), (sqlite.dialect(), '')])
def test_servers_are_locked_in_the_order_of_their_uuids(dialect, lock):
    """MariaDB does not know FOR SHARE."""
    query = str(instances.idle(HOST, ['a']).compile(dialect=dialect))
    assert query.rpartition('ORDER BY ')[2].strip() == (
        f'instances.uuid {lock}'.strip())


def test_no_other_writer_comes_between_lock_and_write(nova):
    """SQLite has no row locks: the whole database is locked instead."""
    nova.add_server(1)
    database = engine.Database(nova.tables.url, 'DB')
    other = sa.create_engine(nova.tables.url, connect_args={'timeout': 0})

    def work(connection):
        instances.lock_idle(connection, [(HOST, memory.uuid(1))])
        with pytest.raises(sa.exc.OperationalError), other.begin() as theirs:
            theirs.exec_driver_sql("UPDATE instances SET task_state = 'x'")

    database.write(work)
    other.dispose()


def test_a_server_without_a_name():
    assert instances.instance('u', HOST, None, 'active', None) == Instance(
        'u', HOST, '', 'active', None)
