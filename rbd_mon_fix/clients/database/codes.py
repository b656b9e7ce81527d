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

"""The kinds of errors of databases, told by their codes.

The messages of databases are never shown: they quote values ("Duplicate
entry ..."), are translated, and change from release to release.
"""

from __future__ import annotations

import enum
import re
import socket
import sqlite3
from typing import Union

from sqlalchemy import exc as sa_exc

_LOGIN = ('Check that the server is running, and check user, password and '
          'address in [database] connection.')
_SCHEMA = ('Check that [database] connection names the right database, and '
           'that its migrations have been run (db sync).')


class Trouble(enum.Enum):
    """The kinds of errors: a sentence about the database, and a hint."""

    LOST = 'cannot be reached', _LOGIN
    SILENT = 'does not answer', (
        'Check that the server is running and not overloaded; '
        '"?connect_timeout=SECONDS" at the end of [database] connection '
        'gives it more time to accept a login.')
    LOGIN = 'cannot be used: login refused', (
        'Check user and password in [database] connection, and whether the '
        'user may log in from this machine.')
    DATABASE = 'does not exist on that server', _SCHEMA
    TABLE = 'has no table', _SCHEMA
    COLUMN = 'lacks a column of table', _SCHEMA
    SCHEMA = 'lacks the expected schema', _SCHEMA
    PRIVILEGE = 'denied access: a privilege is missing', ''
    DENIED = 'denied access', (
        "Check the user's privileges, and the owner and mode of a file.")
    READ_ONLY = 'is read-only', (
        'Check that [database] connection does not lead to a replica.')
    VALUES = 'rejected the new values', (
        'Check that its migrations have been run (db sync).')
    DEADLOCK = 'reported one deadlock after another', (
        'Run the same command again.')
    HELD = 'has rows that another transaction holds', (
        'Find that transaction, or wait for its end, and run the same '
        'command again.')
    OTHER = 'reported an error', (
        'Look for the error in the log of the database server.')


# MySQL's and MariaDB's: mysqld_error.h, errmsg.h.
_MYSQL = {
    **dict.fromkeys((1040, 1047, 1053, 1129, 1152, 1158, 1159, 1160,
                     1161, 1184, 1203, 1927, 2002, 2003, 2005, 2006, 2013,
                     2014, 2026, 2055, 4031), Trouble.LOST),
    1049: Trouble.DATABASE, 1054: Trouble.COLUMN,
    **dict.fromkeys((1051, 1109, 1146), Trouble.TABLE),
    1356: Trouble.SCHEMA,
    # Of accounts: no such, locked, expired, or with another kind of password.
    **dict.fromkeys((1045, 1130, 1251, 1698, 1820, 1862, 2059, 2061, 3118,
                     4151), Trouble.LOGIN),
    **dict.fromkeys((1044, 1142, 1143), Trouble.PRIVILEGE),
    **dict.fromkeys((1227, 1370), Trouble.DENIED),
    **dict.fromkeys((1290, 1792, 1836), Trouble.READ_ONLY),
    **dict.fromkeys((1048, 1062, 1264, 1265, 1292, 1366, 1406, 1451, 1452),
                    Trouble.VALUES),
    # MariaDB 11.6 and newer report 1020 for a row that another transaction
    # has changed (innodb_snapshot_isolation). Galera reports a deadlock at
    # the commit of one of two transactions that touched the same rows.
    **dict.fromkeys((1020, 1213), Trouble.DEADLOCK),
    **dict.fromkeys((1205, 3572), Trouble.HELD),
}

# PostgreSQL's: appendix "PostgreSQL Error Codes"; the longest prefix counts.
_POSTGRESQL = {
    '08': Trouble.LOST, '53': Trouble.LOST, '57P': Trouble.LOST,
    '28': Trouble.LOGIN, '42501': Trouble.PRIVILEGE,
    '3D': Trouble.DATABASE, '3F': Trouble.SCHEMA, '42': Trouble.SCHEMA,
    '42P01': Trouble.TABLE, '42703': Trouble.COLUMN,
    '25006': Trouble.READ_ONLY, '22': Trouble.VALUES, '23': Trouble.VALUES,
    '40': Trouble.DEADLOCK, '55P03': Trouble.HELD,
}

