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

"""Databases and libvirt that accept a connection, and then say nothing."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest
import sqlalchemy as sa
import tenacity

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.clients import libvirt_connection
from rbd_mon_fix.clients.database import connecting
from rbd_mon_fix.clients.database import engine as engines
from tests.faults import pausing
from tests.faults import subject as subjects
from tests.functional import libvirtd
from tests.functional import operator

SERVERS = ('mysql+pymysql', 'postgresql+psycopg2', 'postgresql+psycopg')
# A command must end within ten seconds, and within one after Ctrl-C. The
# machine may be busy.
ENDED, INTERRUPTED = 20, 5
_ESTABLISHED = '01'


@pytest.fixture
def silent():
    """Return the port of a server that never answers."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def cloud(build_cloud):
    return build_cloud()


def database(cloud, port, driver):
    """Let the cell's database be a silent server."""
    operator.execute(
        cloud.databases.api, 'UPDATE cell_mappings SET database_connection '
        '= :new WHERE database_connection = :old', old=cloud.databases.cell,
        new=f'{driver}://nova:sesame@127.0.0.1:{port}/nova')


def hypervisor(cloud, port):
    """Let libvirt be a silent server."""
    operator.set_option(cloud.config_file, cloud.libvirt_uri,
                        f'qemu+tcp://127.0.0.1:{port}/system')


SILENT = [
    pytest.param(lambda cloud, port: database(cloud, port, 'mysql+pymysql'),
                 'does not answer', id='mysql'),
    pytest.param(lambda cloud, port: database(cloud, port,
                                              'postgresql+psycopg2'),
                 'does not answer', id='postgresql'),
    pytest.param(hypervisor, 'did not answer within 9 seconds',
                 id='libvirt')]


@pytest.mark.parametrize('silence, words', SILENT)
def test_a_command_ends(cloud, silent, silence, words):
    silence(cloud, silent)
    started = time.monotonic()
    done = operator.Operator(cloud).run('status', '--host', 'cmp1')
    assert time.monotonic() - started < ENDED
    assert done.code == 5, done
    assert words in done.err
    assert 'sesame' not in done.err


@tenacity.retry(wait=tenacity.wait_fixed(0.02), reraise=True,
                stop=tenacity.stop_after_delay(60))
def wait_for_client(port, unread=False):
    """Wait until a client of a port is connected, and has asked something.

    :param unread: whether the server has not read the question
    """
    rows = [line.split() for line in pathlib.Path(
        '/proc/net/tcp').read_text().splitlines()[1:]]
    assert [row for row in rows if row[3] == _ESTABLISHED
            and row[1].endswith(f':{port:04X}')
            and (not unread or int(row[4].partition(':')[2], 16))]


@pytest.mark.parametrize('silence, words', SILENT)
def test_a_signal_ends_a_command(cloud, silent, silence, words):
    silence(cloud, silent)
    with subprocess.Popen(
            [str(operator.COMMAND), '--config-file', str(cloud.config_file),
             'status', '--host', 'cmp1'], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True) as process:
        wait_for_client(silent)
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=ENDED)
        assert time.monotonic() - started < INTERRUPTED
    assert process.returncode == 130, err
    assert 'Interrupted' in err


@pytest.fixture(params=SERVERS)
def driver(request):
    return request.param


def engine_of(driver):
    return 'mariadb' if driver.startswith('mysql') else 'postgresql'


@pytest.fixture
def server(driver, engine):
    return engine(engine_of(driver))


def admin(server, driver):
    """Return the administrator's database by way of a driver."""
    url = server.admin_url.set(drivername=driver)
    return engines.Database(url.render_as_string(hide_password=False), 'DB')


def first_write(subject):
    """Return the number of the first statement that writes a mapping."""
    statements = pausing.statements(subject.admin, subjects.REFRESH)
    subject.restore()
    return next(number for number, text in enumerate(statements, 1)
                if text.startswith('UPDATE block_device_mapping'))


def test_a_second_signal_ends_a_statement_that_nobody_answers(
        build_cloud, server, driver):
    cloud = build_cloud(subjects.SERVERS, on=engine_of(driver))
    operator.use_driver(cloud, driver)
    subject = subjects.Subject(cloud)
    number = first_write(subject)
    with pausing.before(number, subject.admin, subjects.REFRESH) as paused:
        with server.silenced():
            paused.go()
            wait_for_client(sa.make_url(server.url).port, unread=True)
            paused.kill(signal.SIGINT)
            paused.wait_for('Ctrl-C again stops at once')
            started = time.monotonic()
            paused.kill(signal.SIGINT)
            done = paused.end()
            assert time.monotonic() - started < INTERRUPTED
        assert done.code == 130, done
    assert not subjects.complaints(subject, 'silence', done, False)


