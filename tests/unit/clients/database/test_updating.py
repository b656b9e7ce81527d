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

"""UPDATEs of several rows."""

from __future__ import annotations

import datetime

from hypothesis import given
from hypothesis import strategies as st
import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.mysql import mariadb
from sqlalchemy.dialects.postgresql import psycopg2

from rbd_mon_fix.clients.database import updating

NOW = datetime.datetime(2026, 11, 20, 2)
TABLE = sa.Table(
    'documents', sa.MetaData(), sa.Column('id', sa.Integer, primary_key=True),
    sa.Column('connection_info', sa.Text),
    sa.Column('updated_at', sa.DateTime))
UPDATE = updating.Update(lambda rows: updating.update(
    TABLE, rows, lambda parameter: TABLE.c.connection_info == parameter(
        'an_old', sa.Text())), NOW)


def values(number):
    return {'an_id': number, 'an_old': f'old {number}',
            'a_new': f'new {number}'}


def executed(stored, numbers):
    """Return the count, the statements, and the texts of all rows."""
    engine = sa.create_engine('sqlite://')
    statements = []
    with engine.begin() as connection:
        TABLE.create(connection)
        if stored:
            connection.execute(sa.insert(TABLE), [
                {'id': number, 'connection_info': text}
                for number, text in stored.items()])
        sa.event.listen(
            connection, 'before_cursor_execute',
            lambda connection, cursor, statement, parameters, context, many:
            statements.append(len(parameters) if many else statement.count(
                'WHEN')))
        count = UPDATE.execute(connection, list(map(values, numbers)))
        told = list(statements)
        texts = {key: (text, time) for key, text, time in
                 connection.execute(sa.select(TABLE))}
    engine.dispose()
    return count, told, texts


@pytest.mark.parametrize('rows, statements', [
    (0, []), (1, [1]), (20, [20]), (22, [20, 2]), (60, [20, 20, 20])])
def test_twenty_rows_at_once_and_the_rest_row_by_row(rows, statements):
    numbers = range(1, rows + 1)
    count, told, texts = executed(
        {number: f'old {number}' for number in numbers}, numbers)
    assert (count, told) == (rows, statements)
    assert texts == {number: (f'new {number}', NOW) for number in numbers}


@given(st.dictionaries(st.integers(1, 45), st.sampled_from(
    ['old', 'new', 'other'])), st.sets(st.integers(1, 45)))
def test_a_row_is_changed_if_it_is_as_it_was_read(stored, numbers):
    before = {number: f'{word} {number}' for number, word in stored.items()}
    due = {number for number in numbers if stored.get(number) == 'old'}
    count, _, texts = executed(before, sorted(numbers))
    assert count == len(due)
    assert texts == {
        number: (f'new {number}', NOW) if number in due else (text, None)
        for number, text in before.items()}


@pytest.mark.parametrize('dialect, hint', [
    (mysql.dialect(), True), (mariadb.MariaDBDialect(), True),
    (psycopg2.dialect(), False), (sqlite.dialect(), False)])
def test_mysql_reads_and_locks_no_other_rows(dialect, hint):
    words = str(UPDATE.rows(2).compile(dialect=dialect))
    assert words.startswith('UPDATE documents FORCE INDEX (PRIMARY) SET '
                            if hint else 'UPDATE documents SET ')
