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

"""Database connections, transactions, retries and errors."""

from __future__ import annotations

import contextlib
import datetime
from typing import (
    TYPE_CHECKING,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    TypeVar,
    Union,
)

from oslo_db import api as db_api
from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import exc_filters
from oslo_log import log as logging
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import urls

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine

LOG = logging.getLogger(__name__)

Result = TypeVar('Result')
Key = TypeVar('Key', int, str)

# When two transactions touch the same rows, Galera reports a deadlock at
# the commit of one of them. MySQL and PostgreSQL have real deadlocks too.
_DEADLOCK_RETRIES = 5

# Seconds after which a connection is replaced: proxies cut idle ones.
_RECYCLE = 600

# Databases limit the number of parameters of a statement; older versions
# of SQLite to 999.
_BATCH = 900


class Database:
    """One database of Nova or Cinder.

    :param url: as in ``[database] connection``; never shown
    :param name: shown to operators, such as "Nova's cell database"
    :raises ConfigError: the URL is invalid, or its driver is missing
    """

    def __init__(self, url: str, name: str):
        self.name = f'{name} ({urls.describe(url, name)})'
        try:
            # Documents hold keyrings, so errors must not show parameters.
            # oslo.db's own create_engine would load the whole ORM.
            self._engine = sa.create_engine(
                url, pool_recycle=_RECYCLE, pool_pre_ping=True,
                hide_parameters=True)
        except (sa_exc.ArgumentError, ImportError, TypeError,
                ValueError) as error:
            raise exceptions.ConfigError(
                f'{self.name} cannot be used: {_driver_trouble(error)}.',
                'Install the Python driver that [database] connection '
                'names, or correct the URL.') from None
        exc_filters.register_engine(self._engine)

    def read(self, query: sa.Executable,
             row: Callable[..., Result]) -> list[Result]:
        """Return all rows of a query.

        :param row: called with the columns of each row
        :raises Unreachable: the database is down, or rejects the login
        :raises ConfigError: the schema is not the expected one
        """
        with self._errors(), self._connect() as connection:
            found = connection.execute(query).all()
        return [row(*columns) for columns in found]

    def has_table(self, name: str) -> bool:
        """Return whether a table exists; older releases have fewer.

        :raises Unreachable: the database is down, or rejects the login
        """
        with self._errors(), self._engine.connect() as connection:
            return bool(sa.inspect(connection).has_table(name))

    def write(self, work: Callable[[sa_engine.Connection], Result]
              ) -> Result:
        """Do work in one transaction, repeated after a deadlock.

        :param work: called with the connection; must be safe to repeat
        :raises Unreachable: the connection to the database was lost
        """
        def transact() -> Result:
            with self._connect() as connection, connection.begin():
                if connection.dialect.name == 'sqlite':
                    # The driver would begin at the first write only, after
                    # the reads that decide about the write.
                    connection.exec_driver_sql('BEGIN IMMEDIATE')
                return work(connection)
        retry = db_api.wrap_db_retry(
            max_retries=_DEADLOCK_RETRIES, retry_interval=1,
            inc_retry_interval=True, jitter=True, retry_on_deadlock=True)
        with self._errors():
            result: Result = retry(transact)()
        return result

    def rehearse(self, *statements: tuple[
            sa.Executable, Mapping[str, object]]) -> None:
        """Execute statements that match no row, and roll them back.

        Every engine checks privileges before it looks for rows: MySQL when
        it resolves the statement's columns, PostgreSQL when it starts to
        execute the statement. SQLite has no privileges, but opens its file
        for writing.

        :raises Unreachable: the database is down, or a privilege is missing
        :raises ConfigError: the schema is not the expected one
        """
        with self._errors(), self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                for statement, values in statements:
                    connection.execute(statement, values)
            finally:
                transaction.rollback()

    def clock(self) -> datetime.datetime:
        """Return the time on the database server, in UTC without a zone."""
        functions = {'mysql': sa.func.utc_timestamp(),
                     'mariadb': sa.func.utc_timestamp(),
                     'postgresql': sa.func.timezone('utc', sa.func.now())}
        function = functions.get(self._engine.dialect.name,
                                 sa.func.datetime('now'))
        return self.read(sa.select(function), _datetime)[0]

    def exactly(self, column: sa.ColumnElement[str],
                value: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
        """Return the condition that two texts are equal, byte for byte.

        MySQL's collations ignore case and trailing spaces; PostgreSQL and
        SQLite compare bytes anyway.
        """
        if self._engine.dialect.name in ('mysql', 'mariadb'):
            return (sa.cast(column, sa.LargeBinary)
                    == sa.cast(value, sa.LargeBinary))
        return column == value

    def _connect(self) -> sa_engine.Connection:
        try:
            return self._engine.connect()
        except db_exc.DBNonExistentDatabase as error:
            raise self._schema(error) from None
        except (db_exc.DBError, sa_exc.SQLAlchemyError) as error:
            raise self._lost(error) from None
        except (TypeError, ValueError, OSError) as error:
            # Drivers raise these for parameters after the ? of a URL, such
            # as a certificate file that does not exist.
            raise exceptions.ConfigError(
                f'Cannot connect to {self.name}: its driver raised '
                f'{type(error).__name__}.',
                'Correct the parameters in [database] connection.') from None

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (db_exc.DBConnectionError, sa_exc.InterfaceError) as error:
            raise self._lost(error) from None
        except (db_exc.DBNonExistentTable, db_exc.DBNonExistentDatabase,
                sa_exc.NoSuchTableError) as error:
            raise self._schema(error) from None
        except (db_exc.DBError, sa_exc.SQLAlchemyError) as error:
            raise self._other(error) from None

    def _lost(self, error: Exception) -> exceptions.Unreachable:
        return exceptions.Unreachable(
            f'{self.name} cannot be reached: {_first_line(error)}.',
            'Check that the server is running, and check user, password '
            'and address in [database] connection.')

    def _schema(self, error: Exception) -> exceptions.ConfigError:
        return exceptions.ConfigError(
            f'{self.name} lacks the expected schema: {_first_line(error)}.',
            'Check that [database] connection names the right database, and '
            'that its migrations have been run (db sync).')

    def _other(self, error: Exception) -> exceptions.RbdMonFixError:
        text = _first_line(error)
        LOG.debug('%s: %s', self.name, type(error).__name__)
        if 'column' in text.lower() and 'denied' not in text.lower():
            return self._schema(error)
        return exceptions.Unreachable(
            f'{self.name} reported an error: {text}.',
            'Check user and password in [database] connection, and the '
            "user's privileges.")


def batches(values: Iterable[Key]) -> Iterator[list[Key]]:
    """Yield distinct values in batches that fit into one statement."""
    rest = sorted(set(values))
    for start in range(0, len(rest), _BATCH):
        yield rest[start:start + _BATCH]


def _datetime(value: Union[str, datetime.datetime]) -> datetime.datetime:
    """Convert a driver's time to a datetime: SQLite has no time type."""
    return (datetime.datetime.fromisoformat(value)
            if isinstance(value, str) else value)


def _driver_trouble(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f'the Python module {error.name} is not installed'
    if isinstance(error, sa_exc.ArgumentError):
        return 'its engine or driver is unknown'
    return 'its driver rejects its parameters'


def _first_line(error: Exception) -> str:
    """Return the database's message without statement and parameters."""
    inner = getattr(error, 'inner_exception', None) or error
    orig = getattr(inner, 'orig', None)
    if orig is None:
        return type(error).__name__
    words = orig.args[-1] if orig.args else type(orig).__name__
    return str(words).strip().splitlines()[0].rstrip('.') if str(
        words).strip() else type(orig).__name__
