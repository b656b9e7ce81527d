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

"""Errors of databases in plain words, without any secret."""

import datetime
import logging
import time
import traceback

import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import engine

# Nothing listens on port 1.
MYSQL = 'mysql+pymysql://nova:TOPSECRET@127.0.0.1:1/nova'
ONE = sa.select(sa.literal(1))
DEADLOCK = sa_exc.OperationalError(
    'UPDATE', {}, pymysql.err.OperationalError(1213, 'TOPSECRET'))


@pytest.fixture
def database(tmp_path):
    return engine.Database(f'sqlite:///{tmp_path}/x', 'The database')


def failure(act):
    """Return the error that an action raises, and all text it may show."""
    with pytest.raises(exceptions.RbdMonFixError) as caught:
        act()
    error = caught.value
    shown = ''.join(traceback.format_exception(
        type(error), error, error.__traceback__))
    assert 'SECRET' not in shown
    assert error.message.endswith('.')
    assert error.hint
    return error


@pytest.mark.parametrize('url, name', [
    ('sqlite:////srv/nova.db', 'DB (sqlite /srv/nova.db)'),
    (MYSQL, 'DB (mysql nova at 127.0.0.1:1)'),
    ('mysql+pymysql://nova:TOPSECRET@db/nova?charset=utf8',
     'DB (mysql nova at db)'),
    ('mysql+pymysql://nova:%40TOP%2FSECRET@[fd00::1]:3306/nova',
     'DB (mysql nova at fd00::1:3306)'),
    ('mysql+pymysql://nova:TOP/SECRET@db/nova', 'DB (mysql nova at db)'),
    ('postgresql+psycopg2://nova:TOPSECRET@db/nova?password=TOPSECRET',
     'DB (postgresql nova at db)'),
])
def test_what_a_database_is_called(url, name):
    assert engine.Database(url, 'DB').name == name


@pytest.mark.parametrize('url, words', [
    ('', 'Invalid URL for DB'),
    ('TOPSECRET', 'Invalid URL for DB'),
    ('mysql:nova:TOPSECRET@db/nova', 'Invalid URL for DB'),
    ('mysql+pymysql://nova:TOPSECRET@db:port/nova', 'Invalid URL for DB'),
    ('mysql+pymysql://nova:A@TOP:SECRET@db/nova', 'Invalid URL for DB'),
    ('mysql+pymysql://nova:A@TOPSECRET@db/nova', 'more than one @.* %40'),
    ('mysql+pymysql://nova:A@TOP/SECRET@db/nova', 'more than one @.* %40'),
    ('nosql://nova:TOPSECRET@db/nova', r'DB \(nosql nova at db\) cannot be '
     'used: its engine or driver is unknown'),
    ('mysql+nodriver://nova:TOPSECRET@db/nova', 'driver is unknown'),
])
def test_urls_that_cannot_be_used(url, words, caplog):
    error = failure(lambda: engine.Database(url, 'DB'))
    assert isinstance(error, exceptions.ConfigError)
    with pytest.raises(exceptions.ConfigError, match=words):
        raise error
    assert 'SECRET' not in caplog.text


def test_a_driver_that_is_not_installed(monkeypatch):
    def missing(*args, **kwargs):
        raise ModuleNotFoundError('No TOPSECRET', name='MySQLdb')

    monkeypatch.setattr(sa, 'create_engine', missing)
    error = failure(lambda: engine.Database(MYSQL, 'DB'))
    assert 'Python module MySQLdb is not installed' in error.message
    assert 'Install' in error.hint


@pytest.mark.parametrize('query', [
    'TOPSECRET=1', 'connect_timeout=TOPSECRET', 'ssl_ca=/none/TOPSECRET'])
def test_parameters_of_a_url_that_the_driver_does_not_take(query):
    url = f'{MYSQL}?{query}'
    for act in (lambda: engine.Database(url, 'DB').read(ONE, int),
                lambda: engine.Database(url, 'DB').write(len)):
        error = failure(act)
        assert isinstance(error, exceptions.ConfigError)
        assert 'its driver' in error.message


def test_nobody_answers():
    database = engine.Database(MYSQL, 'DB')
    for act in (lambda: database.read(ONE, int),
                lambda: database.write(lambda connection: None)):
        error = failure(act)
        assert isinstance(error, exceptions.Unreachable)
        assert error.message.startswith(
            'DB (mysql nova at 127.0.0.1:1) cannot be reached (')
        assert '(MySQL error 2003)' in error.message


def raising(database, error):
    def work(connection):
        raise error
    return failure(lambda: database.write(work))


