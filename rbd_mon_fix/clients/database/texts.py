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

"""Texts of columns, whatever bytes are stored there.

One row that is not valid in its encoding must not stop the query for all
others. SQLite checks neither encodings nor types. MySQL and PostgreSQL check
what they are given, but not what an upgrade or a foreign copy left in the
files; a PostgreSQL database of encoding SQL_ASCII holds any bytes. Texts are
read as texts; only if that fails, they are read again as bytes.
"""

from __future__ import annotations

import codecs
import contextlib
from typing import TYPE_CHECKING, Any, Iterable, Optional, Sequence

import sqlalchemy as sa
from sqlalchemy import exc as sa_exc
from sqlalchemy.dialects import mysql

from rbd_mon_fix.clients.database import codes

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine


class Undecodable(contextlib.AbstractContextManager['Undecodable']):
    """Suppresses the error of a query whose texts cannot be decoded.

    It is the driver's, or PostgreSQL's, which checks texts that it sends to a
    client with another encoding.
    """

    def __exit__(self, kind: object, error: Optional[BaseException],
                 trace: object) -> bool:
        """Return whether the query can be repeated with ``stored``."""
        return isinstance(error, UnicodeDecodeError) or (
            isinstance(error, sa_exc.DBAPIError) and codes.is_encoding(error))


def accept_all(engine: sa_engine.Engine) -> None:
    """Make SQLite return every text; no document survives the escapes."""
    if engine.dialect.name == 'sqlite':
        sa.event.listen(engine, 'connect', _accept)


def columns(row: Iterable[Any]) -> list[Any]:
    """Return the columns of a row, with binary values as text."""
    return [_escaped(value) if isinstance(value, bytes) else value
            for value in row]


def stored(connection: sa_engine.Connection,
           query: sa.Select[Any]) -> list[Sequence[Any]]:
    """Return the rows of a query, whatever bytes their texts have.

    A text that the connection could not carry back, in a comparison, is
    escaped like one that is not valid.
    """
    engine = connection.dialect.name
    found = connection.execute(query.with_only_columns(
        *[_as_bytes(engine, column) for column in query.selected_columns],
        maintain_column_froms=True)).all()
    codec = _codec(connection)
    return [[_carried(value, codec) if isinstance(value, bytes) else value
             for value in row] for row in found]


def exactly(engine: str, column: sa.ColumnElement[str],
            value: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Return the condition that two texts are equal, byte for byte.

    MySQL's collations ignore case and trailing spaces; PostgreSQL and
    SQLite compare bytes anyway.
    """
    if engine in ('mysql', 'mariadb'):
        return (sa.cast(column, sa.LargeBinary)
                == sa.cast(value, sa.LargeBinary))
    return column == value


def _as_bytes(engine: str, column: sa.ColumnElement[Any]
              ) -> sa.ColumnElement[Any]:
    """Return a column of texts as bytes, in UTF-8 if they are valid.

    MySQL replaces what is not valid when it converts a text, so what should
    be in UTF-8 is not converted; nor is SQL_ASCII, of which PostgreSQL does
    not know the encoding.
    """
    if not isinstance(column.type, sa.String):
        return column
    if engine in ('mysql', 'mariadb'):
        converted = sa.cast(column, mysql.CHAR(charset='utf8mb4'))
        return sa.case(
            (sa.func.charset(column).like('utf8%'),
             sa.cast(column, sa.LargeBinary)),
            else_=sa.cast(converted, sa.LargeBinary)).label(column.key)
    if engine == 'postgresql':
        of_database = sa.func.getdatabaseencoding()
        return sa.func.convert_to(
            column, sa.case((of_database == 'SQL_ASCII', 'SQL_ASCII'),
                            else_='UTF8'), type_=sa.LargeBinary
            ).label(column.key)
    return sa.cast(column, sa.LargeBinary).label(column.key)


def _codec(connection: sa_engine.Connection) -> str:
    """Return Python's name of a connection's encoding."""
    name = getattr(connection.connection, 'encoding', 'utf-8')
    try:
        return codecs.lookup(name).name
    except (LookupError, TypeError):
        return 'ascii'


def _carried(value: bytes, codec: str) -> str:
    try:
        text = value.decode()
        text.encode(codec)
    except UnicodeError:
        return value.decode('ascii', errors='backslashreplace')
    return text


def _accept(connection: Any, record: object) -> None:
    connection.text_factory = _escaped


def _escaped(stored: bytes) -> str:
    return stored.decode(errors='backslashreplace')
