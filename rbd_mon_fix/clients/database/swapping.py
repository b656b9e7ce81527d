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

"""Compare-and-swap of rows, decided by the row counts of UPDATEs.

Reading the text afterwards proves nothing: another writer may have written
the same text.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Collection,
    Generic,
    Mapping,
    Optional,
    Protocol,
    Sequence,
    TypeVar,
)

import sqlalchemy as sa

from rbd_mon_fix.clients.database import batching
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import errors
from rbd_mon_fix.clients.database import texts
from rbd_mon_fix.clients.database import updating

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine

Key = TypeVar('Key', int, str)

# The parameters of the UPDATE, by the key of the row.
Values = Mapping[Key, updating.Values]
Write = Callable[['sa_engine.Connection', updating.Update, Values[Key]],
                 Mapping[Key, 'Fate']]


class _Unclear(Exception):
    """The count of all rows does not tell what happened to each."""


class Row(Protocol):
    """A row with a unique key."""

    @property
    def id(self) -> object:
        """Return the key."""


R = TypeVar('R', bound=Row)


class Fate(enum.Enum):
    """The outcome of the UPDATE of one row."""

    WRITTEN = 'the UPDATE changed exactly one row'
    CHANGED = 'the row was changed or deleted since it was read'
    BUSY = 'the server is busy, or no longer on this host'
    HELD = 'another transaction holds the row'


@dataclasses.dataclass(frozen=True)
class Swapped(Generic[R]):
    """The outcome for one row.

    :param after: the row at the end of the same transaction; None if it is
        deleted
    """

    fate: Fate
    after: Optional[R]

    @property
    def written(self) -> bool:
        """Return whether the UPDATE changed exactly one row."""
        return self.fate is Fate.WRITTEN


@dataclasses.dataclass(frozen=True)
class Statements(Generic[Key, R]):
    """How rows of a table are locked, written and read.

    :param idle: locks what must not change during the write, and returns
        the keys of the rows that may be written
    :param update: changes rows only if unchanged since they were read
    :param query: returns the query for rows by key
    :param row: called with the columns of each row
    """

    idle: Callable[[sa_engine.Connection, Sequence[Key]], Collection[Key]]
    update: updating.Update
    query: Callable[[Sequence[Key]], sa.Select[Any]]
    row: Callable[..., R]


def swap(database: engine.Database, statements: Statements[Key, R],
         values: Values[Key]) -> dict[Key, Swapped[R]]:
    """Update rows, and reread them, in one transaction.

    A transaction repeated after a deadlock restarts the counts.

    Databases count the rows of an UPDATE, and drivers those of several,
    together. If that is the number of rows, each has been changed; if not,
    nothing is kept, and all are repeated one by one, so that each has a count
    of its own.

    If another transaction holds a row, each row is written in a transaction
    of its own, so that the others are not stopped.

    :param values: the parameters of the UPDATE, by the key of the row
    :raises Unreachable: the connection to the database was lost
    """
    def together(connection: sa_engine.Connection
                 ) -> dict[Key, Swapped[R]]:
        return _swap(connection, statements, values, _all_written)

    def counted(connection: sa_engine.Connection
                ) -> dict[Key, Swapped[R]]:
        return _swap(connection, statements, values, _fates)

    try:
        try:
            return database.write(together)
        except _Unclear:
            return database.write(counted)
    except errors.Held:
        return {key: _alone(database, statements, key, each)
                for key, each in values.items()}


def _alone(database: engine.Database, statements: Statements[Key, R], key: Key,
           values: Mapping[str, object]) -> Swapped[R]:
    """Write one row in a transaction of its own, or find that it is held."""
    def work(connection: sa_engine.Connection) -> Swapped[R]:
        return _swap(connection, statements, {key: values}, _fates)[key]

    try:
        return database.write(work, lock_attempts=1)
    except errors.Held:
        return Swapped(Fate.HELD, None)


def _swap(connection: sa_engine.Connection, statements: Statements[Key, R],
          values: Values[Key], write: Write[Key]) -> dict[Key, Swapped[R]]:
    """Write rows and reread them.

    :param write: writes the rows that may be written
    """
    idle = set(statements.idle(connection, list(values)))
    written = write(connection, statements.update, {
        key: each for key, each in values.items() if key in idle})
    fates = {key: written.get(key, Fate.BUSY) for key in values}
    after = {found.id: found for batch in batching.batches(values)
             for found in (statements.row(*texts.columns(row)) for row
                           in texts.stored(connection,
                                           statements.query(batch)))}
    return {key: Swapped(fate, after.get(key)) for key, fate in fates.items()}


def _all_written(connection: sa_engine.Connection, update: updating.Update,
                 values: Values[Key]) -> Mapping[Key, Fate]:
    """Write all rows at once.

    :raises _Unclear: some of the rows are not as they were read
    """
    if values:
        if update.execute(connection, list(values.values())) != len(values):
            raise _Unclear
    return dict.fromkeys(values, Fate.WRITTEN)


def _fates(connection: sa_engine.Connection, update: updating.Update,
           values: Values[Key]) -> Mapping[Key, Fate]:
    """Write rows one by one."""
    return {key: Fate.WRITTEN if update.execute(connection, [each]) == 1
            else Fate.CHANGED for key, each in values.items()}
