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

"""Errors of databases, in sentences of our own."""

from __future__ import annotations

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import codes
from rbd_mon_fix.clients.database import grants
from rbd_mon_fix.clients.database import urls

Trouble = codes.Trouble

_WRONG_DATABASE = (Trouble.DATABASE, Trouble.TABLE, Trouble.COLUMN,
                   Trouble.SCHEMA)


class Held(exceptions.Unreachable):
    """Another transaction holds the row; nothing was written."""


def explain(error: Exception, name: str,
            login: urls.DatabaseLogin) -> exceptions.RbdMonFixError:
    """Return our own error for an error of SQLAlchemy.

    :param name: of the database, as shown to operators
    """
    found = codes.kind(error)
    words, hint = found.value
    text = f'{name} {words}{_of(found, error, login)} ({codes.label(error)}).'
    if found in _WRONG_DATABASE:
        return exceptions.ConfigError(text, hint)
    if found is Trouble.HELD:
        return Held(text, hint)
    if found is Trouble.PRIVILEGE:
        hint = ("As the database's administrator: "
                f'{grants.grant(error, login)}')
    return exceptions.Unreachable(text, hint)


def silent(name: str) -> exceptions.Unreachable:
    """Return the error for a server that did not answer a login."""
    words, hint = Trouble.SILENT.value
    return exceptions.Unreachable(f'{name} {words}.', hint)


def _of(found: Trouble, error: Exception, login: urls.DatabaseLogin) -> str:
    """Return whom or what an error is about."""
    if found is Trouble.LOGIN and login.user:
        return f' for user {login.user}'
    if found in (Trouble.TABLE, Trouble.COLUMN):
        place = ''
        if login.is_mysql:
            place = f' in schema {login.database}'
        elif login.engine == 'postgresql':
            place = ' in the search_path of its user'
        return f' {" or ".join(grants.tables(error))}{place}'
    return ''


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
