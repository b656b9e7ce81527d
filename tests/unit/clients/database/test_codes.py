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

"""The kinds of errors are told by their codes."""

from __future__ import annotations

import socket
import sqlite3

import psycopg2
from psycopg2 import errors as pg_errors
import pymysql
import pytest
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rbd_mon_fix.clients.database import codes

Trouble = codes.Trouble


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
    (mysql(1049), Trouble.DATABASE, 'MySQL error 1049'),
    (mysql(1054), Trouble.COLUMN, 'MySQL error 1054'),
    (mysql(1146), Trouble.TABLE, 'MySQL error 1146'),
    (mysql(1130), Trouble.LOGIN, 'MySQL error 1130'),
    (mysql(1044), Trouble.PRIVILEGE, 'MySQL error 1044'),
    (mysql(1227), Trouble.DENIED, 'MySQL error 1227'),
    (mysql(1045), Trouble.LOGIN, 'MySQL error 1045'),
    (mysql(1143), Trouble.PRIVILEGE, 'MySQL error 1143'),
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
    (postgresql('28P01'), Trouble.LOGIN, 'SQLSTATE 28P01'),
    (postgresql('42501'), Trouble.PRIVILEGE, 'SQLSTATE 42501'),
    (postgresql('42P01'), Trouble.TABLE, 'SQLSTATE 42P01'),
    (postgresql('42P02'), Trouble.SCHEMA, 'SQLSTATE 42P02'),
    (postgresql('42703'), Trouble.COLUMN, 'SQLSTATE 42703'),
    (postgresql('3D000'), Trouble.DATABASE, 'SQLSTATE 3D000'),
    (postgresql('25006'), Trouble.READ_ONLY, 'SQLSTATE 25006'),
    (postgresql('22001'), Trouble.VALUES, 'SQLSTATE 22001'),
    (postgresql('23505'), Trouble.VALUES, 'SQLSTATE 23505'),
    (postgresql('40P01'), Trouble.DEADLOCK, 'SQLSTATE 40P01'),
    (postgresql('40001'), Trouble.DEADLOCK, 'SQLSTATE 40001'),
    (postgresql('55P03'), Trouble.HELD, 'SQLSTATE 55P03'),
    (postgresql('XX000'), Trouble.OTHER, 'SQLSTATE XX000'),
    (psycopg2.OperationalError(
        'FATAL:  password authentication failed for user "TOPSECRET"'),
     Trouble.LOGIN, 'SQLSTATE 28P01'),
    (psycopg2.OperationalError('FATAL:  role "TOPSECRET" does not exist'),
     Trouble.LOGIN, 'SQLSTATE 28000'),
    (psycopg2.OperationalError('FATAL:  database "x" does not exist'),
     Trouble.DATABASE, 'SQLSTATE 3D000'),
    (psycopg2.OperationalError('FATAL:  permission denied for database "x"'),
     Trouble.PRIVILEGE, 'SQLSTATE 42501'),
    (psycopg2.OperationalError('TOPSECRET'), Trouble.LOST, 'OperationalError'),
    (Modern('TOPSECRET'), Trouble.HELD, 'SQLSTATE 55P03'),
    (sqlite3.OperationalError('database is locked'), Trouble.HELD,
     'OperationalError'),
    (sqlite3.OperationalError('attempt to write a readonly database'),
     Trouble.READ_ONLY, 'OperationalError'),
    (sqlite3.OperationalError('no such column: TOPSECRET'), Trouble.COLUMN,
     'OperationalError'),
    (sqlite3.DatabaseError('TOPSECRET'), Trouble.OTHER, 'DatabaseError'),
    (Exception(), Trouble.LOST, 'Exception'),
])
def test_kinds_and_labels(orig, kind, label):
    error = sa_exc.OperationalError('UPDATE', {}, orig)
    assert codes.kind(error) is kind
    assert codes.label(error) == label


def test_a_code_of_sqlite():
    error = sa_exc.OperationalError('SELECT', {}, sqlite('SELECT x'))
    assert codes.kind(error) is Trouble.COLUMN
    assert codes.label(error) in ('SQLITE_ERROR', 'OperationalError')


@pytest.mark.parametrize('error, kind', [
    (sa.exc.ResourceClosedError('TOPSECRET'), Trouble.OTHER),
    (sa.exc.NoSuchTableError('TOPSECRET'), Trouble.OTHER)])
def test_errors_of_sqlalchemy_itself(error, kind):
    assert codes.kind(error) is kind


@pytest.mark.parametrize('error', [TimeoutError, socket.timeout])
def test_a_statement_that_nobody_answers(error):
    orig = mysql(2013)
    orig.__context__ = error()
    wrapped = sa_exc.OperationalError('SELECT', {}, orig)
    assert codes.kind(wrapped) is Trouble.SILENT
