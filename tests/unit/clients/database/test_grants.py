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

"""Which tables a statement needs, and the GRANT for them."""

from __future__ import annotations

import pytest
from sqlalchemy import exc as sa_exc
from sqlalchemy.dialects import mysql
from sqlalchemy.dialects.postgresql import psycopg2

from rbd_mon_fix.clients.database import grants
from rbd_mon_fix.clients.database import instances
from rbd_mon_fix.clients.database import urls

MYSQL = urls.login('mysql://nova:TOPSECRET@db/cell1').of_account('nova@10.%')
POSTGRESQL = urls.login('postgresql://nova:TOPSECRET@db/cell1')


def failed(statement, text=''):
    return sa_exc.ProgrammingError(statement, {}, Exception(1142, text))


@pytest.mark.parametrize('statement, text, tables', [
    ('SELECT a.x \nFROM a JOIN b ON a.x = b.x', '', ['a', 'b']),
    ('SELECT a.x \nFROM a JOIN b ON a.x = b.x', 'for table `c`.`b`', ['b']),
    ('SELECT x \nFROM a WHERE EXISTS (SELECT 1 \nFROM a_b)', 'a_b', ['a_b']),
    ('UPDATE a SET x=y', 'SECRET', ['a']),
    ('SELECT x \nFROM a FOR UPDATE', '', ['a']),
    (None, 'FROM secrets', [])])
def test_the_tables(statement, text, tables):
    assert grants.tables(failed(statement, text)) == tables


@pytest.mark.parametrize('statement, on_mysql, on_postgresql', [
    ('SELECT x FROM a', "GRANT SELECT ON cell1.a TO 'nova'@'10.%';",
     'GRANT SELECT ON a TO nova;'),
    ('SELECT x FROM a JOIN b', "GRANT SELECT ON cell1.a TO 'nova'@'10.%'; "
     "GRANT SELECT ON cell1.b TO 'nova'@'10.%';",
     'GRANT SELECT ON a, b TO nova;'),
    ('UPDATE a SET x=y', "GRANT SELECT, UPDATE ON cell1.a TO 'nova'@'10.%';",
     'GRANT SELECT, UPDATE ON a TO nova;'),
    (str(instances.idle('h', ['x']).compile(dialect=psycopg2.dialect())),
     "GRANT SELECT, UPDATE ON cell1.instances TO 'nova'@'10.%';",
     'GRANT SELECT, UPDATE ON instances TO nova;'),
    (str(instances.idle('h', ['x']).compile(dialect=mysql.dialect())),
     "GRANT SELECT ON cell1.instances TO 'nova'@'10.%';",
     'GRANT SELECT ON instances TO nova;'),
    (None, "GRANT SELECT, UPDATE ON cell1.* TO 'nova'@'10.%';",
     'GRANT CONNECT ON DATABASE cell1 TO nova;')])
def test_the_grant(statement, on_mysql, on_postgresql):
    assert grants.grant(failed(statement), MYSQL) == on_mysql
    assert grants.grant(failed(statement), POSTGRESQL) == on_postgresql


def test_a_user_that_the_url_does_not_name():
    login = urls.login('postgresql:///cell1')
    assert grants.grant(failed('UPDATE a SET x=y'), login) == (
        'GRANT SELECT, UPDATE ON a TO USER;')


@pytest.mark.parametrize('url, expected', [
    ('mysql://nova-1@db/nova-cell1',
     "GRANT SELECT ON `nova-cell1`.a TO 'nova-1'@'HOST';"),
    ('postgresql://nova-1@db/nova-cell1', 'GRANT SELECT ON a TO "nova-1";')])
def test_names_that_sql_must_quote(url, expected):
    assert grants.grant(failed('SELECT x FROM a'),
                        urls.login(url)) == expected