def test_a_statement_that_nobody_answers(server, driver, monkeypatch):
    monkeypatch.setattr(connecting, 'STATEMENT', 0.5)
    monkeypatch.setattr(connecting, 'LOGIN', 0.5)
    monkeypatch.setattr(connecting, '_LIMITS', {
        'pymysql': {'read_timeout': 0.5, 'write_timeout': 0.5}})
    name = sa.make_url(server.admin_url).database
    database = admin(server, driver)
    one = sa.select(sa.literal(1))

    def silence(connection):
        with server.silenced():
            connection.execute(one)
    assert database.read(one, int) == [1]
    with pytest.raises(exceptions.Unreachable, match=f'{name} .*not answer'):
        database.write(silence)
    assert database.read(one, int) == [1]


@pytest.mark.parametrize('driver', SERVERS[1:])
def test_a_login_leaves_a_silent_host_for_the_next(silent, server, driver,
                                                   monkeypatch):
    """PostgreSQL's drivers take a list of hosts."""
    monkeypatch.setattr(connecting, 'LOGIN', 2)
    url = sa.make_url(server.admin_url)
    several = url.set(drivername=driver, host=None, port=None, query={
        'host': [f'127.0.0.1:{silent}', f'127.0.0.1:{url.port}']})
    database = engines.Database(
        several.render_as_string(hide_password=False), 'DB')
    assert database.read(sa.select(sa.literal(1)), int) == [1]


def test_a_slow_statement_is_no_silence(server, driver, monkeypatch):
    """A query may take longer than a login."""
    monkeypatch.setattr(connecting, 'LOGIN', 0.5)
    database = admin(server, driver)
    sleep = 'pg_sleep' if 'postgresql' in server.url else 'sleep'
    assert database.read(sa.text(f'SELECT 1, {sleep}(1)'),
                         lambda one, slept: one) == [1]


ASK = '''
import os, signal, sys
# A shell lets what it runs in the background ignore this.
signal.signal(signal.SIGINT, signal.default_int_handler)
from rbd_mon_fix.clients import libvirt
hypervisor = libvirt.connect(sys.argv[1])
errors = hypervisor._connection_errors
hypervisor._connection_errors = lambda: (os.write(1, b'asking\\n'),
                                         errors())[1]
print('connected', flush=True)
sys.stdin.readline()
try:
    {}
except KeyboardInterrupt:
    hypervisor.close()
    sys.exit(7)
'''


@pytest.fixture
def daemon(tmp_path):
    with libvirtd.running(tmp_path / 'libvirtd', 'cmp1') as daemon:
        yield daemon


@pytest.mark.parametrize('ask', [
    'hypervisor.versions()',
    'hypervisor.concurrently(lambda n: hypervisor.domains(), range(9))'])
def test_a_signal_ends_a_call_of_libvirt(daemon, ask):
    with subprocess.Popen(
            [sys.executable, '-c', ASK.format(ask), daemon.uri],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'connected\n'
        with daemon.silenced():
            process.stdin.write('\n')
            process.stdin.flush()
            assert process.stdout.readline() == 'asking\n'
            started = time.monotonic()
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=ENDED)
            assert time.monotonic() - started < INTERRUPTED
    assert process.returncode == 7, err


def test_a_process_ends_that_does_not_close_its_connection(daemon):
    program = ASK.format('pass').partition('sys.stdin')[0]
    with subprocess.Popen(
            [sys.executable, '-c', program + 'sys.stdin.readline()',
             daemon.uri], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline()
        with daemon.silenced():
            assert process.communicate('\n', timeout=ENDED) == ('', '')
    assert process.returncode == 0


def test_a_libvirt_that_becomes_silent_is_lost(daemon, monkeypatch):
    monkeypatch.setattr(libvirt_connection, '_KEEPALIVE', (1, 1))
    hypervisor = libvirt.connect(daemon.uri)
    with daemon.silenced():
        for ask in (hypervisor.domains, hypervisor.versions,
                    lambda: hypervisor.concurrently(
                        lambda item: hypervisor.running(), range(9))):
            with pytest.raises(exceptions.Unreachable, match='cannot be used'):
                ask()
        hypervisor.close()


def test_a_libvirt_that_is_left_alone_stays_connected(daemon, monkeypatch):
    """The event loop answers for a program that does something else."""
    monkeypatch.setattr(libvirt_connection, '_KEEPALIVE', (1, 1))
    with contextlib.closing(libvirt.connect(daemon.uri)) as hypervisor:
        lost = hypervisor._connection.isAlive
        assert tenacity.Retrying(
            retry=tenacity.retry_if_result(bool),
            wait=tenacity.wait_fixed(0.5), stop=tenacity.stop_after_delay(4),
            retry_error_callback=lambda state: state.outcome.result())(lost)
        assert hypervisor.domains() == []
