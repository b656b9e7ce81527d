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

"""A short race on each engine, and the judge of races."""

from __future__ import annotations

import collections
import json

import pytest
import sqlalchemy as sa

from tests.cloud import documents
from tests.cloud import rows
from tests.cloud import shape
from tests.faults import audit
from tests.faults import database_races
from tests.faults import refreshes
from tests.functional.releases import ENGINES

SECONDS = 6
OLD = json.dumps({'data': {'hosts': ['192.0.2.1'], 'token': 'a'}})
NEW = json.dumps({'data': {'hosts': ['192.0.2.9'], 'token': 'a'}})
OTHER = json.dumps({'data': {'hosts': ['192.0.2.9'], 'token': 'b'}})


@pytest.fixture(params=ENGINES)
def databases(request, engine, migrated):
    """Return databases with the newest schema and no rows."""
    on = engine(request.param)
    found = on.clone(migrated('nova-latest', request.param), 'race_')
    yield found
    on.drop(found)


def test_no_write_is_lost_and_every_fixed_is_true(databases, tmp_path):
    race = database_races.Race(databases, str(tmp_path))
    race.run(SECONDS)
    race.close()
    counts = race.counts
    assert counts.wrong == 0, counts
    assert not counts.errors
    assert counts.verdicts['fixed'] == counts.own_writes > 0
    assert counts.foreign_writes > 0


def test_the_audit_has_every_write_and_its_writer(databases):
    server = shape.Server('one', (shape.stale('one'),))
    rows.write(databases, [server])
    old = documents.bdm_connection_info(server, server.volumes[0])
    audit.install(databases.cell, 'block_device_mapping')
    for name, values in (('a', {'connection_info': NEW}),
                         ('b', {'connection_info': NEW.upper()}),
                         ('b', {'device_name': '/dev/vdz'}),
                         ('b', {'connection_info': NEW.upper() + ' '})):
        with audit.signed(name):
            write(databases.cell, 'block_device_mapping', values)
    write(databases.cell, 'instances', {'task_state': 'deleting'})
    with audit.signed('a'):
        write(databases.cell, 'block_device_mapping', {'connection_info': OLD})
    with audit.signed('reader'):
        reader = sa.create_engine(databases.cell)
        found = audit.take(reader)
        assert audit.take(reader) == []
        reader.dispose()
    key = found[0].key
    assert found == [
        audit.Write(key, 'a', old, NEW, True),
        audit.Write(key, 'b', NEW, NEW.upper(), True),
        audit.Write(key, 'b', NEW.upper(), NEW.upper() + ' ', True),
        audit.Write(key, 'a', NEW.upper() + ' ', OLD, False)]


def write(url, table, values):
    engine = sa.create_engine(url)
    with engine.begin() as connection:
        names = ', '.join(f'{name} = :{name}' for name in values)
        assert connection.execute(
            sa.text(f'UPDATE {table} SET {names}'), values).rowcount == 1
    engine.dispose()


OURS = audit.Write('7', 'refresh-0', OLD, NEW, True)


@pytest.mark.parametrize('writes, fixed, unknown, wrong', [
    ([OURS], [(OLD, NEW)], [], {}),
    ([OURS], [], [], {'not_told': 1}),
    ([OURS], [], [(OLD, NEW)], {}),
    ([], [(OLD, NEW)], [], {'false_fixed': 1}),
    ([OURS, OURS], [(OLD, NEW)], [], {'not_told': 1}),
    ([audit.Write('7', audit.FOREIGN, OLD, NEW, True)], [(OLD, NEW)], [],
     {'false_fixed': 1}),
    ([audit.Write('7', 'refresh-1', OLD, NEW, True)], [(OLD, NEW)], [],
     {'false_fixed': 1}),
    ([audit.Write('7', 'refresh-0', OLD, OTHER, True)], [(OLD, OTHER)], [],
     {'lost_updates': 1}),
    ([audit.Write('7', 'refresh-0', OLD, NEW + ' ', True)],
     [(OLD, NEW + ' ')], [], {'lost_updates': 1}),
    ([audit.Write('7', 'refresh-0', OLD, NEW, False)], [(OLD, NEW)], [],
     {'written_while_busy': 1}),
    ([audit.Write('7', audit.FOREIGN, OLD, OTHER, False)], [], [], {}),
])
def test_the_judge(writes, fixed, unknown, wrong):
    def claims(pairs):
        return [('nova-bdm', '7', audit.digest(old), audit.digest(new))
                for old, new in pairs]

    counts = database_races.Counts()
    database_races.judge(counts, 'nova-bdm', writes, [refreshes.Told(
        'refresh-0', fixed=collections.Counter(claims(fixed)),
        unknown=set(claims(unknown)))])
    assert {name: getattr(counts, name) for name in (
        'lost_updates', 'false_fixed', 'not_told', 'written_while_busy')
        if getattr(counts, name)} == wrong
    assert counts.wrong == sum(wrong.values())
