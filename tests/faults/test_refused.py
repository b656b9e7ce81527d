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

"""Database servers that refuse a login or a statement."""

from __future__ import annotations

import contextlib

import psutil
import pytest
import sqlalchemy as sa

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import engine as engines
from rbd_mon_fix.clients.database import nova
from tests.functional import servers
from tests.functional.releases import ENGINES

SERVERS = ENGINES[1:]
USER, PLACE = 'plain', 'refusing'


@pytest.fixture(params=SERVERS)
def server(request, engine):
    """Yield a server with a database, and a user who may only log in."""
    server = engine(request.param)
    server.execute(f'CREATE DATABASE {PLACE}')
    on_mariadb = isinstance(server, servers.MariaDB)
    # The driver takes a single % for a parameter.
    account = f"{USER}@'127.0.0.%%'" if on_mariadb else USER
    password = f"'{servers.PASSWORD}'"
    server.execute(
        f'CREATE USER {account} IDENTIFIED BY {password}' if on_mariadb else
        f'CREATE ROLE {USER} LOGIN PASSWORD {password}')
    yield server
    force = '' if on_mariadb else ' WITH (FORCE)'
    server.execute(f'DROP DATABASE {PLACE}{force}', f'DROP USER {account}')


@contextlib.contextmanager
def admin(server):
    made = sa.create_engine(sa.make_url(server.url).set(database=PLACE))
    with made.begin() as connection:
        yield connection
    made.dispose()


def opened(server, **parts):
    """Return the database as the plain user sees it."""
    url = sa.make_url(server.url).set(
        **{'username': USER, 'database': PLACE, **parts})
    return engines.Database(url.render_as_string(hide_password=False), 'DB')


def open_connections(server):
    """Return this process's connections to a server."""
    port = sa.make_url(server.url).port
    return [each for each in psutil.Process().net_connections('tcp')
            if each.raddr and each.raddr.port == port]


def failure(kind, act):
    with pytest.raises(kind) as caught:
        act()
    assert servers.PASSWORD not in str(caught.value)
    return caught.value


@pytest.mark.parametrize('parts', [
    {'password': 'wrong'}, {'password': ''}, {'username': 'nobody'}])
def test_a_login_that_is_refused(server, parts):
    database = opened(server, **parts)
    error = failure(exceptions.Unreachable,
                    lambda: database.has_table('services'))
    user = parts.get('username', USER)
    assert f'login refused for user {user} (' in error.message
    assert not open_connections(server), 'while the error is kept'


def test_a_database_that_does_not_exist(server):
    database = opened(server, username='nova', database='missing')
    error = failure(exceptions.ConfigError, lambda: database.has_table('x'))
    assert 'does not exist on that server' in error.message


def test_a_table_that_is_missing(server):
    cell = nova.Cell(opened(server, username='nova'))
    error = failure(exceptions.ConfigError, lambda: cell.nodes('cmp1'))
    assert ') has no table compute_nodes in ' in error.message
    assert (f'in schema {PLACE} (' in error.message
            or 'search_path' in error.message)


def test_a_column_that_is_missing(server):
    with admin(server) as connection:
        connection.exec_driver_sql('CREATE TABLE compute_nodes (host int)')
    cell = nova.Cell(opened(server, username='nova'))
    error = failure(exceptions.ConfigError, lambda: cell.nodes('cmp1'))
    assert ') lacks a column of table compute_nodes' in error.message


def do(server, error):
    """Do as the hint of an error says."""
    words, _, statements = error.hint.partition(': ')
    assert words == "As the database's administrator"
    with admin(server) as connection:
        for statement in statements.split('; '):
            connection.exec_driver_sql(statement.replace('%', '%%'))


def test_a_user_who_may_not_enter(engine, server):
    if isinstance(server, servers.PostgreSQL):
        server.execute(f'REVOKE CONNECT ON DATABASE {PLACE} FROM PUBLIC')
    database = opened(server)
    error = failure(exceptions.Unreachable, lambda: database.has_table('x'))
    assert 'a privilege is missing' in error.message
    do(server, error)
    assert not database.has_table('x')


def test_the_grants_that_are_missing(server):
    """Each hint is right, and names the next right that is missing."""
    with admin(server) as connection:
        nova.BDM.metadata.create_all(connection)
        nova.instances.INSTANCES.metadata.create_all(connection)
        nova.nova_services.SERVICES.metadata.create_all(connection)
        if isinstance(server, servers.MariaDB):  # to enter the database
            connection.exec_driver_sql(
                f"GRANT SELECT ON services TO {USER}@'127.0.0.%%'")
    cell = nova.Cell(opened(server))
    hints = []
    while len(hints) < 9:
        try:
            cell.block_device(-1)
            cell.rehearse()
            break
        except exceptions.Unreachable as error:
            assert 'a privilege is missing' in error.message
            hints.append(error.hint)
            do(server, error)
    assert hints == list(dict.fromkeys(hints))
    assert 'UPDATE' in ''.join(hints)
    assert 'block_device_mapping' in hints[0]
    if isinstance(server, servers.MariaDB):
        assert hints[-1].endswith(
            f"ON {PLACE}.block_device_mapping TO '{USER}'@'127.0.0.%';")
