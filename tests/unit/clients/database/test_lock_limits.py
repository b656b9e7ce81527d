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

"""The limits of waits for locks, in SQLite."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from rbd_mon_fix.clients.database import connecting
from rbd_mon_fix.clients.database import lock_limits

LIMIT = 'PRAGMA busy_timeout'
OURS = 1000  # milliseconds


@pytest.fixture
def made(tmp_path):
    """Return an engine, and the limits that it was told."""
    engine = connecting.open_url(f'sqlite:///{tmp_path}/x')
    told = []

    def note(connection, cursor, statement, *rest):
        if statement.startswith(f'{LIMIT} ='):
            told.append(statement)

    sa.event.listen(engine, 'before_cursor_execute', note)
    yield engine, told
    engine.dispose()


def limited(engine):
    with engine.connect() as connection:
        lock_limits.limit(connection)
        return connection.exec_driver_sql(LIMIT).scalar_one()


def test_a_session_is_told_once(made):
    engine, told = made
    with engine.connect() as connection:
        for _ in range(2):
            lock_limits.limit(connection)
    assert len(told) == 1


def test_each_new_session_is_told(made):
    engine, told = made
    assert limited(engine) == OURS
    engine.dispose()
    assert limited(engine) == OURS
    with engine.connect() as connection:
        connection.invalidate()
    assert limited(engine) == OURS
    assert len(told) == 3


def test_each_transaction_is_told_where_sessions_change(made, monkeypatch):
    """As with PostgreSQL, behind a proxy."""
    engine, told = made
    monkeypatch.setattr(lock_limits, '_OF_TRANSACTION', ('sqlite',))
    with engine.connect() as connection:
        for _ in range(2):
            lock_limits.limit(connection)
    assert len(told) == 2
