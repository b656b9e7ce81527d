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

"""What one of our statements needs: its tables, and the GRANT for them.

Statements hold no values, and messages of databases are searched only for
the names of our own tables.
"""

from __future__ import annotations

import re

from rbd_mon_fix.clients.database import urls

# SQLAlchemy writes keywords in capitals, and our tables are in small letters.
_TABLE = re.compile(r'\b(?:FROM|JOIN|UPDATE) ([a-z_]+)')
# PostgreSQL locks a row only for who may update it; MySQL's LOCK IN SHARE MODE
# needs no more than SELECT.
_WRITES = re.compile(r'\AUPDATE|\bFOR (?:KEY )?SHARE')


def tables(error: Exception) -> list[str]:
    """Return the tables that an error is about.

    :returns: all tables of the statement if the database names none of them
    """
    told = str(getattr(error, 'orig', ''))
    found = list(dict.fromkeys(_TABLE.findall(_statement(error))))
    named = [name for name in found if re.search(rf'\b{name}\b', told)]
    return named or found


def grant(error: Exception, login: urls.DatabaseLogin) -> str:
    """Return the SQL that gives the user the right that is missing."""
    rights = 'SELECT'
    if _WRITES.search(_statement(error)) or not _statement(error):
        rights = 'SELECT, UPDATE'
    if not login.is_mysql:
        return _grant_postgresql(rights, tables(error), login)
    database = _quoted(login.database, '`')
    return ' '.join(
        f'GRANT {rights} ON {database}.{table} TO {login.account};'
        for table in tables(error) or ['*'])


def _grant_postgresql(rights: str, found: list[str],
                      login: urls.DatabaseLogin) -> str:
    user = _quoted(login.user or 'USER', '"')
    if not found:
        database = _quoted(login.database, '"')
        return f'GRANT CONNECT ON DATABASE {database} TO {user};'
    return f'GRANT {rights} ON {", ".join(found)} TO {user};'


def _quoted(name: str, mark: str) -> str:
    return name if re.fullmatch(r'\w+', name) else f'{mark}{name}{mark}'


def _statement(error: Exception) -> str:
    return ' '.join((getattr(error, 'statement', None) or '').split())
