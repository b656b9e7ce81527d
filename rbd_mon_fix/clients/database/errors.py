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

"""Errors of databases, told by their codes and in sentences of our own.

The messages of databases are never shown: they quote values ("Duplicate
entry ..."), are translated, and change from release to release.
"""

from __future__ import annotations

import enum
import re
import sqlite3
from typing import Union

from sqlalchemy import exc as sa_exc

from rbd_mon_fix import exceptions

_LOGIN = ('Check that the server is running, and check user, password and '
          'address in [database] connection.')
_RIGHTS = ("Check user and password in [database] connection, and the user's "
           'privileges.')


class Trouble(enum.Enum):
    """The kinds of errors: a sentence about the database, and a hint."""

    LOST = 'cannot be reached', _LOGIN
    SCHEMA = 'lacks the expected schema', (
        'Check that [database] connection names the right database, and '
        'that its migrations have been run (db sync).')
    DENIED = 'denied access', _RIGHTS
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


class Held(exceptions.Unreachable):
    """Another transaction holds the row; nothing was written."""


# MySQL's and MariaDB's: mysqld_error.h, errmsg.h.
_MYSQL = {
    **dict.fromkeys((1040, 1047, 1053, 1129, 1130, 1152, 1158, 1159, 1160,
                     1161, 1184, 1203, 1927, 2002, 2003, 2005, 2006, 2013,
                     2014, 2026, 2055, 4031), Trouble.LOST),
    **dict.fromkeys((1049, 1051, 1054, 1109, 1146, 1356), Trouble.SCHEMA),
    **dict.fromkeys((1044, 1045, 1142, 1143, 1227, 1370, 1698),
                    Trouble.DENIED),
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
    '28': Trouble.DENIED, '42501': Trouble.DENIED,
    '3D': Trouble.SCHEMA, '3F': Trouble.SCHEMA, '42': Trouble.SCHEMA,
    '25006': Trouble.READ_ONLY, '22': Trouble.VALUES, '23': Trouble.VALUES,
    '40': Trouble.DEADLOCK, '55P03': Trouble.HELD,
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


def kind(error: Exception) -> Trouble:
    """Return the kind of an error of SQLAlchemy."""
    code = _code(error)
    if isinstance(getattr(error, 'orig', None), sqlite3.Error):
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


def explain(error: Exception, name: str) -> exceptions.RbdMonFixError:
    """Return our own error for an error of SQLAlchemy.

    :param name: of the database, as shown to operators
    """
    found = kind(error)
    words, hint = found.value
    text = f'{name} {words} ({label(error)}).'
    if found is Trouble.SCHEMA:
        return exceptions.ConfigError(text, hint)
    if found is Trouble.HELD:
        return Held(text, hint)
    return exceptions.Unreachable(text, hint)


def not_text(error: UnicodeError,
             name: str) -> exceptions.RbdMonFixError:
    """Return our own error for text that the driver cannot convert."""
    if isinstance(error, UnicodeEncodeError):
        return exceptions.ConfigError(
            f'A name that was to be looked up in {name} is not text.',
            'Check the names on the command line.')
    return exceptions.Unreachable(
        f'{name} has text that is not valid in its encoding.',
        'Check the character set in [database] connection.')


def driver(error: Exception) -> str:
    """Return why an engine of SQLAlchemy cannot be made."""
    if isinstance(error, ImportError):
        return f'the Python module {error.name} is not installed'
    if isinstance(error, sa_exc.ArgumentError):
        return 'its engine or driver is unknown'
    return 'its driver rejects its parameters'


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
    return state if re.fullmatch('[0-9A-Z]{5}', str(state)) else None


def _sqlite_code(error: sqlite3.Error) -> int:
    found = getattr(error, 'sqlite_errorcode', None)
    if found is not None:
        return int(found)
    known = isinstance(error, sqlite3.OperationalError)
    return _SQLITE_TEXTS.get(str(error), 1) if known else 0
