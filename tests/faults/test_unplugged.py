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

"""Databases and libvirt that go away, refuse, or keep what we want."""

from __future__ import annotations

import contextlib
import signal
import time

import pytest
import sqlalchemy as sa
import tenacity

from tests.cloud import config
from tests.cloud import documents
from tests.faults import pausing
from tests.faults import subject as subjects
from tests.faults.conftest import thorough
from tests.functional import libvirtd
from tests.functional import operator
from tests.functional import servers

SERVERS = ('mariadb', thorough('postgresql'))
USER = 'operator'
WRITE = 'UPDATE block_device_mapping '


@pytest.fixture(params=SERVERS)
def server(request, engine):
    return engine(request.param)


@pytest.fixture
def subject(request, build_cloud, server):
    """Return a cloud whose databases the tool enters as a plain user."""
    cloud = build_cloud(subjects.SERVERS,
                        on=request.node.callspec.params['server'])
    grant(server, cloud.databases)
    plain = type(cloud.databases)(**{
        name: url.replace('//nova:', f'//{USER}:')
        for name, url in vars(cloud.databases).items()})
    config.write(cloud.folder, plain)
    for old, new in ((cloud.databases.cell, plain.cell),
                     (cloud.databases.cell0, plain.cell0)):
        operator.execute(
            cloud.databases.api, 'UPDATE cell_mappings SET '
            'database_connection = :new WHERE database_connection = :old',
            old=old, new=new)
    return subjects.Subject(cloud)


def grant(server, databases):
    """Create a user with the privileges that the documentation names."""
    if isinstance(server, servers.MariaDB):
        server.execute(
            f"CREATE USER IF NOT EXISTS {USER}@'127.0.0.1' "
            f"IDENTIFIED BY '{servers.PASSWORD}'",
            *(f"GRANT SELECT, UPDATE ON {name}.* TO {USER}@'127.0.0.1'"
              for name in databases.names))
        return
    with contextlib.suppress(sa.exc.ProgrammingError):
        server.execute(f"CREATE ROLE {USER} LOGIN "
                       f"PASSWORD '{servers.PASSWORD}'")
    for url in vars(databases).values():
        operator.execute(url, 'GRANT SELECT, UPDATE ON ALL TABLES '
                         f'IN SCHEMA public TO {USER}')


def first_write(subject):
    """Return the number of the first statement that writes a mapping."""
    statements = pausing.statements(subject.admin, subjects.REFRESH)
    subject.restore()
    return next(number for number, text in enumerate(statements, 1)
                if text.startswith(WRITE))


def test_a_server_that_restarts_in_the_middle(subject, server):
    with pausing.before(first_write(subject), subject.admin,
                        subjects.REFRESH) as paused:
        server.restart()
        done = paused.end()
    assert done.code == 5, done
    assert 'cannot be reached' in done.err
    assert not subjects.complaints(subject, 'restart', done, False)


READ_ONLY = {
    servers.MariaDB: ('SET GLOBAL read_only = {}', 'ON', 'OFF'),
    servers.PostgreSQL: (
        f'ALTER ROLE {USER} SET default_transaction_read_only = {{}}',
        'on', 'off')}


def test_a_replica(subject, server):
    statement, on, off = READ_ONLY[type(server)]
    server.execute(statement.format(on))
    try:
        done = subject.admin.run(*subjects.REFRESH)
    finally:
        server.execute(statement.format(off))
    assert done.code == 5, done
    assert 'is read-only' in done.err
    assert subject.judge() == 0
    assert not subjects.complaints(subject, 'read-only', done, False)


@contextlib.contextmanager
def no_connection_left(server, subject):
    if isinstance(server, servers.PostgreSQL):
        server.execute(f'ALTER ROLE {USER} CONNECTION LIMIT 0')
        yield
        server.execute(f'ALTER ROLE {USER} CONNECTION LIMIT -1')
        return
    # The least that MariaDB accepts.
    server.execute('SET GLOBAL max_connections = 10')
    held = sa.create_engine(subject.cloud.databases.cell.replace(
        '//nova:', f'//{USER}:'), pool_size=20)
    with contextlib.ExitStack() as stack:
        with pytest.raises(sa.exc.OperationalError, match='Too many'):
            while True:
                stack.enter_context(held.connect())
        yield
    held.dispose()
    server.execute('SET GLOBAL max_connections = 151')


