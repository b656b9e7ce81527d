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

"""Limits of the waits for locks in databases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine

# The limit of a second, for the session, or for the transaction where a proxy
# may give each transaction another session (PgBouncer). A table that is being
# altered is another lock in MySQL (lock_wait_timeout).
_LIMITS = {
    **dict.fromkeys(('mysql', 'mariadb'), 'SET SESSION '
                    'innodb_lock_wait_timeout = 1, '
                    'SESSION lock_wait_timeout = 1'),
    'postgresql': "SET LOCAL lock_timeout = '1s'",
    'sqlite': 'PRAGMA busy_timeout = 1000',
}
_OF_TRANSACTION = ('postgresql',)

# The note of a limited session, in what SQLAlchemy keeps of a connection.
_LIMITED = 'rbd_mon_fix_limited'


def limit(connection: sa_engine.Connection) -> None:
    """Limit the waits of a connection, unless its session is limited.

    :param connection: of an open transaction, which a first one begins
    :raises SQLAlchemyError: the database rejects the limit
    """
    name = connection.dialect.name
    if name in _LIMITS and not connection.info.get(_LIMITED):
        connection.exec_driver_sql(_LIMITS[name]).close()
        connection.info[_LIMITED] = name not in _OF_TRANSACTION
