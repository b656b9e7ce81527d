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

"""Texts that are not valid in their encoding."""

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import psycopg2

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import texts


@pytest.fixture
def database(tmp_path):
    return engine.Database(f'sqlite:///{tmp_path}/x', 'The database')


STORED = [("CAST(x'6eff' AS TEXT)", 'n\\xff'), ("x'6e00c3a4'", 'n\0\xe4'),
          ("CAST(x'6e00ff' AS TEXT)", 'n\0\\xff'), ("'\xe4'", '\xe4'),
          ('NULL', None), ('7', 7)]


@pytest.mark.parametrize('stored, expected', STORED)
def test_bytes_that_are_no_text(database, stored, expected):
    query = sa.select(sa.literal_column(stored), sa.literal('beside'))
    assert database.read(query, lambda *row: row) == [(expected, 'beside')]


# A driver that decodes texts itself, and what it says.


class NotInRepertoire(Exception):
    """An error of PostgreSQL."""

    pgcode = '22021'


def by_driver(stored):
    return stored.decode()


def by_server(stored):
    try:
        return stored.decode()
    except UnicodeDecodeError:
        raise sa.exc.DataError('SELECT', {}, NotInRepertoire()) from None


TABLE = sa.Table('t', sa.MetaData(), sa.Column('id', sa.Integer),
                 sa.Column('name', sa.Text))


@pytest.fixture(params=[by_driver, by_server])
def strict(request, tmp_path, monkeypatch):
    """Return a database whose driver refuses what is not UTF-8."""
    monkeypatch.setattr(texts, '_accept', lambda connection, record: setattr(
        connection, 'text_factory', request.param))
    made = engine.Database(f'sqlite:///{tmp_path}/x', 'The database')
    made.write(TABLE.metadata.create_all)
    return made


@pytest.fixture
def statements(strict):
    """Return the statements that the database has got."""
    found = []
    sa.event.listen(strict._engine, 'before_cursor_execute',
                    lambda connection, cursor, statement, *rest:
                    found.append(statement))
    return found


def insert(database, *names):
    database.write(lambda connection: [connection.execute(sa.text(
        f'INSERT INTO t VALUES ({number}, {name})'))
        for number, name in enumerate(names)])


ALL = sa.select(TABLE.c.name).order_by(TABLE.c.id)
BAD = "CAST(x'7bc3a4ff' AS TEXT)"


def test_one_text_that_is_not_valid(strict):
    insert(strict, "'a'", BAD, "'ä'", 'NULL')
    assert strict.read(ALL, str) == ['a', '{\\xc3\\xa4\\xff', 'ä', 'None']


def test_a_second_query_only_after_an_error(strict, statements):
    insert(strict, "'a'", "'ä'")
    statements.clear()
    assert strict.read(ALL, str) == ['a', 'ä']
    assert len([each for each in statements if 'SELECT' in each]) == 1


def test_a_text_that_the_connection_cannot_carry_back(strict, monkeypatch):
    monkeypatch.setattr(texts, '_codec', lambda connection: 'cp1252')
    insert(strict, BAD, "'ä'", "'ą'")
    assert strict.read(ALL, str)[1:] == ['ä', '\\xc4\\x85']


@pytest.mark.parametrize('name, codec', [
    ('utf8', 'utf-8'), ('UTF8', 'utf-8'), ('cp1252', 'cp1252'),
    ('SQLASCII', 'ascii'), (None, 'ascii')])
def test_the_encoding_of_a_connection(name, codec):
    class Connection:
        connection = type('Driver', (), {'encoding': name})

    assert texts._codec(Connection) == codec


def test_any_other_error_is_told(strict):
    with pytest.raises(exceptions.ConfigError, match='no table'):
        strict.read(sa.select(sa.table('u', sa.column('id')).c.id), str)


@pytest.mark.parametrize('url, words', [
    ('mysql+pymysql://', ['charset(t.name) LIKE', 'CAST(t.name AS BINARY)',
                          'CAST(CAST(t.name AS CHAR CHARACTER SET utf8mb4) '
                          'AS BINARY)']),
    ('postgresql+psycopg2://', ['convert_to(t.name, CASE WHEN '
                                '(getdatabaseencoding() = '])])
def test_bytes_of_servers(url, words):
    dialect = sa.create_engine(url).dialect
    column = texts._as_bytes(dialect.name, TABLE.c.name)
    compiled = str(sa.select(column).compile(dialect=dialect))
    assert all(word in compiled for word in words), compiled
    assert texts._as_bytes(dialect.name, TABLE.c.id) is TABLE.c.id


@pytest.mark.parametrize('engine_name, dialect, expected', [
    ('mysql', mysql.dialect(), 'CAST(a AS BINARY) = CAST(%s AS BINARY)'),
    ('mariadb', mysql.dialect(), 'CAST(a AS BINARY) = CAST(%s AS BINARY)'),
    ('postgresql', psycopg2.dialect(), 'a = %(b)s'),
    ('sqlite', sqlite.dialect(), 'a = ?'),
])
def test_exactly(engine_name, dialect, expected):
    """The collations of MySQL and MariaDB ignore case and trailing blanks."""
    condition = texts.exactly(
        engine_name, sa.column('a', sa.Text),
        sa.bindparam('b', type_=sa.Text))
    assert str(condition.compile(dialect=dialect)) == expected