def test_no_connection_is_left(subject, server):
    with no_connection_left(server, subject):
        done = subject.admin.run(*subjects.REFRESH)
    assert done.code == 5, done
    assert 'cannot be reached' in done.err
    assert subject.judge() == 0
    assert not subjects.complaints(subject, 'connections', done, False)


WAITING = {
    servers.MariaDB: 'SELECT 1 FROM information_schema.innodb_trx '
                     "WHERE trx_state = 'LOCK WAIT'",
    servers.PostgreSQL: 'SELECT 1 FROM pg_locks WHERE NOT granted'}


@tenacity.retry(wait=tenacity.wait_fixed(0.05), reraise=True,
                stop=tenacity.stop_after_delay(30))
def wait_for_waiting(server):
    """Wait until somebody waits for a lock."""
    found = sa.create_engine(server.admin_url)
    with found.connect() as connection:
        waiting = connection.execute(
            sa.text(WAITING[type(server)])).first()
    found.dispose()
    assert waiting


@contextlib.contextmanager
def held_row(subject):
    """Hold the row of a server's volume for a block."""
    theirs = sa.create_engine(subject.cloud.databases.cell)
    with theirs.begin() as connection:
        connection.execute(
            sa.text('UPDATE block_device_mapping SET device_name = :name '
                    'WHERE instance_uuid = :uuid'),
            {'name': '/dev/vdz', 'uuid': subject.cloud.server('one').uuid})
        yield
    theirs.dispose()


@pytest.mark.parametrize('number', [
    signal.SIGINT, thorough(signal.SIGTERM)])
def test_a_second_signal_ends_the_wait_for_a_row(subject, server, number):
    write = first_write(subject)
    with held_row(subject), pausing.before(
            write, subject.admin, subjects.REFRESH) as paused:
        paused.go()
        wait_for_waiting(server)
        paused.kill(number)
        paused.wait_for('servers in hand')
        started = time.monotonic()
        paused.kill(number)
        done = paused.end()
        # One wait is a second, and the machine may be busy.
        assert time.monotonic() - started < 10
        assert done.code == 130, done
    assert not subjects.complaints(subject, number, done, False)


@pytest.mark.parametrize('on', [
    'postgresql', thorough('mariadb'), thorough('sqlite')])
def test_a_row_that_another_transaction_holds_is_a_conflict(build_cloud, on):
    subject = subjects.Subject(build_cloud(subjects.SERVERS, on=on))
    with held_row(subject):
        done = subject.admin.run(*subjects.REFRESH, '-f', 'json')
    assert done.code == 4, done
    rows = {(row['instance'], row['store']): row['outcome']
            for row in done.json['records']}
    one, two = (subject.cloud.server(name).uuid for name in ('one', 'two'))
    assert rows[one, 'nova-bdm'] == 'conflict'
    # SQLite locks whole files.
    assert rows[two, 'nova-bdm'] == (
        'conflict' if on == 'sqlite' else 'fixed')
    assert not subjects.complaints(subject, 'held', done, False)


def test_a_libvirtd_that_is_killed(build_cloud, tmp_path):
    """The databases are written, and the domains are not."""
    subject = subjects.Subject(build_cloud(subjects.SERVERS))
    number = first_write(subject)
    with libvirtd.running(tmp_path / 'libvirtd', 'cmp1') as daemon:
        with daemon.connected() as connection:
            for server in subject.cloud.servers:
                connection.defineXML(documents.domain_xml(server))
        operator.set_option(subject.admin.config, subject.cloud.libvirt_uri,
                            daemon.uri)
        with pausing.before(number, subject.admin,
                            subjects.REFRESH) as paused:
            daemon.kill()
            done = paused.end()
        assert done.code == 5, done
        assert 'Libvirt' in done.err
        daemon.start()
        again = subject.admin.run(*subjects.REFRESH)
        assert again.code == 0, again
        status = subject.admin.run('status', '--host', 'cmp1')
        assert status.code == 0, status
