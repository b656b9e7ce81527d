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

"""Connections to database servers that end, and the engine that makes them.

Drivers wait in C, and most of them for ever.
"""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Callable, Optional, Sequence, Union

import sqlalchemy as sa
from sqlalchemy import engine as sa_engine
from sqlalchemy import exc as sa_exc

from rbd_mon_fix.clients import waiting
from rbd_mon_fix.clients.database import drivers
from rbd_mon_fix.clients.database import postgresql
from rbd_mon_fix.clients.database import pymysql_tls
from rbd_mon_fix.clients.database import urls

# Seconds for the login at one host. A command ends within ten seconds, its
# own start included, if nobody answers.
LOGIN = 9
# Seconds of silence during a statement. An honest query of a busy server can
# take longer than a login; a wait for a lock takes a second.
STATEMENT = 60

# Seconds after which a connection is replaced: proxies cut idle ones.
_RECYCLE = 600
_NO_LIMIT = -1

# The limits that drivers keep themselves, by the driver's name. Parameters of
# the URL win.
_LIMITS = {
    driver: {'read_timeout': STATEMENT, 'write_timeout': STATEMENT}
    for driver in ('pymysql', 'mysqldb')}


def open_url(url: Union[str, sa_engine.URL]) -> sa_engine.Engine:
    """Return an engine whose connections do not wait for ever.

    :raises Exception: the URL is invalid, or its driver is missing
    """
    # Documents hold keyrings, so errors must not show parameters. oslo.db is
    # not used: it tells errors by their texts, and logs them.
    found = sa_engine.make_url(url)
    # Hosts that are worked on at the same time need a connection each; the
    # pools of SQLite take no such limit.
    more = ({} if found.get_backend_name() == 'sqlite'
            else {'max_overflow': _NO_LIMIT})
    made = drivers.create_engine(
        found, pool_recycle=_RECYCLE, pool_pre_ping=True,
        hide_parameters=True, **more)
    if made.dialect.name != 'sqlite':
        sa.event.listen(made, 'do_connect', _connect)
    if made.dialect.driver == 'psycopg2':
        postgresql.wait_for_psycopg2(made.dialect.dbapi)
    return made


def with_account(login: urls.DatabaseLogin,
                 engine: sa_engine.Engine) -> urls.DatabaseLogin:
    """Return the login with the account that MySQL takes it for, if known.

    A user without any right to a database may still log in without one.
    """
    asked = open_url(engine.url.set(database=''))
    try:
        with contextlib.suppress(sa_exc.SQLAlchemyError, waiting.Silent), \
                asked.connect() as connection:
            found = connection.execute(sa.select(sa.func.current_user()))
            return login.of_account(str(found.scalar_one()))
    finally:
        asked.dispose()
    return login


def _connect(dialect: Any, record: object, arguments: Sequence[Any],
             parameters: dict[str, Any]) -> Any:
    """Log in, in a thread.

    :raises waiting.Silent: the server does not answer in time
    """
    for name, value in _LIMITS.get(dialect.driver, {}).items():
        parameters.setdefault(name, value)
    turns = (postgresql.turns(parameters) if dialect.name == 'postgresql'
             else [parameters])
    login = (pymysql_tls.connection_class(dialect.dbapi)
             if dialect.driver == 'pymysql' else dialect.connect)
    connection = _first_answer(dialect, [
        functools.partial(login, *arguments, **each)
        for each in turns], _seconds(parameters.get('connect_timeout', LOGIN)))
    if dialect.driver == 'psycopg':
        postgresql.limit_psycopg(dialect.dbapi, connection, STATEMENT)
    elif dialect.driver == 'psycopg2':
        postgresql.limit_psycopg2(connection, STATEMENT)
    return connection


def _first_answer(dialect: Any, logins: Sequence[Callable[[], Any]],
                  limit: Optional[float]) -> Any:
    """Log in to the first server that lets us in.

    Unlike libpq, go on after a refusal, which has no code to tell it by.

    :param limit: seconds for each login; None for no limit
    :raises waiting.Silent: no server answers in time
    """
    failures: list[Exception] = []
    for login in logins:
        try:
            return waiting.answer(login, limit)
        except (waiting.Silent, dialect.dbapi.OperationalError) as error:
            failures.append(error)
    told = [each for each in failures
            if not isinstance(each, waiting.Silent)]
    if len(told) > 1:
        raise dialect.dbapi.OperationalError('\n'.join(map(str, told)))
    raise (told or failures)[0]


def _seconds(given: object) -> Optional[float]:
    """Return a limit in seconds; None for none, or what no driver takes."""
    try:
        found = float(str(given))
    except ValueError:
        return None
    return found if found > 0 else None