# A login that PostgreSQL refuses has a code that libpq does not pass on, only
# a text (src/backend/libpq/auth.c, src/backend/utils/init/postinit.c and
# miscinit.c; src/interfaces/libpq/fe-auth.c). If the server speaks another
# language, it "cannot be reached".
_POSTGRESQL_TEXTS = {
    'password authentication failed': '28P01',
    'no password supplied': '28P01',
    'authentication failed for user': '28000',
    'no pg_hba.conf entry': '28000',
    'is not permitted to log in': '28000',
    'FATAL: +role ".*" does not exist': '28000',
    'FATAL: +database ".*" does not exist': '3D000',
    'permission denied for database': '42501',
}

# SQLite's: "Result and Error Codes". A missing table or column has the
# general code 1, and our statements are constant.
_SQLITE = {
    1: Trouble.SCHEMA, 3: Trouble.DENIED, 5: Trouble.HELD, 6: Trouble.HELD,
    8: Trouble.READ_ONLY, 10: Trouble.LOST, 14: Trouble.LOST,
    18: Trouble.VALUES, 19: Trouble.VALUES, 20: Trouble.VALUES,
    23: Trouble.DENIED,
}

# Before Python 3.11, the driver has no code, but SQLite's own texts
# (sqlite3ErrStr in src/main.c) are constant and never translated.
_SQLITE_TEXTS = {'database is locked': 5, 'unable to open database file': 14,
                 'attempt to write a readonly database': 8}
# The only texts of code 1 that matter (src/build.c and src/resolve.c).
_SQLITE_MISSING = {'no such table': Trouble.TABLE,
                   'no such column': Trouble.COLUMN}


def kind(error: Exception) -> Trouble:
    """Return the kind of an error of SQLAlchemy."""
    code, orig = _code(error), getattr(error, 'orig', None)
    cause = getattr(orig, '__cause__', None) or getattr(
        orig, '__context__', None)
    if (isinstance(cause, (TimeoutError, socket.timeout))
            or type(orig).__name__ == 'ConnectionTimeout'):  # of psycopg 3
        return Trouble.SILENT
    if isinstance(orig, sqlite3.Error):
        for text, missing in _SQLITE_MISSING.items():
            if str(orig).startswith(text):
                return missing
        return _SQLITE.get(int(code or 0) & 0xff, Trouble.OTHER)
    if isinstance(code, int):
        return _MYSQL.get(code, Trouble.OTHER)
    if code:
        return next((_POSTGRESQL[code[:length]] for length in (5, 3, 2)
                     if code[:length] in _POSTGRESQL), Trouble.OTHER)
    # Drivers have no code for a connection that failed or was closed.
    lost = isinstance(error, (sa_exc.OperationalError,
                              sa_exc.InterfaceError))
    return Trouble.LOST if lost else Trouble.OTHER


def is_encoding(error: Exception) -> bool:
    """Return whether PostgreSQL says that a text is not valid.

    The code is that of a text that is not valid in the client's encoding, or
    has no equivalent in it.
    """
    return _code(error) in ('22021', '22P05')


def label(error: Exception) -> str:
    """Return the code of an error as operators look it up."""
    code, orig = _code(error), getattr(error, 'orig', None)
    if isinstance(orig, sqlite3.Error):
        return getattr(orig, 'sqlite_errorname', None) or type(orig).__name__
    if isinstance(code, int):
        return f'MySQL error {code}'
    if code:
        return f'SQLSTATE {code}'
    return type(error if orig is None else orig).__name__


def _code(error: Exception) -> Union[int, str, None]:
    """Return the errno of MySQL or SQLite, or the SQLSTATE of PostgreSQL."""
    orig = getattr(error, 'orig', None)
    if isinstance(orig, sqlite3.Error):
        return _sqlite_code(orig)
    state = getattr(orig, 'pgcode', None) or getattr(orig, 'sqlstate', None)
    args = getattr(orig, 'args', ())
    number = getattr(orig, 'errno', None) or (args[0] if args else None)
    if isinstance(number, int):
        return number or None
    if re.fullmatch('[0-9A-Z]{5}', str(state)):
        return str(state)
    return next((code for text, code in _POSTGRESQL_TEXTS.items()
                 if re.search(text, str(orig))), None)


def _sqlite_code(error: sqlite3.Error) -> int:
    found = getattr(error, 'sqlite_errorcode', None)
    if found is not None:
        return int(found)
    known = isinstance(error, sqlite3.OperationalError)
    return _SQLITE_TEXTS.get(str(error), 1) if known else 0