def test_a_message_of_the_database_is_never_shown(database, caplog):
    caplog.set_level(logging.DEBUG)
    error = raising(database, sa_exc.IntegrityError(
        'UPDATE x SET y = TOPSECRET', {'y': 'TOPSECRET'},
        pymysql.err.IntegrityError(1062, "Duplicate entry 'TOPSECRET'")))
    assert error.message.endswith('rejected the new values (MySQL error '
                                  '1062).')
    assert 'MySQL error 1062' in caplog.text
    assert 'SECRET' not in caplog.text


def test_our_own_errors_pass(database):
    def work(connection):
        raise exceptions.Conflict('Changed.', 'Look.')
    with pytest.raises(exceptions.Conflict):
        database.write(work)


def test_a_table_that_is_missing(database):
    error = failure(lambda: database.read(
        sa.select(sa.column('a')).select_from(sa.table('t')), str))
    assert isinstance(error, exceptions.ConfigError)
    assert ') has no table t (' in error.message
    assert 'db sync' in error.hint


def test_a_column_that_is_missing(database):
    database.write(lambda connection: connection.execute(
        sa.text('CREATE TABLE t (a)')))
    error = failure(lambda: database.read(
        sa.select(sa.column('b')).select_from(sa.table('t')), str))
    assert isinstance(error, exceptions.ConfigError)
    assert ') lacks a column of table t (' in error.message


def test_a_file_that_is_no_database(tmp_path):
    (tmp_path / 'x').write_text('no database' * 100)
    database = engine.Database(f'sqlite:///{tmp_path}/x', 'DB')
    error = failure(lambda: database.read(
        ONE.select_from(sa.table('t')), int))
    assert 'reported an error (' in error.message


def test_values_show_neither_in_errors_nor_in_the_log(database, caplog):
    caplog.set_level(logging.DEBUG)
    query = sa.select(sa.func.abs(sa.bindparam('a', 'TOPSECRET'), 1))
    error = failure(lambda: database.read(query, int))
    assert 'SQL' in error.message or 'Error' in error.message
    assert 'SECRET' not in caplog.text
    assert caplog.records


def test_work_is_done_as_a_whole_or_not_at_all(database):
    def make(connection):
        connection.execute(sa.text('CREATE TABLE t (a)'))

    def half(connection):
        connection.execute(sa.text('INSERT INTO t VALUES (1)'))
        raise exceptions.Conflict('Changed.', 'Look.')

    def whole(connection):
        connection.execute(sa.text('INSERT INTO t VALUES (2)'))
        return 'done'

    database.write(make)
    with pytest.raises(exceptions.Conflict):
        database.write(half)
    assert database.write(whole) == 'done'
    query = sa.select(sa.column('a')).select_from(sa.table('t'))
    assert database.read(query, int) == [2]


@pytest.fixture
def slept(monkeypatch):
    """Return the recorded sleep times; the sleeps take no time."""
    slept = []
    monkeypatch.setattr(time, 'sleep', slept.append)
    return slept


@pytest.mark.parametrize('deadlocks', [0, 1, 5])
def test_work_that_meets_deadlocks_is_repeated(database, slept, deadlocks):
    tries = []

    def work(connection):
        tries.append(connection)
        if len(tries) <= deadlocks:
            raise DEADLOCK
        return 'done'

    assert database.write(work) == 'done'
    assert len(tries) == deadlocks + 1
    assert len(slept) == deadlocks


def test_deadlocks_without_end(database, slept):
    error = raising(database, DEADLOCK)
    assert isinstance(error, exceptions.Unreachable)
    assert 0 < len(slept) < 20


def test_the_clock_is_utc_without_a_zone(database):
    found = database.clock()
    assert found.tzinfo is None
    now = datetime.datetime.now(datetime.timezone.utc)
    assert abs(now - found.replace(tzinfo=datetime.timezone.utc)
               ) < datetime.timedelta(minutes=1)


@pytest.mark.parametrize('url, expected', [
    ('mysql+pymysql://db/nova', 'mysql'),
    ('mariadb+pymysql://db/nova', 'mariadb'),
    ('postgresql+psycopg2://db/nova', 'postgresql'), ('sqlite://', 'sqlite')])
def test_dialect(url, expected):
    assert engine.Database(url, 'DB').dialect == expected


def undecodable(*columns):
    b'\xff'.decode()


def test_text_that_the_driver_cannot_decode(database):
    error = failure(lambda: database.write(undecodable))
    assert isinstance(error, exceptions.Unreachable)
    assert 'not valid in its encoding' in error.message


def test_a_name_that_the_driver_cannot_encode(database):
    query = sa.select(sa.literal('TOPSECRET\udcff'))
    error = failure(lambda: database.read(query, lambda *row: row))
    assert isinstance(error, exceptions.ConfigError)
    assert 'command line' in error.hint
