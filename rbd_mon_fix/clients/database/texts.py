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

SQLite checks neither the encoding of a text nor the type of a column; one
such row must not stop the query for all others. MySQL and PostgreSQL check
both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Iterable

import sqlalchemy as sa

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine


def accept_all(engine: sa_engine.Engine) -> None:
    """Make SQLite return every text; no document survives the escapes."""
    if engine.dialect.name == 'sqlite':
        sa.event.listen(engine, 'connect', _accept)


def columns(row: Iterable[Any]) -> list[Any]:
    """Return the columns of a row, with binary values as text."""
    return [_escaped(value) if isinstance(value, bytes) else value
            for value in row]


def _accept(connection: Any, record: object) -> None:
    connection.text_factory = _escaped


def _escaped(stored: bytes) -> str:
    return stored.decode(errors='backslashreplace')
