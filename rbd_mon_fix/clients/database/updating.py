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

"""UPDATEs that change several rows, each of which has a text of its own.

A statement for each row would cost a round trip for each.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import TYPE_CHECKING, Any, Callable, Mapping, Sequence

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine

# Rows that one UPDATE changes; what is left over is changed row by row.
# SQLAlchemy takes milliseconds to compile the UPDATE of another number.
TOGETHER = 20

# The parameters of one row.
Values = Mapping[str, object]
# Returns a parameter of one row, by name and type.
Parameter = Callable[[str, 'sa.types.TypeEngine[Any]'],
                     'sa.BindParameter[Any]']


@dataclasses.dataclass(frozen=True)
class Update:
    """The UPDATE of some rows, which changes each once at most.

    :param rows: returns the UPDATE of a number of rows, as ``update`` does;
        it is called for ``TOGETHER`` and for one
    :param time: the new ``updated_at``
    """

    rows: Callable[[int], sa.Update]
    time: datetime.datetime

    def execute(self, connection: sa_engine.Connection,
                values: Sequence[Values]) -> int:
        """Change rows, and return their number.

        :param values: the parameters of each row
        """
        whole = len(values) - len(values) % TOGETHER
        count = sum(self._execute(connection, TOGETHER, [
            values[start:start + TOGETHER]])
            for start in range(0, whole, TOGETHER))
        rest = [[each] for each in values[whole:]]
        return count + (self._execute(connection, 1, rest) if rest else 0)

    def _execute(self, connection: sa_engine.Connection, rows: int,
                 parts: Sequence[Sequence[Values]]) -> int:
        return connection.execute(self.rows(rows), [
            self.parameters(part) for part in parts]).rowcount

    def parameters(self, values: Sequence[Values]
                   ) -> dict[str, object]:
        """Return the parameters of one UPDATE.

        :param values: those of each row
        """
        return {'a_time': self.time, **{
            f'{name}_{number}': value for number, row in enumerate(values)
            for name, value in row.items()}}


def update(table: sa.Table, rows: int,
           unchanged: Callable[[Parameter], sa.ColumnElement[bool]]
           ) -> sa.Update:
    """Return the UPDATE of ``connection_info`` in a number of rows.

    Its parameters are ``a_time`` and, for each row, ``an_id``, ``a_new`` and
    those of ``unchanged``, with the number of the row.

    :param rows: the number
    :param unchanged: returns the condition that a row is as it was read;
        called with a function that returns the row's parameters
    """
    key, new = table.c.id, table.c.connection_info
    parameters = [_parameters(number) for number in range(rows)]
    made = sa.update(table).where(
        key.in_([each('an_id', key.type) for each in parameters]),
        sa.or_(*(sa.and_(key == each('an_id', key.type), unchanged(each))
                 for each in parameters)))
    for dialect in ('mysql', 'mariadb'):
        # In a small table, MySQL would rather read, and lock, all rows.
        made = made.with_hint('FORCE INDEX (PRIMARY)', dialect_name=dialect)
    return made.values(
        connection_info=sa.case(*(
            (key == each('an_id', key.type), each('a_new', new.type))
            for each in parameters)),
        updated_at=sa.bindparam('a_time'))


def _parameters(number: int) -> Parameter:
    def parameter(name: str, kind: sa.types.TypeEngine[Any]
                  ) -> sa.BindParameter[Any]:
        return sa.bindparam(f'{name}_{number}', type_=kind)
    return parameter
