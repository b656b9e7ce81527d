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

"""Compare-and-swap of rows, decided by the row count of each UPDATE.

Reading the text afterwards proves nothing: another writer may have written
the same text.
"""

from __future__ import annotations

import dataclasses
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Generic,
    Mapping,
    Optional,
    Protocol,
    Sequence,
    TypeVar,
)

import sqlalchemy as sa

from rbd_mon_fix.clients.database import engine

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine

Key = TypeVar('Key', int, str)


class Row(Protocol):
    """A row with a unique key."""

    @property
    def id(self) -> object:
        """Return the key."""


R = TypeVar('R', bound=Row)


@dataclasses.dataclass(frozen=True)
class Swapped(Generic[R]):
    """The outcome for one row.

    :param written: the UPDATE for the row changed exactly one row
    :param after: the row at the end of the same transaction; None if it is
        deleted
    """

    written: bool
    after: Optional[R]


def swap(database: engine.Database, statement: sa.Update,
         values: Mapping[Key, Mapping[str, object]],
         query: Callable[[Sequence[Key]], sa.Select[Any]],
         row: Callable[..., R]) -> dict[Key, Swapped[R]]:
    """Update rows one by one, and reread them, in one transaction.

    A transaction repeated after a deadlock restarts the counts. executemany
    is not used: drivers return one count for all rows, and still send the
    statements one by one.

    :param statement: changes a row only if unchanged since it was read
    :param values: the parameters of the statement, by the key of the row
    :param query: returns the query for rows by key
    :param row: called with the columns of each row
    :raises Unreachable: the connection to the database was lost
    """
    def work(connection: sa_engine.Connection) -> dict[Key, Swapped[R]]:
        counts = {key: connection.execute(statement, each).rowcount
                  for key, each in values.items()}
        after = {found.id: found for batch in engine.batches(values)
                 for found in (row(*columns) for columns
                               in connection.execute(query(batch)))}
        return {key: Swapped(count == 1, after.get(key))
                for key, count in counts.items()}

    return database.write(work)
