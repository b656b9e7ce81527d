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

"""Errors of databases in sentences, which never quote the database."""

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
from rbd_mon_fix.clients.database import urls

MYSQL = urls.login('mysql+pymysql://nova:TOPSECRET@db/nova_cell1')
POSTGRESQL = urls.login('postgresql://nova:TOPSECRET@db/nova_cell1')
SQLITE = urls.login('sqlite:////srv/nova.db')
SELECT = 'SELECT a FROM bdm JOIN instances ON x = y'


def mysql(code, text="column 'TOPSECRET' denied"):
    return pymysql.err.OperationalError(code, text)


def postgresql(code, text='"TOPSECRET" denied'):
    found = pg_errors.lookup(code)(text)
    found.__setstate__({'pgcode': code})
    return found


def explained(orig, login=MYSQL, statement=SELECT):
    error = errors.explain(
        sa_exc.OperationalError(statement, {}, orig), 'DB', login)
    assert 'SECRET' not in str(error)
    return error


@pytest.mark.parametrize('code, expected', [
    (2003, exceptions.Unreachable), (1146, exceptions.ConfigError),
    (1054, exceptions.ConfigError), (1049, exceptions.ConfigError),
    (1356, exceptions.ConfigError), (1205, errors.Held),
    (1213, exceptions.Unreachable), (1045, exceptions.Unreachable),
    (1142, exceptions.Unreachable)])
def test_the_class_of_our_error(code, expected):
    error = explained(mysql(code))
    assert type(error) is expected
    assert error.message.startswith('DB ')
    assert error.message.endswith(f' (MySQL error {code}).')
    assert error.hint


@pytest.mark.parametrize('orig, login, message', [
    (mysql(1045), MYSQL,
     'DB cannot be used: login refused for user nova (MySQL error 1045).'),
    (psycopg2.OperationalError(
        'FATAL:  password authentication failed for user "TOPSECRET"'),
     POSTGRESQL,
     'DB cannot be used: login refused for user nova (SQLSTATE 28P01).'),
    (mysql(1045), urls.login('mysql://db/nova'),
     'DB cannot be used: login refused (MySQL error 1045).'),
    (mysql(1146, "Table 'nova_cell1.bdm' TOPSECRET"), MYSQL,
     'DB has no table bdm in schema nova_cell1 (MySQL error 1146).'),
    (mysql(1146), MYSQL, 'DB has no table bdm or instances in schema '
     'nova_cell1 (MySQL error 1146).'),
    (mysql(1054, "Unknown column 'instances.hidden'"), MYSQL,
     'DB lacks a column of table instances in schema nova_cell1 (MySQL error '
     '1054).'),
    (postgresql('42P01', 'relation "bdm" TOPSECRET'), POSTGRESQL,
     'DB has no table bdm in the search_path of its user (SQLSTATE 42P01).'),
    (mysql(1049), MYSQL,
     'DB does not exist on that server (MySQL error 1049).'),
])
def test_what_an_error_is_about(orig, login, message):
    assert explained(orig, login).message == message


def test_a_table_that_sqlite_lacks():
    error = explained(sqlite3.OperationalError('no such table: bdm'), SQLITE)
    assert error.message.startswith('DB has no table bdm (')


@pytest.mark.parametrize('orig, login, statement, grant', [
    (mysql(1142), MYSQL, 'SELECT a FROM bdm',
     "GRANT SELECT ON nova_cell1.bdm TO 'nova'@'HOST';"),
    (mysql(1044), MYSQL, None,
     "GRANT SELECT, UPDATE ON nova_cell1.* TO 'nova'@'HOST';"),
    (postgresql('42501'), POSTGRESQL, 'UPDATE bdm SET a=b',
     'GRANT SELECT, UPDATE ON bdm TO nova;')])
def test_a_right_that_is_missing(orig, login, statement, grant):
    error = explained(orig, login, statement)
    assert 'a privilege is missing' in error.message
    assert error.hint == f"As the database's administrator: {grant}"


@pytest.mark.parametrize('error', [
    sa.exc.ResourceClosedError('TOPSECRET'),
    sa.exc.NoSuchTableError('TOPSECRET')])
def test_errors_of_sqlalchemy_itself(error):
    assert 'SECRET' not in str(errors.explain(error, 'DB', MYSQL))


def test_a_login_that_nobody_answers():
    error = errors.silent('DB')
    assert error.message == 'DB does not answer.'
    assert 'connect_timeout' in error.hint
