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

"""What reading a real server takes, and how long it waits for locks."""

from __future__ import annotations

import contextlib

import pytest
import sqlalchemy as sa

from rbd_mon_fix.clients.database import engine as engine_module
from rbd_mon_fix.clients.database import lock_limits
from tests.functional.releases import ENGINES

SERVERS = [name for name in ENGINES if name != 'sqlite']
READS = 3
LIMITS = {'mysql': 'SELECT @@innodb_lock_wait_timeout, @@lock_wait_timeout',
          'postgresql': "SELECT current_setting('lock_timeout')"}
SECOND = {'mysql': (1, 1), 'postgresql': ('1s',)}


@pytest.fixture(params=SERVERS)
def url(request, engine):
    """Return the URL of an empty database."""
    server = engine(request.param)
    databases = server.create('locks_')
    yield databases.cell
    server.drop(databases)


@pytest.fixture
def database(url):
    """Return the database, opened as commands open it."""
    found = engine_module.Database(url, 'The database')
    yield found
    found._engine.dispose()


@contextlib.contextmanager
def noted():
    """Yield the statements and ends of transactions of a block."""
    seen = []

    def statement(connection, cursor, text, *rest):
        seen.append(text.split()[0])

    def commit(connection):
        seen.append('COMMIT')

    events = {'before_cursor_execute': statement, 'commit': commit}
    for name, listener in events.items():
        sa.event.listen(sa.engine.Engine, name, listener)
    try:
        yield seen
    finally:
        for name, listener in events.items():
            sa.event.remove(sa.engine.Engine, name, listener)


def test_reads_end_without_a_commit_and_limit_a_session_once(database):
    with noted() as seen:
        for _ in range(READS):
            assert database.read(sa.select(sa.literal(1)), int) == [1]
    assert 'COMMIT' not in seen
    assert seen.count('SELECT') == READS
    assert seen.count('SET') == (
        READS if database.dialect == 'postgresql' else 1)


def test_every_transaction_is_limited_to_a_second(database):
    def limits(connection):
        return tuple(connection.exec_driver_sql(
            LIMITS[database.dialect]).one())

    for _ in range(2):
        assert database.write(limits) == SECOND[database.dialect]


def test_a_session_keeps_the_limit_in_the_next_transaction(url):
    made = sa.create_engine(url)
    name = made.dialect.name
    with made.connect() as connection:
        for _ in range(2):
            lock_limits.limit(connection)
            found = connection.exec_driver_sql(LIMITS[name]).one()
            assert tuple(found) == SECOND[name]
            connection.rollback()
    made.dispose()
