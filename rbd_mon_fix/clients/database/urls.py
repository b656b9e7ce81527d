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

"""Database URLs without their secrets, and Nova's URL templates."""

from __future__ import annotations

import dataclasses
import string
from typing import Iterator, Mapping, Optional, Union
from urllib import parse

from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import url as sa_url

from rbd_mon_fix import exceptions


@dataclasses.dataclass(frozen=True)
class DatabaseLogin:
    """Who a URL logs in as, and where to; without the password.

    :param engine: such as mysql
    :param user: '' if the URL names nobody
    :param account: of MySQL, as in GRANT
    """

    engine: str
    database: str
    user: str
    account: str

    @property
    def is_mysql(self) -> bool:
        """Return whether the engine is MySQL or MariaDB."""
        return self.engine in ('mysql', 'mariadb')

    def of_account(self, found: str) -> DatabaseLogin:
        """Return the login with an account as CURRENT_USER() returns it."""
        user, _, host = found.rpartition('@')
        return dataclasses.replace(self, account=account(user, host))


def login(url: str) -> DatabaseLogin:
    """Return the login of a URL that ``describe`` accepts."""
    parts = sa_url.make_url(url)
    user = parts.username or ''
    if '@' in user:  # what follows may be a password after a wrong separator
        user = ''
    return DatabaseLogin(parts.get_backend_name(), parts.database or '',
                         user, account(user, 'HOST'))


def account(user: str, host: str) -> str:
    """Return an account of MySQL as GRANT names it."""
    return f"'{user or 'USER'}'@'{host}'"


def fill_template(template: str, default: Optional[str]) -> str:
    """Fill in the URL of a cell mapping, which may be a template.

    The fields are those of ``[database] connection``, as in
    nova/objects/cell_mapping.py, ``_format_url``.

    :param default: ``[database] connection``; None if it is not set
    :raises ConfigError: the template names an unknown field
    """
    if '{' not in template:
        return template
    try:
        return ''.join(_filled(template, _fields(default)))
    except (KeyError, ValueError):
        raise exceptions.ConfigError(
            'The database_connection of a cell mapping is a template that '
            'cannot be filled in from [database] connection in nova.conf.',
            'Show the template with "nova-manage cell_v2 list_cells", and '
            'compare it with nova.conf.') from None


def _filled(template: str, fields: Mapping[str, object]) -> Iterator[str]:
    """Yield the parts of a template.

    A row of a database chooses the template, so a field has only its name:
    with a width, attribute or index, ``str.format`` would do what it says.

    :raises KeyError: no such field
    :raises ValueError: the template is malformed
    """
    for text, name, width, conversion in string.Formatter().parse(template):
        yield text
        if width or conversion:
            raise ValueError('not a plain field')
        if name is not None:
            yield str(fields[name])


def _fields(default: Optional[str]) -> dict[str, Union[str, int, None]]:
    if default is None:
        return {}
    url = parse.urlparse(default)
    return {'username': url.username, 'password': url.password,
            'hostname': url.hostname, 'port': url.port, 'scheme': url.scheme,
            'query': url.query, 'fragment': url.fragment,
            'path': url.path.lstrip('/')}


def describe(url: str, name: str) -> str:
    """Return engine, database and address of a URL, without its secrets.

    :param name: name of the database, for error messages
    :raises ConfigError: the URL is invalid
    """
    try:
        parts = sa_url.make_url(url)
    except (sa_exc.ArgumentError, ValueError):
        raise exceptions.ConfigError(
            f'Invalid URL for {name}.',
            'Correct [database] connection in its config file.') from None
    # What follows a misplaced separator may be part of the password. The
    # database of SQLite is a path, and has no password.
    if parts.get_backend_name() != 'sqlite' and (
            '@' in (parts.host or '')
            or not set('@:/').isdisjoint(parts.database or '')):
        raise exceptions.ConfigError(
            f'The URL of {name} has more than one @, or a : or / in a wrong '
            'place.', 'It must be engine://user:password@host/database; write '
            '@, : and / in the password as %40, %3A and %2F.')
    place = f' at {parts.host}' if parts.host else ''
    port = f':{parts.port}' if parts.port else ''
    return f'{parts.get_backend_name()} {parts.database}{place}{port}'
