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

"""A disturbance right before any statement of a refresh.

Without ``--all-faults``, a sample.
"""

from __future__ import annotations

import signal

import pytest
import sqlalchemy as sa

from tests.faults import pausing
from tests.faults import subject as subjects
from tests.faults.conftest import thorough

DISCONNECT = {
    'mysql': ('SELECT id FROM information_schema.processlist '
                'WHERE db LIKE :mine AND id <> connection_id()', 'KILL {}'),
    'postgresql': (
        'SELECT pid FROM pg_stat_activity WHERE datname LIKE :mine '
        'AND pid <> pg_backend_pid()', 'SELECT pg_terminate_backend({})')}


def kill(subject, paused, engine):
    paused.kill()


def interrupt(subject, paused, engine):
    paused.kill(signal.SIGINT)


def disconnect(subject, paused, engine):
    """Have the server drop all connections to the databases."""
    admin = sa.create_engine(engine.admin_url, isolation_level='AUTOCOMMIT')
    find, drop = DISCONNECT[admin.dialect.name]
    prefix = subject.cloud.databases.names[0].rpartition('_')[0]
    with admin.connect() as connection:
        found = connection.execute(
            sa.text(find), {'mine': prefix + '%'}).scalars().all()
        for number in found:
            connection.exec_driver_sql(drop.format(number)).close()
    admin.dispose()


# The codes that a run may end with; a kill may come too late.
CODES = {kill: (-9,), interrupt: (130,), disconnect: (0, 4, 5)}


@pytest.mark.parametrize('on, disturb', [
    ('sqlite', kill), ('mariadb', disconnect), ('postgresql', interrupt),
    ('postgresql', disconnect), thorough('mariadb', kill),
    thorough('postgresql', kill), thorough('sqlite', interrupt),
    thorough('mariadb', interrupt)])
def test_a_disturbance_loses_nothing(
        build_cloud, engine, on, disturb, all_faults, counted):
    subject = subjects.Subject(build_cloud(subjects.SERVERS, on=on))
    statements = pausing.statements(subject.admin, subjects.REFRESH)
    wrong = []
    for number in chosen(statements, all_faults):
        subject.restore()
        with pausing.before(number, subject.admin,
                            subjects.REFRESH) as paused:
            assert paused.statement == statements[number - 1]
            disturb(subject, paused, engine(on))
            done = paused.end()
        counted({f'{disturb.__name__}: {done.code}': 1})
        if done.code not in CODES[disturb]:
            wrong.append((paused.statement, done))
        wrong += subjects.complaints(
            subject, paused.statement, done, disturb is kill)
    assert not wrong, '\n'.join(map(str, wrong))


def chosen(statements, everything):
    """Return the numbers of all statements, or those around two writes."""
    numbers = range(1, len(statements) + 1)
    if everything:
        return numbers
    first, *_, last = (number for number in numbers
                       if statements[number - 1].startswith('UPDATE'))
    return sorted({first, last, last + 1})
