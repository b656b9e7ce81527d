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

"""Which driver a URL means, and what to install."""

from __future__ import annotations

import sys

import pytest
import sqlalchemy as sa
from sqlalchemy import engine as sa_engine
from sqlalchemy import exc as sa_exc

from rbd_mon_fix.clients.database import drivers

MODULES = {'psycopg2': 'psycopg2', 'psycopg': 'psycopg', 'mysqldb': 'MySQLdb',
           'pymysql': 'pymysql'}
PSYCOPG2 = ('Install the package python3-psycopg2, or run "pip install '
            "'psycopg2-binary'\".")


@pytest.fixture
def installed(monkeypatch):
    """Return a function that leaves only some drivers installed.

    The engines are not made: some drivers are missing here.

    :param known: whether SQLAlchemy knows psycopg 3
    """
    def only(*names, known=True):
        def create(url, **options):
            driver = url.drivername.partition('+')[2]
            if driver == 'psycopg' and not known:
                raise sa_exc.NoSuchModuleError
            if driver not in names:
                raise ModuleNotFoundError(name=MODULES[driver])
            return url.drivername
        monkeypatch.setattr(sa, 'create_engine', create)
    return only


@pytest.mark.parametrize('names, engine, expected', [
    (['psycopg2', 'psycopg'], 'postgresql', 'postgresql+psycopg2'),
    (['psycopg2'], 'postgresql', 'postgresql+psycopg2'),
    (['psycopg'], 'postgresql', 'postgresql+psycopg'),
    (['psycopg2', 'psycopg'], 'postgresql+psycopg', 'postgresql+psycopg'),
    (['pymysql', 'mysqldb'], 'mysql', 'mysql+mysqldb'),
    (['pymysql'], 'mysql', 'mysql+pymysql'),
    (['pymysql'], 'mariadb', 'mariadb+pymysql')])
def test_the_driver(installed, names, engine, expected):
    installed(*names)
    url = sa_engine.make_url(f'{engine}://nova:x@db/nova')
    assert drivers.create_engine(url) == expected


@pytest.mark.parametrize('names, known, engine, words, hint', [
    ([], True, 'postgresql', 'the Python module psycopg2 is not installed',
     PSYCOPG2),
    (['psycopg'], True, 'postgresql+psycopg2',
     'the Python module psycopg2 is not installed', PSYCOPG2),
    (['psycopg'], False, 'postgresql',
     'the Python module psycopg2 is not installed',
     f'{PSYCOPG2} SQLAlchemy 1.4.46 does not know psycopg 3.'),
    (['psycopg', 'psycopg2'], False, 'postgresql+psycopg',
     'SQLAlchemy 1.4.46 does not know psycopg 3',
     'Install SQLAlchemy 2.0 or newer; or install psycopg2, and change '
     'postgresql+psycopg:// in [database] connection to postgresql://.'),
    (['psycopg2'], True, 'postgresql+psycopg',
     'the Python module psycopg is not installed',
     'Install the package python3-psycopg, or run "pip install '
     "'psycopg[binary]'\"."),
    ([], True, 'mysql', 'the Python module MySQLdb is not installed',
     'Install the package python3-mysqldb, or run "pip install '
     "'mysqlclient'\"."),
    ([], True, 'mysql+pymysql', 'the Python module pymysql is not installed',
     'Install the package python3-pymysql, or run "pip install '
     "'PyMySQL'\".")])
def test_what_to_install(installed, monkeypatch, names, known, engine, words,
                         hint):
    installed(*names, known=known)
    monkeypatch.setattr(sa, '__version__', '2.0.0' if known else '1.4.46')
    url = f'{engine}://nova:x@db/nova'
    with pytest.raises((ImportError, sa_exc.ArgumentError)) as caught:
        drivers.create_engine(sa_engine.make_url(url))
    assert drivers.failure(caught.value, url) == (words, hint)


def test_psycopg_without_libpq():
    """Its ImportError names no module."""
    words, hint = drivers.failure(ImportError('no pq wrapper available'),
                                  'postgresql+psycopg://db/nova')
    assert words == 'the Python module psycopg is not installed'
    assert 'psycopg[binary]' in hint


def test_a_module_that_we_do_not_know():
    words, hint = drivers.failure(ModuleNotFoundError(name='pg8000'),
                                  'postgresql+pg8000://db/nova')
    assert words == 'the Python module pg8000 is not installed'
    assert hint == ('Install the Python driver that [database] connection '
                    'names, or correct the URL.')


@pytest.mark.parametrize('module', ['psycopg', 'psycopg2'])
def test_a_plain_url_with_one_driver_only(monkeypatch, module):
    """With SQLAlchemy itself, whose default is not the one installed."""
    pytest.importorskip(module)
    if not sa.__version__.startswith('2.') and module == 'psycopg':
        pytest.skip('SQLAlchemy 1.4 does not know psycopg 3')
    other = {'psycopg': 'psycopg2', 'psycopg2': 'psycopg'}[module]
    monkeypatch.setitem(sys.modules, other, None)
    made = drivers.create_engine(sa_engine.make_url('postgresql://db/nova'))
    assert made.dialect.driver == module
