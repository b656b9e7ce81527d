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

"""The Python drivers of databases: which one to use, which one is missing."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import engine as sa_engine
from sqlalchemy import exc as sa_exc
from sqlalchemy.engine import url as sa_url

# The drivers that a URL such as postgresql:// may mean, the preferred one
# first. SQLAlchemy knows one default for each engine, and changed
# PostgreSQL's in 2.1.
_DRIVERS = {'postgresql': ('psycopg2', 'psycopg'),
            **dict.fromkeys(('mysql', 'mariadb'), ('mysqldb', 'pymysql'))}

# By module: the packages of Debian and of PyPI.
_PACKAGES = {'psycopg2': ('python3-psycopg2', 'psycopg2-binary'),
             'psycopg': ('python3-psycopg', 'psycopg[binary]'),
             'MySQLdb': ('python3-mysqldb', 'mysqlclient'),
             'pymysql': ('python3-pymysql', 'PyMySQL')}


def create_engine(url: sa_engine.URL, **options: Any) -> sa_engine.Engine:
    """Return an engine of the first driver that is installed.

    :param url: names one driver, or leaves the choice to us
    :raises ImportError: no driver is installed
    :raises ArgumentError: SQLAlchemy does not know the engine or the driver
    """
    failures: list[Exception] = []
    for candidate in _candidates(url):
        try:
            return sa.create_engine(candidate, **options)
        except (ImportError, sa_exc.NoSuchModuleError) as error:
            failures.append(error)
    raise failures[0]


def failure(error: Exception, url: str) -> tuple[str, str]:
    """Return why ``create_engine`` failed, and a hint."""
    driver = _candidates(sa_url.make_url(url))[0].drivername.partition('+')[2]
    if isinstance(error, ImportError):
        # psycopg has no name in its error if libpq is missing.
        module = error.name or driver
        return f'the Python module {module} is not installed', _install(module)
    if isinstance(error, sa_exc.NoSuchModuleError) and driver == 'psycopg':
        return f'{_sqlalchemy()} does not know psycopg 3', (
            'Install SQLAlchemy 2.0 or newer; or install psycopg2, and change '
            'postgresql+psycopg:// in [database] connection to '
            'postgresql://.')
    if isinstance(error, sa_exc.ArgumentError):
        return 'its engine or driver is unknown', 'Correct the URL.'
    return 'its driver rejects its parameters', (
        'Correct the parameters in [database] connection.')


def _candidates(url: sa_engine.URL) -> list[sa_engine.URL]:
    if '+' in url.drivername:
        return [url]
    return [url.set(drivername=f'{url.drivername}+{driver}')
            for driver in _DRIVERS.get(url.drivername, ())] or [url]


def _install(module: str) -> str:
    if module not in _PACKAGES:
        return ('Install the Python driver that [database] connection names, '
                'or correct the URL.')
    system, pypi = _PACKAGES[module]
    hint = f'Install the package {system}, or run "pip install \'{pypi}\'".'
    if module == 'psycopg2' and sa.__version__.startswith('1.'):
        hint += f' {_sqlalchemy()} does not know psycopg 3.'
    return hint


def _sqlalchemy() -> str:
    return f'SQLAlchemy {sa.__version__}'
