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

"""An audit of every write, kept by triggers in the databases themselves.

A trigger runs in the transaction of the write and sees the row as it was and
as it is, so the audit holds exactly the writes that were committed, in the
order in which they changed each row.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import sqlite3
from typing import Any, Callable, Iterator

import sqlalchemy as sa

# The writer that has not signed its connections.
FOREIGN = 'foreign'

_COLUMNS = ('(n {number}, table_key VARCHAR(64), writer VARCHAR(64), '
            'old {text}, new {text}, idle INTEGER)')
_NUMBERS = {'sqlite': 'INTEGER PRIMARY KEY AUTOINCREMENT',
            'mysql': 'BIGINT PRIMARY KEY AUTO_INCREMENT',
            'postgresql': 'BIGSERIAL PRIMARY KEY'}
_TEXTS = {'mysql': 'MEDIUMTEXT'}
_WRITERS = {'sqlite': 'writer()', 'mysql': f"COALESCE(@writer, '{FOREIGN}')",
            'postgresql': "current_setting('application_name')"}
_TRIGGERS = {
    'sqlite': ['''CREATE TRIGGER audited AFTER UPDATE ON {table}
        WHEN OLD.connection_info IS NOT NEW.connection_info
        BEGIN {insert}; END'''],
    'mysql': ['''CREATE TRIGGER audited AFTER UPDATE ON {table} FOR EACH ROW
        IF NOT (BINARY OLD.connection_info <=> BINARY NEW.connection_info)
        THEN {insert}; END IF'''],
    'postgresql': ['''CREATE FUNCTION audited() RETURNS trigger AS $$
        BEGIN {insert}; RETURN NEW; END $$ LANGUAGE plpgsql''',
                   '''CREATE TRIGGER audited AFTER UPDATE ON {table}
        FOR EACH ROW WHEN (OLD.connection_info
                           IS DISTINCT FROM NEW.connection_info)
        EXECUTE FUNCTION audited()''']}
_INSERT = '''INSERT INTO audit (table_key, writer, old, new, idle)
    VALUES (NEW.id, {writer}, OLD.connection_info, NEW.connection_info,
            {idle})'''

# Whether the tool may write the row at this moment.
IDLE = {'block_device_mapping': '''(SELECT count(*) FROM instances
            WHERE uuid = NEW.instance_uuid AND host = 'cmp1'
            AND task_state IS NULL AND deleted = 0 AND OLD.deleted = 0)''',
        'volume_attachment': '(CASE WHEN OLD.deleted THEN 0 ELSE 1 END)'}


@dataclasses.dataclass(frozen=True)
class Write:
    """One committed write of a document.

    :param key: of the row
    :param idle: whether the tool was allowed to write the row
    """

    key: str
    writer: str
    old: str
    new: str
    idle: bool


def install(url: str, table: str) -> None:
    """Create the audit of a table that has a connection_info.

    :param url: of the database, which signs its connections
    """
    engine = sa.create_engine(url, isolation_level='AUTOCOMMIT')
    dialect = engine.dialect.name
    insert = _INSERT.format(writer=_WRITERS[dialect], idle=IDLE[table])
    with engine.connect() as connection:
        for statement in (
                'CREATE TABLE audit ' + _COLUMNS.format(
                    number=_NUMBERS[dialect],
                    text=_TEXTS.get(dialect, 'TEXT')),
                *(each.format(table=table, insert=insert)
                  for each in _TRIGGERS[dialect])):
            connection.exec_driver_sql(statement)
    engine.dispose()


def take(engine: sa.Engine) -> list[Write]:
    """Return the writes since the last call, in order, and forget them."""
    with engine.begin() as connection:
        found = connection.execute(sa.text(
            'SELECT n, table_key, writer, old, new, idle FROM audit '
            'ORDER BY n')).all()
        if found:
            connection.execute(sa.text('DELETE FROM audit WHERE n <= :last'),
                               {'last': found[-1].n})
    return [Write(row.table_key, row.writer, row.old, row.new,
                  bool(row.idle)) for row in found]


def sign(name: str) -> None:
    """Have the databases know all connections of this process by a name."""
    sa.event.listen(sa.Engine, 'connect', _signer(name))


@contextlib.contextmanager
def signed(name: str) -> Iterator[None]:
    """Have the databases know new connections by a name, for a block."""
    signer = _signer(name)
    sa.event.listen(sa.Engine, 'connect', signer)
    yield
    sa.event.remove(sa.Engine, 'connect', signer)


def _signer(name: str) -> Callable[[Any, object], None]:
    def sign(connection: Any, record: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.create_function('writer', 0, lambda: name)
            return
        statement = ('SET @writer = %s' if 'pymysql' in type(
            connection).__module__ else 'SET application_name = %s')
        with connection.cursor() as cursor:
            cursor.execute(statement, (name,))
        connection.commit()

    return sign


def digest(text: str) -> str:
    """Return a short name for a text."""
    return hashlib.md5(text.encode()).hexdigest()


def without_monitors(text: str) -> tuple[object, int]:
    """Return what a refresh must not change.

    :returns: the document without addresses, and the number of blanks at
        its end
    """
    document = json.loads(text)
    for part in (document, document.get('data', {})):
        part.pop('hosts', None)
        part.pop('ports', None)
    return document, len(text) - len(text.rstrip())
