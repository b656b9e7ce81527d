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

"""The door to a database: connections, transactions, retries, errors."""

from __future__ import annotations

import contextlib
import datetime
from typing import (
    Any,
    Callable,
    Iterable,
    Iterator,
    Sequence,
    TypeVar,
)

from oslo_db import api as db_api
from oslo_db import exception as db_exc
from oslo_db.sqlalchemy import exc_filters
from oslo_log import log as logging
import sqlalchemy as sa
from sqlalchemy import exc as sa_exc

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import urls

LOG = logging.getLogger(__name__)

Result = TypeVar('Result')

# Galera refuses one of two transactions that touch the same rows by a
# deadlock error when it is committed; both engines know real ones too.
_DEADLOCK_RETRIES = 5

# Seconds after which a connection is made anew: proxies cut idle ones.
_RECYCLE = 600

# Databases bound the number of parameters of a statement; SQLite's older
# versions to 999.
_MANY = 900


class Database:
    """One database of Nova or Cinder.

    :param url: as in ``[database] connection``; it is never shown
    :param what: what an operator calls it, such as "Nova's cell database"
    :raises ConfigError: the URL cannot be used
    """

    def __init__(self, url: str, what: str):
        self.what = f'{what} ({urls.harmless(url, what)})'
        try:
            # Documents hold keyrings: no statement shows its values in an
            # error. oslo.db's own create_engine would load the whole ORM.
            self._engine = sa.create_engine(
                url, pool_recycle=_RECYCLE, pool_pre_ping=True,
                hide_parameters=True)
        except (sa_exc.ArgumentError, ImportError, TypeError,
                ValueError) as error:
            raise exceptions.ConfigError(
                f'{self.what} cannot be used: {_driver_trouble(error)}.',
                'Install the Python driver that the connection names, or '
                'correct [database] connection.') from None
        exc_filters.register_engine(self._engine)

    def read(self, query: Any) -> Sequence[Any]:
        """Return all rows of a query.

        :raises Unreachable: the database is down, or refuses the login
        :raises ConfigError: it has another schema than expected
        """
        with self._errors(), self._connect() as connection:
            return connection.execute(query).all()

    def has_table(self, name: str) -> bool:
        """Tell whether there is a table; newer releases have more.

        :raises Unreachable: the database is down, or refuses the login
        """
        with self._errors(), self._engine.connect() as connection:
            return bool(sa.inspect(connection).has_table(name))

    def write(self, work: Callable[[Any], Result]) -> Result:
        """Do work in one transaction, again where it met a deadlock.

        :param work: called with the connection; must bear being repeated
        :raises Unreachable: the database was lost
        """
        @db_api.wrap_db_retry(max_retries=_DEADLOCK_RETRIES, retry_interval=1,
                              inc_retry_interval=True, jitter=True,
                              retry_on_deadlock=True)
        def transact() -> Result:
            with self._connect() as connection, connection.begin():
                return work(connection)
        with self._errors():
            return transact()

    def rehearse(self, statement: Any, values: dict[str, Any]) -> None:
        """Execute a statement that matches no row, and roll it back.

        Every engine checks the rights before it looks for rows: MySQL when
        it resolves the statement's columns, PostgreSQL when it starts to
        execute it. SQLite, which has none, opens the file for writing then.

        :raises Unreachable: the database is down, or does not allow it
        :raises ConfigError: it has another schema than expected
        """
        with self._errors(), self._engine.connect() as connection:
            transaction = connection.begin()
            try:
                connection.execute(statement, values)
            finally:
                transaction.rollback()

    def clock(self) -> datetime.datetime:
        """Return the time of the database's machine: UTC, no zone."""
        words = {'mysql': sa.func.utc_timestamp(),
                 'mariadb': sa.func.utc_timestamp(),
                 'postgresql': sa.func.timezone('utc', sa.func.now())}
        word = words.get(self._engine.dialect.name, sa.func.datetime('now'))
        found = self.read(sa.select(word))[0][0]
        return (datetime.datetime.fromisoformat(found)
                if isinstance(found, str) else found)

    def now(self) -> datetime.datetime:
        """Return the time as Nova and Cinder store it: UTC, no zone."""
        return datetime.datetime.now(datetime.timezone.utc).replace(
            tzinfo=None)

    def exactly(self, column: Any, value: Any) -> Any:
        """Return a condition: the text is the same, byte for byte.

        MySQL's collations ignore case and trailing blanks; PostgreSQL and
        SQLite compare bytes by themselves.
        """
        if self._engine.dialect.name in ('mysql', 'mariadb'):
            return (sa.cast(column, sa.LargeBinary)
                    == sa.cast(value, sa.LargeBinary))
        return column == value

    def close(self) -> None:
        """Give all connections back."""
        self._engine.dispose()

    def _connect(self) -> Any:
        try:
            return self._engine.connect()
        except db_exc.DBNonExistentDatabase as error:
            raise self._schema(error) from None
        except (db_exc.DBError, sa_exc.SQLAlchemyError) as error:
            raise self._lost(error) from None
        except (TypeError, ValueError, OSError) as error:
            # So drivers complain about what stands behind the ? of a URL,
            # such as a file of certificates that is not there.
            raise exceptions.ConfigError(
                f'{self.what} cannot be connected to: its driver gave a '
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
            f'{self.what} cannot be reached: {_first_line(error)}.',
            'Check that it runs, and user, password and address in '
            '[database] connection.')

    def _schema(self, error: Exception) -> exceptions.ConfigError:
        return exceptions.ConfigError(
            f'{self.what} has no such schema: {_first_line(error)}.',
            'Check that [database] connection names the right database and '
            'that its migrations were run (db sync).')

    def _other(self, error: Exception) -> exceptions.RbdMonFixError:
        text = _first_line(error)
        LOG.debug('%s: %s', self.what, type(error).__name__)
        if 'column' in text.lower() and 'denied' not in text.lower():
            return self._schema(error)
        return exceptions.Unreachable(
            f'{self.what} gave an error: {text}.',
            'Check user, password and rights in [database] connection.')


def lots(values: Iterable[Any]) -> Iterator[list[Any]]:
    """Yield values, each once, in lots that a statement can take."""
    rest = sorted(set(values))
    for start in range(0, len(rest), _MANY):
        yield rest[start:start + _MANY]


def _driver_trouble(error: Exception) -> str:
    if isinstance(error, ImportError):
        return f'there is no Python module {error.name}'
    if isinstance(error, sa_exc.ArgumentError):
        return 'its engine or driver is unknown'
    return 'its driver does not take its parameters'


def _first_line(error: Exception) -> str:
    """Return what the database said, without statement and values."""
    inner = getattr(error, 'inner_exception', None) or error
    orig = getattr(inner, 'orig', None)
    if orig is None:
        return type(error).__name__
    words = orig.args[-1] if orig.args else type(orig).__name__
    return str(words).strip().splitlines()[0].rstrip('.') if str(
        words).strip() else type(orig).__name__
