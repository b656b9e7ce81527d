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

"""Errors of databases are told by their codes, and their texts not shown."""

from __future__ import annotations

import sqlite3

import psycopg2
from psycopg2 import errors as pg_errors
import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import errors

Trouble = errors.Trouble


def mysql(code):
    return pymysql.err.OperationalError(code, "column 'TOPSECRET' denied")


def postgresql(code):
    found = pg_errors.lookup(code)('column "TOPSECRET" denied')
    found.__setstate__({'pgcode': code})
    return found


class Modern(Exception):
    """An error of psycopg 3, whose code is an attribute of its class."""

    sqlstate = '55P03'


class Connector(Exception):
    """An error of MySQL's own driver, which has a SQLSTATE as well."""

    errno = 1205
    sqlstate = 'HY000'


def sqlite(statement):
    connection = sqlite3.connect(':memory:')
    try:
        with pytest.raises(sqlite3.Error) as caught:
            connection.execute(statement)
    finally:
        connection.close()
    return caught.value


@pytest.mark.parametrize('orig, kind, label', [
    (mysql(2003), Trouble.LOST, 'MySQL error 2003'),
    (mysql(2013), Trouble.LOST, 'MySQL error 2013'),
    (mysql(1040), Trouble.LOST, 'MySQL error 1040'),
    (mysql(1049), Trouble.SCHEMA, 'MySQL error 1049'),
    (mysql(1054), Trouble.SCHEMA, 'MySQL error 1054'),
    (mysql(1045), Trouble.DENIED, 'MySQL error 1045'),
    (mysql(1143), Trouble.DENIED, 'MySQL error 1143'),
    (mysql(1290), Trouble.READ_ONLY, 'MySQL error 1290'),
    (mysql(1406), Trouble.VALUES, 'MySQL error 1406'),
    (mysql(1062), Trouble.VALUES, 'MySQL error 1062'),
    (mysql(1213), Trouble.DEADLOCK, 'MySQL error 1213'),
    (mysql(1205), Trouble.HELD, 'MySQL error 1205'),
    (mysql(9999), Trouble.OTHER, 'MySQL error 9999'),
    (pymysql.err.InterfaceError(0, ''), Trouble.LOST, 'InterfaceError'),
    (Connector('TOPSECRET'), Trouble.HELD, 'MySQL error 1205'),
    (postgresql('57P01'), Trouble.LOST, 'SQLSTATE 57P01'),
    (postgresql('53300'), Trouble.LOST, 'SQLSTATE 53300'),
    (postgresql('28P01'), Trouble.DENIED, 'SQLSTATE 28P01'),
    (postgresql('42501'), Trouble.DENIED, 'SQLSTATE 42501'),
    (postgresql('42703'), Trouble.SCHEMA, 'SQLSTATE 42703'),
    (postgresql('3D000'), Trouble.SCHEMA, 'SQLSTATE 3D000'),
    (postgresql('25006'), Trouble.READ_ONLY, 'SQLSTATE 25006'),
    (postgresql('22001'), Trouble.VALUES, 'SQLSTATE 22001'),
    (postgresql('23505'), Trouble.VALUES, 'SQLSTATE 23505'),
    (postgresql('40P01'), Trouble.DEADLOCK, 'SQLSTATE 40P01'),
    (postgresql('40001'), Trouble.DEADLOCK, 'SQLSTATE 40001'),
    (postgresql('55P03'), Trouble.HELD, 'SQLSTATE 55P03'),
    (postgresql('XX000'), Trouble.OTHER, 'SQLSTATE XX000'),
    (psycopg2.OperationalError('TOPSECRET'), Trouble.LOST, 'OperationalError'),
    (Modern('TOPSECRET'), Trouble.HELD, 'SQLSTATE 55P03'),
    (sqlite3.OperationalError('database is locked'), Trouble.HELD,
     'OperationalError'),
    (sqlite3.OperationalError('attempt to write a readonly database'),
     Trouble.READ_ONLY, 'OperationalError'),
    (sqlite3.OperationalError('no such column: TOPSECRET'), Trouble.SCHEMA,
     'OperationalError'),
    (sqlite3.DatabaseError('TOPSECRET'), Trouble.OTHER, 'DatabaseError'),
    (Exception(), Trouble.LOST, 'Exception'),
])
def test_kinds_and_labels(orig, kind, label):
    error = sa_exc.OperationalError('UPDATE', {}, orig)
    assert errors.kind(error) is kind
    assert errors.label(error) == label
    assert 'SECRET' not in str(errors.explain(error, 'DB'))


def test_a_code_of_sqlite():
    error = sa_exc.OperationalError('SELECT', {}, sqlite('SELECT x'))
    assert errors.kind(error) is Trouble.SCHEMA
    assert errors.label(error) in ('SQLITE_ERROR', 'OperationalError')


@pytest.mark.parametrize('code, expected', [
    (2003, exceptions.Unreachable), (1146, exceptions.ConfigError),
    (1205, errors.Held), (1213, exceptions.Unreachable),
    (1045, exceptions.Unreachable)])
def test_the_class_of_our_error(code, expected):
    error = errors.explain(sa_exc.OperationalError('', {}, mysql(code)), 'DB')
    assert type(error) is expected
    assert error.message.startswith('DB ')
    assert error.message.endswith(f' (MySQL error {code}).')
    assert error.hint


@pytest.mark.parametrize('error, kind', [
    (sa.exc.ResourceClosedError('TOPSECRET'), Trouble.OTHER),
    (sa.exc.NoSuchTableError('TOPSECRET'), Trouble.OTHER)])
def test_errors_of_sqlalchemy_itself(error, kind):
    assert errors.kind(error) is kind
    assert 'SECRET' not in str(errors.explain(error, 'DB'))
