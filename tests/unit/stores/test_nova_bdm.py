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

"""Nova's block device mappings: the rows read, and the guards of a write."""

import contextlib
import datetime
import json
import sqlite3

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory
from tests.unit.stores import places

TEXT = json.dumps({'driver_volume_type': 'iscsi', 'data': {}})


@pytest.fixture
def place(tmp_path):
    made = places.NovaPlace(f'sqlite:///{tmp_path}/cell')
    yield made
    made.close()


def keys(place, *servers):
    return [record.locator.key
            for record in place.store.scan(place.scope(*servers))]


def change_of(place, where):
    record = place.store.get(where)
    [disk] = record.document.disks
    return Change(record, record.document.edited({
        disk.key: record.document.spell(disk, memory.addrs(memory.NEW))}),
        ())


@pytest.mark.parametrize('fields', [
    {'destination_type': 'local'}, {'destination_type': None},
    {'deleted': 1}, {'connection_info': TEXT},
])
def test_rows_that_are_none_of_ours(place, fields):
    place.add_server(1)
    place.add_row(1, place.text(1), **fields)
    assert keys(place, 1) == []


@pytest.mark.parametrize('fields', [
    {'host': 'cmp2'}, {'host': None}, {'deleted': 7},
])
def test_servers_that_are_elsewhere(place, fields):
    place.add_server(1, **fields)
    place.add_row(1, place.text(1))
    assert keys(place, 1) == []


def test_a_server_may_have_many_volumes_in_the_order_of_their_rows(place):
    for server in (2, 1):
        place.add_server(server)
    for server in (2, 1, 2, 1):
        place.add_row(server, place.text(server))
    assert keys(place, 1, 2) == ['2', '4', '1', '3']
    assert keys(place, 2) == ['1', '3']


@pytest.mark.parametrize('text', [
    None, '', 'null', '{}', '{', 'AQBSECRET==',
    json.dumps({'driver_volume_type': 'rbd', 'data': {'name': 'p/i'}}),
    json.dumps({'driver_volume_type': 'rbd',
                'data': places.data(1, hosts=[], ports=[])}),
])
def test_what_cannot_be_read_is_told(place, text):
    place.add_server(1)
    where = place.add_row(1, text, device_name='/dev/vdb')
    [record] = place.store.scan(place.scope(1))
    assert record == place.store.get(where)
    assert (record.locator, record.document) == (where, None)
    assert record.unreadable
    assert 'SECRET' not in record.unreadable
    assert record.disk == 'vdb'


@pytest.mark.parametrize('fields, attachment, volume, disk', [
    ({}, places.attachment(1), places.volume(1), 'vda'),
    ({'attachment_id': None}, None, places.volume(1), 'vda'),
    ({'device_name': None}, places.attachment(1), places.volume(1), None),
    ({'device_name': 'sdb'}, places.attachment(1), places.volume(1), 'sdb'),
])
def test_what_a_row_tells_beside_the_document(place, fields, attachment,
                                              volume, disk):
    place.add_server(1)
    place.add_row(1, place.text(1), **fields)
    [record] = place.store.scan(place.scope(1))
    assert (record.attachment, record.volume_id, record.disk) == (
        attachment, volume, disk)


@pytest.mark.parametrize('fields', [
    {'connection_info': TEXT}, {'instance_uuid': memory.uuid(2)},
])
def test_a_row_that_is_another_s_by_now_is_gone(place, fields):
    where = place.add(1)
    place.update(where, **fields)
    with pytest.raises(exceptions.Gone):
        place.store.get(where)


@pytest.mark.parametrize('before, after', [
    (places.attachment(1), places.attachment(2)),
    (places.attachment(1), None),
    (None, places.attachment(1)),
])
def test_the_attachment_is_another(place, before, after):
    place.add_server(1)
    where = place.add_row(1, place.text(1), attachment_id=before)
    change = change_of(place, where)
    place.update(where, attachment_id=after)
    check_conflict(place, change)


@pytest.mark.parametrize('fields', [
    {'connection_info': None}, {'connection_info': TEXT},
])
def test_the_row_holds_no_document_of_ours_by_now(place, fields):
    where = place.add(1)
    change = change_of(place, where)
    place.update(where, **fields)
    check_conflict(place, change)


@pytest.mark.parametrize('fields', [
    {'task_state': 'rebooting'}, {'task_state': ''}, {'host': 'cmp2'},
    {'host': None}, {'deleted': 1},
])
def test_the_server_is_busy_or_elsewhere_by_now(place, fields):
    where = place.add(1)
    change = change_of(place, where)
    place.tables.update('instances', 'uuid', memory.uuid(1), **fields)
    check_conflict(place, change, 'busy')


def check_conflict(place, change, word='changed'):
    before = place.everything()
    [outcome] = place.store.put([change])
    assert outcome.verdict is Verdict.CONFLICT
    assert word in outcome.reason
    assert place.everything() == before


def test_a_row_without_an_attachment(place):
    place.add_server(1)
    where = place.add_row(1, place.text(1), attachment_id=None)
    [outcome] = place.store.put([change_of(place, where)])
    assert outcome.verdict is Verdict.FIXED


def test_the_time_of_the_write_is_kept_in_utc(place):
    where = place.add(1)
    other = place.add(2)
    early = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    place.store.put([change_of(place, where)])
    late = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    times = {str(row['id']): row['updated_at'] for row in
             place.everything()['block_device_mapping']}
    assert early <= times[where.key] <= late
    assert times[other.key] is None
    assert {row['host'] for row in place.everything()['instances']} == {
        places.HOST}


@pytest.mark.parametrize('key', ['', 'x', '-1', '\u0661', '9' * 30])
def test_a_row_id_of_a_damaged_journal(place, key):
    where = place.add(1)._replace(key=key)
    with pytest.raises(exceptions.Gone):
        place.store.get(where)


@pytest.mark.parametrize('stored', [
    "CAST(x'7bff7d' AS TEXT)", "x'7b7d'", "x'ff'", "CAST(x'7b00' AS TEXT)",
    '7'])
def test_rows_that_hold_no_text(place, tmp_path, stored):
    keep, bad = place.add(1), place.add(2)
    with contextlib.closing(sqlite3.connect(tmp_path / 'cell')) as database:
        database.execute('UPDATE block_device_mapping SET connection_info = '
                         f'{stored} WHERE id = {bad.key}')
        database.commit()
    records = {record.locator: record
               for record in place.store.scan(place.scope(1, 2))}
    assert records[keep].document is not None
    assert records[bad].unreadable
