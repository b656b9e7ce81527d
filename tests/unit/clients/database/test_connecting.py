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

"""Database servers that accept a connection, and then say nothing."""

from __future__ import annotations

import contextlib
from importlib import util
import signal
import socket
import subprocess
import sys
import time

import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import waiting
from rbd_mon_fix.clients.database import connecting
from rbd_mon_fix.clients.database import engine

DRIVERS = [
    'mysql+pymysql', 'postgresql+psycopg2',
    pytest.param('postgresql+psycopg', marks=pytest.mark.skipif(
        not util.find_spec('psycopg') or sa.__version__.startswith('1.'),
        reason='there is no psycopg 3, or SQLAlchemy does not know it'))]


@pytest.fixture
def silent():
    """Return the address of a server that never answers."""
    with socket.create_server(('127.0.0.1', 0)) as server:
        yield '{}:{}'.format(*server.getsockname())


@pytest.mark.parametrize('driver', DRIVERS)
def test_a_login_that_nobody_answers(silent, driver, monkeypatch):
    monkeypatch.setattr(connecting, 'LOGIN', 0.1)
    database = engine.Database(f'{driver}://nova:TOPSECRET@{silent}/x', 'DB')
    for act in (lambda: database.read(sa.select(sa.literal(1)), int),
                lambda: database.write(len),
                lambda: database.has_table('x')):
        with pytest.raises(exceptions.Unreachable,
                           match='does not answer') as caught:
            act()
        assert 'SECRET' not in str(caught.value)


@pytest.mark.parametrize('given, limit', [
    ({}, 9), ({'connect_timeout': '30'}, 30), ({'connect_timeout': '0'}, None),
    ({'connect_timeout': '-1'}, None),
    ({'connect_timeout': 'TOPSECRET'}, None)])
def test_the_limit_of_a_login(monkeypatch, given, limit):
    seen = []
    monkeypatch.setattr(waiting, 'answer',
                        lambda call, limit: seen.append(limit))
    dialect = sa.create_engine('mysql+pymysql://').dialect
    connecting._connect(dialect, None, [], {'host': 'db', **given})
    assert seen == [limit]


def of_hosts(driver, *addresses):
    hosts = '&'.join(f'host={address}' for address in addresses)
    return f'{driver}://nova:x@/nova?{hosts}'


@pytest.mark.parametrize('driver', DRIVERS[1:])
def test_no_host_of_a_list_answers(silent, driver, monkeypatch):
    monkeypatch.setattr(connecting, 'LOGIN', 0.1)
    made = connecting.open_url(of_hosts(driver, silent, silent))
    with pytest.raises(waiting.Silent):
        made.connect()


@pytest.mark.parametrize('driver', DRIVERS[1:])
def test_the_errors_of_all_hosts_of_a_list_are_one(silent, driver,
                                                   monkeypatch):
    monkeypatch.setattr(connecting, 'LOGIN', 0.1)
    refused = [f'127.0.0.1:{free_port()}' for _ in range(2)]
    made = connecting.open_url(of_hosts(driver, refused[0], silent,
                                        refused[1]))
    with pytest.raises(sa_exc.OperationalError) as caught:
        made.connect()
    assert str(caught.value.orig).count('Connection refused') == 2


def free_port():
    with socket.create_server(('127.0.0.1', 0)) as server:
        return server.getsockname()[1]


class Closed(Exception):
    """Nobody logs in here."""


@contextlib.contextmanager
def parameters(monkeypatch):
    """Yield the parameters of the next login."""
    seen = {}

    def connect(*arguments, **given):
        seen.update(given)
        raise Closed
    monkeypatch.setattr(pymysql.connections.Connection, '__init__', connect)
    yield seen


@pytest.mark.parametrize('query, read, write', [
    ('', 60, 60), ('?read_timeout=300', 300, 60),
    ('?read_timeout=5&write_timeout=6', 5, 6)])
def test_the_limits_of_a_statement(monkeypatch, query, read, write):
    with parameters(monkeypatch) as seen:
        made = connecting.open_url(f'mysql+pymysql://nova@db/nova{query}')
        with pytest.raises(Closed):
            made.connect()
    assert seen['read_timeout'] == read
    assert seen['write_timeout'] == write


SELECT = '''
import signal, socket, sys, threading
# A shell lets what it runs in the background ignore this.
signal.signal(signal.SIGINT, signal.default_int_handler)
from rbd_mon_fix.clients.database import connecting
with socket.create_server(('127.0.0.1', 0)) as server:
    port = server.getsockname()[1]
    made = connecting.open_url(f'{sys.argv[1]}://a:b@127.0.0.1:{port}/c')
    def told():
        kept = server.accept()
        print('accepted', flush=True)
        threading.Event().wait()
    threading.Thread(target=told, daemon=True).start()
    made.connect()
'''


@pytest.mark.parametrize('driver', DRIVERS)
def test_a_signal_ends_a_login(driver):
    with subprocess.Popen([sys.executable, '-c', SELECT, driver],
                          stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == 'accepted\n'
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=connecting.LOGIN)
        # A second is the aim; the machine may be busy.
        assert time.monotonic() - started < 5
    assert process.returncode == -signal.SIGINT, err


def test_the_account_is_unknown_without_a_server():
    made = connecting.open_url('mysql+pymysql://nova:x@127.0.0.1:1/nova')
    login = engine.urls.login('mysql://nova:x@127.0.0.1:1/nova')
    assert connecting.with_account(login, made) == login
