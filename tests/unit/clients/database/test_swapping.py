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

"""Compare-and-swap by row count, on a database with other writers."""

from __future__ import annotations

import sqlite3
import time

import pymysql
import pytest
import sqlalchemy as sa

from rbd_mon_fix.clients.database import cinder
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import lock_limits
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.clients.database import swapping
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory
from tests.unit.stores import places

PLACES = {'nova': places.NovaPlace, 'cinder': places.CinderPlace}


@pytest.fixture(params=PLACES)
def place(request, tmp_path):
    made = PLACES[request.param](f'sqlite:///{tmp_path}/database')
    yield made
    made.close()


@pytest.fixture
def listen():
    """Return a function that listens to an event of every engine."""
    heard = []

    def start(event, act):
        heard.append((sa.engine.Engine, event, act))
        sa.event.listen(*heard[-1])

    yield start
    for each in heard:
        sa.event.remove(*each)


def change_of(place, server):
    record = place.store.get(place.add(server))
    [disk] = record.document.disks
    return Change(record, record.document.edited({
        disk.key: record.document.spell(disk, memory.addrs(memory.NEW))}),
        ())


def verdicts(place, *changes):
    return [outcome.verdict for outcome in place.store.put(changes)]


@pytest.fixture
def words(place, listen):
    """Return the first words of statements, and the ends of transactions."""
    heard = []
    listen('before_cursor_execute',
           lambda connection, cursor, statement, *more: heard.append(
               statement.split()[0]))
    listen('commit', lambda connection: heard.append('commit'))
    listen('rollback', lambda connection: heard.append('rollback'))
    return heard


def begin(place):
    lock = ['SELECT'] if isinstance(place, places.NovaPlace) else []
    return ['BEGIN', *lock]


def test_one_transaction_writes_all_rows_and_reads_once(place, words):
    changes = [change_of(place, server) for server in (2, 1, 3)]
    words.clear()
    assert verdicts(place, *changes) == [Verdict.FIXED] * 3
    assert words == [*begin(place), 'UPDATE', 'SELECT', 'commit']


def test_rows_are_told_apart_one_by_one(place, words):
    """The count of all UPDATEs is too small; each gets its own."""
    changes = [change_of(place, server) for server in (2, 1, 3)]
    place.set_text(changes[1].locator, changes[1].document.text)
    words.clear()
    assert verdicts(place, *changes) == [
        Verdict.FIXED, Verdict.CONFLICT, Verdict.FIXED]
    assert words == [*begin(place), 'UPDATE', 'rollback',
                     *begin(place), *['UPDATE'] * 3, 'SELECT', 'commit']


def test_a_repeated_transaction_counts_from_the_start(place, listen,
                                                      monkeypatch):
    """The first attempt counted a row that the second one does not write."""
    ours, theirs = change_of(place, 1), change_of(place, 2)
    commits = []

    def deadlock(connection):
        commits.append(connection)
        if len(commits) == 1:
            raise sa.exc.OperationalError(
                'COMMIT', {}, pymysql.err.OperationalError(1213, 'SECRET'))

    listen('commit', deadlock)
    monkeypatch.setattr(time, 'sleep', lambda seconds: place.set_text(
        theirs.locator, theirs.document.text))
    assert verdicts(place, ours, theirs) == [Verdict.FIXED, Verdict.CONFLICT]
    assert len(commits) == 3


def test_the_text_that_we_would_have_written_is_not_ours(place):
    change = change_of(place, 1)
    place.set_text(change.locator, change.document.text)
    assert verdicts(place, change) == [Verdict.CONFLICT]


def _texts(parameters):
    """Return the parameters of one statement, or of several."""
    return [str(value) for each in parameters
            for value in (each if isinstance(each, tuple) else [each])]


def held(key):
    """Return a listener that fails writes of a row, as MySQL does."""
    def write(connection, cursor, statement, parameters, *more):
        if statement.startswith('UPDATE') and key in _texts(parameters):
            raise sa.exc.OperationalError(
                statement, {}, pymysql.err.OperationalError(1205, 'SECRET'))
    return write


def test_a_row_that_another_transaction_holds(place, listen):
    """The others are written, and the reason has nothing of the row."""
    changes = [change_of(place, server) for server in (1, 2, 3)]
    before = place.store.get(changes[1].locator)
    listen('before_cursor_execute', held(changes[1].locator.key))
    begun = []
    listen('begin', begun.append)
    outcomes = place.store.put(changes)
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.FIXED, Verdict.CONFLICT, Verdict.FIXED]
    assert outcomes[1].reason == 'another transaction holds the row'
    assert place.store.get(before.locator) == before
    assert len(begun) >= engine.LOCK_ATTEMPTS + len(changes)


def test_a_database_that_another_writer_holds(place, monkeypatch):
    """SQLite locks the whole database."""
    monkeypatch.setattr(lock_limits, '_LIMITS',
                        {'sqlite': 'PRAGMA busy_timeout = 1'})
    change = change_of(place, 1)
    theirs = sqlite3.connect(place.tables.url.partition('///')[2])
    theirs.execute('BEGIN IMMEDIATE')
    [outcome] = place.store.put([change])
    theirs.rollback()
    theirs.close()
    assert outcome.verdict is Verdict.CONFLICT
    assert 'holds the row' in outcome.reason
    assert verdicts(place, change) == [Verdict.FIXED]


@pytest.mark.parametrize('count', [0, 2, -1])
def test_only_a_count_of_one_is_a_success(place, monkeypatch, count):
    """Some drivers do not know the count and return -1."""
    monkeypatch.setattr(sa.engine.CursorResult, 'rowcount', count)
    assert verdicts(place, change_of(place, 1)) == [Verdict.CONFLICT]


def test_a_database_that_keeps_another_text(place):
    """Such as MySQL without strict mode, which truncates a text."""
    change = change_of(place, 1)
    url = place.tables.url
    table = ('block_device_mapping' if isinstance(place, places.NovaPlace)
             else 'volume_attachment')
    database = sa.create_engine(url)
    with database.begin() as connection:
        connection.exec_driver_sql(
            f'CREATE TRIGGER cut AFTER UPDATE ON {table} BEGIN UPDATE '
            f"{table} SET connection_info = '{{' WHERE id = NEW.id; END")
    database.dispose()
    assert verdicts(place, change) == [Verdict.UNVERIFIED]


def test_documents_do_not_show():
    row = nova.BlockDeviceMapping(1, '', None, None, None, 'SECRET')
    attachment = cinder.VolumeAttachment('a', 'v', None, 'SECRET')
    for each in (row, attachment):
        assert 'SECRET' not in repr(swapping.Swapped(
            swapping.Fate.WRITTEN, each))


def test_more_rows_than_a_statement_takes(tmp_path):
    place = places.CinderPlace(f'sqlite:///{tmp_path}/many')
    database = cinder.Cinder(engine.Database(place.tables.url, 'DB'))
    for server in range(1, 1003):
        place.add_row(server, 'old')
    rows = database.attachments(ids=map(places.attachment, range(1, 1003)))
    found = database.swap([(row, 'new') for row in rows])
    assert {(each.written, each.after.connection_info)
            for each in found} == {(True, 'new')}
    assert [each.after.id for each in found] == [row.id for row in rows]
    place.close()
