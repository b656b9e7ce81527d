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
import random
import time
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Iterator,
    Mapping,
    Sequence,
    TypeVar,
    Union,
)

from oslo_log import log as logging
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import waiting
from rbd_mon_fix.clients.database import codes
from rbd_mon_fix.clients.database import connecting
from rbd_mon_fix.clients.database import drivers
from rbd_mon_fix.clients.database import errors
from rbd_mon_fix.clients.database import lock_limits
from rbd_mon_fix.clients.database import texts
from rbd_mon_fix.clients.database import urls

if TYPE_CHECKING:
    from sqlalchemy import engine as sa_engine

LOG = logging.getLogger(__name__)

Result = TypeVar('Result')

# Times that a transaction is repeated after a deadlock.
_DEADLOCK_RETRIES = 5

# A transaction waits for a lock no longer than a second, is rolled back and
# repeated: signals are obeyed between two attempts only, because drivers wait
# in C, and locks that it has already taken are not kept from Nova for long.
LOCK_ATTEMPTS = 10


class Database:
    """One database of Nova or Cinder.

    :param url: as in ``[database] connection``; never shown
    :param name: shown to operators, such as "Nova's cell database"
    :raises ConfigError: the URL is invalid, or its driver is missing
    """

    def __init__(self, url: str, name: str):
        self.name = f'{name} ({urls.describe(url, name)})'
        self._login = urls.login(url)
        self._tables: dict[str, bool] = {}
        try:
            self._engine = connecting.open_url(url)
            texts.accept_all(self._engine)
        except (sa_exc.ArgumentError, ImportError, TypeError,
                ValueError) as error:
            words, hint = drivers.failure(error, url)
            raise exceptions.ConfigError(
                f'{self.name} cannot be used: {words}.', hint) from None

    def read(self, query: sa.Select[Any],
             row: Callable[..., Result]) -> list[Result]:
        """Return all rows of a query, whatever bytes its texts have.

        :param row: called with the columns of each row
        :raises Unreachable: the database is down, or rejects the login
        :raises ConfigError: the schema is not the expected one
        """
        def fetch() -> Sequence[Sequence[Any]]:
            with texts.Undecodable(), self._reading() as connection:
                return connection.execute(query).all()
            with self._reading() as connection:
                return texts.stored(connection, query)
        return [row(*texts.columns(columns))
                for columns in self._repeated(fetch, LOCK_ATTEMPTS)]

    def has_table(self, name: str) -> bool:
        """Return whether a table exists; older releases have fewer.

        The database is asked once.

        :raises Unreachable: the database is down, or rejects the login
        """
        if name not in self._tables:
            with self._errors(), self._engine.connect() as connection:
                self._tables[name] = sa.inspect(connection).has_table(name)
        return self._tables[name]

    def write(self, work: Callable[[sa_engine.Connection], Result],
              lock_attempts: int = LOCK_ATTEMPTS) -> Result:
        """Do work in one transaction, repeated after a deadlock.

        :param work: called with the connection; must be safe to repeat
        :param lock_attempts: the transactions, of which each waits a second
            for a lock
        :raises Held: another transaction holds a row
        :raises Unreachable: the connection to the database was lost
        """
        def transact() -> Result:
            with self._transaction() as connection:
                if connection.dialect.name == 'sqlite':
                    # The driver would begin at the first write only, after
                    # the reads that decide about the write.
                    connection.exec_driver_sql('BEGIN IMMEDIATE')
                return work(connection)
        return self._repeated(transact, lock_attempts)

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
        def attempt() -> None:
            with self._transaction() as connection:
                for statement, values in statements:
                    connection.execute(statement, values)
                transaction = connection.get_transaction()
                assert transaction is not None
                transaction.rollback()
        self._repeated(attempt, LOCK_ATTEMPTS)

    def clock(self) -> datetime.datetime:
        """Return the time on the database server, in UTC without a zone."""
        functions = {'mysql': sa.func.utc_timestamp(),
                     'mariadb': sa.func.utc_timestamp(),
                     'postgresql': sa.func.timezone('utc', sa.func.now())}
        function = functions.get(self._engine.dialect.name,
                                 sa.func.datetime('now'))
        return self.read(sa.select(function), _datetime)[0]

    @property
    def dialect(self) -> str:
        """Return SQLAlchemy's name of the kind of database."""
        return self._engine.dialect.name

    def _connect(self) -> sa_engine.Connection:
        try:
            return self._engine.connect()
        except sa_exc.SQLAlchemyError:
            raise
        except (TypeError, ValueError, OSError) as error:
            # Drivers raise these for parameters after the ? of a URL, such
            # as a certificate file that does not exist.
            raise exceptions.ConfigError(
                f'Cannot connect to {self.name}: its driver raised '
                f'{type(error).__name__}.',
                'Correct the parameters in [database] connection.') from None

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sa_engine.Connection]:
        """Yield a connection to read with.

        The pool rolls back when it takes the connection back. A commit before
        would be one more round trip for each query.
        """
        with self._connect() as connection:
            lock_limits.limit(connection)
            try:
                yield connection
            except UnicodeDecodeError:
                # The driver left the rest of the rows in the connection.
                connection.invalidate()
                raise

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sa_engine.Connection]:
        with self._connect() as connection, connection.begin():
            lock_limits.limit(connection)
            try:
                yield connection
            except UnicodeDecodeError:
                connection.invalidate()  # as above
                raise

    def _repeated(self, act: Callable[[], Result],
                  lock_attempts: int) -> Result:
        """Act again after deadlocks and vain waits for locks."""
        left = {codes.Trouble.DEADLOCK: _DEADLOCK_RETRIES,
                codes.Trouble.HELD: lock_attempts - 1}
        with self._errors():
            while True:
                try:
                    return act()
                except sa_exc.SQLAlchemyError as error:
                    kind = codes.kind(error)
                    if not left.get(kind):
                        raise
                left[kind] -= 1
                if kind is codes.Trouble.DEADLOCK:
                    time.sleep(random.uniform(0, _DEADLOCK_RETRIES
                                              - left[kind]))

    @contextlib.contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sa_exc.SQLAlchemyError as error:
            LOG.debug('%s: %s', self.name, codes.label(error))
            login = self._login
            missing = codes.kind(error) is codes.Trouble.PRIVILEGE
            if missing and login.is_mysql:
                login = connecting.with_account(login, self._engine)
            raise errors.explain(error, self.name, login) from None
        except waiting.Silent:
            raise errors.silent(self.name) from None
        except UnicodeError as error:
            raise errors.not_text(error, self.name) from None


def _datetime(value: Union[str, datetime.datetime]) -> datetime.datetime:
    """Convert a driver's time to a datetime: SQLite has no time type."""
    return (datetime.datetime.fromisoformat(value)
            if isinstance(value, str) else value)
