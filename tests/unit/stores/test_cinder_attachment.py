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

"""Cinder's attachments: the rows that are read, and the guards of a write."""

import dataclasses
import datetime
import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from tests.unit import memory
from tests.unit.stores import places

ISCSI = json.dumps({'driver_volume_type': 'iscsi', 'target_lun': 1})


@pytest.fixture
def place(tmp_path):
    made = places.CinderPlace(f'sqlite:///{tmp_path}/cinder')
    yield made
    made.close()


def scan(place, *attachments):
    """Return (key, instance) of the attachments that Nova's mappings name."""
    scope = dataclasses.replace(place.scope(1, 2, 3), before=tuple(
        Record(Locator('nova-bdm', places.HOST, memory.uuid(server), '7'),
               None, attachment=attachment, volume_id=volume)
        for server, volume, attachment in attachments))
    return [(record.locator.key, record.locator.instance)
            for record in place.store.scan(scope)]


def found(*servers):
    return [(places.attachment(server), memory.uuid(server))
            for server in servers]


def test_nova_s_mappings_say_which(place):
    for server in (1, 2, 3):
        place.add(server)
    assert scan(place) == []
    assert scan(
        place, (1, places.volume(1), places.attachment(1)),
        (3, places.volume(3), places.attachment(3))) == found(1, 3)


def test_nova_s_word_on_the_server_counts(place):
    place.add_row(1, place.text(1), instance_uuid=None)
    place.add_row(2, place.text(2), instance_uuid=memory.uuid(3))
    assert scan(
        place, (1, places.volume(1), places.attachment(1)),
        (2, places.volume(2), places.attachment(2))) == found(1, 2)


def test_rows_older_than_attachment_ids_go_by_volume_and_server(place):
    place.add(1)
    # Another volume of that server, and that volume at another server.
    place.add_row(2, place.text(2), instance_uuid=memory.uuid(1))
    place.add_row(3, place.text(3), volume_id=places.volume(1))
    assert scan(place, (1, places.volume(1), None)) == found(1)


def test_a_row_that_is_found_both_ways_comes_once(place):
    place.add(1)
    place.add_row(2, place.text(2), instance_uuid=memory.uuid(1))
    assert scan(
        place, (1, places.volume(1), places.attachment(1)),
        (1, places.volume(2), None)) == [
        (places.attachment(1), memory.uuid(1)),
        (places.attachment(2), memory.uuid(1))]


def test_mappings_of_no_volume_lead_nowhere(place):
    place.add(1)
    assert scan(place, (1, None, places.attachment(1))) == []


def test_without_nova_s_database_all_of_a_server_s(place):
    for server in (1, 2, 3):
        place.add(server)
    scope = dataclasses.replace(place.scope(1, 3), before=None)
    assert [(record.locator.key, record.locator.instance)
            for record in place.store.scan(scope)] == found(1, 3)


@pytest.mark.parametrize('fields', [
    {'deleted': True}, {'connection_info': ISCSI},
])
def test_rows_that_are_none_of_ours(place, fields):
    where = place.add_row(1, place.text(1), **fields) if (
        'deleted' in fields) else place.add_row(1, ISCSI)
    assert list(place.store.scan(place.scope(1))) == []
    with pytest.raises(exceptions.Gone):
        place.store.get(where)


@pytest.mark.parametrize('text', [
    None, '', 'null', '{}', 'AQBSECRET==',
    json.dumps({'driver_volume_type': 'rbd', 'name': 'p/i'}),
])
def test_what_cannot_be_read_is_told(place, text):
    where = place.add_row(1, text)
    [record] = place.store.scan(place.scope(1))
    assert record == place.store.get(where)
    assert (record.locator, record.document) == (where, None)
    assert record.unreadable
    assert 'SECRET' not in record.unreadable


def test_what_a_row_tells_beside_the_document(place):
    place.add(1)
    [record] = place.store.scan(place.scope(1))
    assert (record.attachment, record.volume_id, record.disk) == (
        places.attachment(1), places.volume(1), None)


def change_of(place, where):
    record = place.store.get(where)
    [disk] = record.document.disks
    return Change(record, record.document.edited({
        disk.key: record.document.spell(disk, memory.addrs(memory.NEW))}),
        ())


@pytest.mark.parametrize('fields', [
    {'volume_id': places.volume(2)}, {'connection_info': None},
    {'connection_info': ISCSI}, {'deleted': True},
])
def test_the_row_is_another_s_by_now(place, fields):
    where = place.add(1)
    change = change_of(place, where)
    place.update(where, **fields)
    before = place.everything()
    [outcome] = place.store.put([change])
    assert outcome.verdict is Verdict.CONFLICT
    assert place.everything() == before


def test_the_time_of_the_write_is_kept_in_utc(place):
    where = place.add(1)
    place.add(2)
    early = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    place.store.put([change_of(place, where)])
    late = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    first, second = [row['updated_at'] for row in
                     place.everything()['volume_attachment']]
    assert early <= first <= late
    assert second is None


def test_more_than_a_statement_takes(place):
    """No row is lost between two batches."""
    servers = range(1, 2001)
    for server in (1, 900, 901, 1800, 1801, 2000):
        place.add(server)
    records = place.store.scan(place.scope(*servers))
    assert [record.locator.key for record in records] == [
        places.attachment(server)
        for server in (1, 900, 901, 1800, 1801, 2000)]
