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

"""Cinder's database: the service of a volume."""

import pytest

from rbd_mon_fix.clients.database import cinder
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.model.cluster import VolumeService
from tests.unit.stores import places


@pytest.fixture
def place(tmp_path):
    made = places.CinderPlace(f'sqlite:///{tmp_path}/cinder')
    yield made
    made.close()


@pytest.fixture
def database(place):
    return cinder.Cinder(engine.Database(place.tables.url, 'DB'))


@pytest.mark.parametrize('host, expected', [
    ('ctl@rbd#volumes', VolumeService('ctl', 'rbd')),
    ('ctl@rbd', VolumeService('ctl', 'rbd')),
    ('ctl@rbd-1#pool#x', VolumeService('ctl', 'rbd-1')),
    ('cluster@rbd#a@b', VolumeService('cluster', 'rbd')),
    ('ctl', VolumeService('ctl', '')),
    ('ctl#pool', VolumeService('ctl', '')),
    ('', None),
    (None, None),
])
def test_services(place, database, host, expected):
    place.tables.insert('volumes', id='v', host=host, deleted=False)
    assert database.volumes(['v']) == {'v': cinder.Volume(expected, None)}


def test_volumes_that_there_are(place, database):
    for volume, deleted in (('a', False), ('b', True), ('c', False)):
        place.tables.insert('volumes', id=volume, host='h@rbd',
                            deleted=deleted)
    assert database.volumes([]) == {}
    assert database.volumes('abd') == {'a': cinder.Volume(
        VolumeService('h', 'rbd'), None)}


@pytest.mark.parametrize('status, migration, expected', [
    ('in-use', None, None), ('in-use', 'none', None),
    ('in-use', 'success', None), ('in-use', 'error', None),
    ('in-use', '', None), ('in-use', 'deleting', None),
    ('retyping', None, 'retyping'), ('retyping', 'success', 'retyping'),
    ('in-use', 'migrating', 'migration: migrating'),
    ('retyping', 'starting', 'migration: starting'),
])
def test_volumes_that_are_moved(place, database, status, migration,
                                expected):
    place.tables.insert('volumes', id='v', host='h@rbd', deleted=False,
                        status=status, migration_status=migration)
    assert database.volumes(['v'])['v'].moving == expected


def test_documents_do_not_show(place, database):
    place.add(1)
    [row] = database.attachments(ids=[places.attachment(1)])
    assert 'SECRET' in row.connection_info
    assert 'SECRET' not in repr(row)


def test_nothing_is_asked_for(place, database):
    place.add(1)
    assert database.attachments() == []


@pytest.mark.parametrize('changed, written', [
    ({}, True), ({'connection_info': 'new text'}, False),
    ({'volume_id': 'other'}, False), ({'deleted': True}, False)])
def test_a_swap_leaves_rows_that_have_changed(place, database, changed,
                                              written):
    where = place.add(1)
    [row] = database.attachments(ids=[where.key])
    if changed:
        place.update(where, **changed)
    [swapped] = database.swap([(row, 'mine')])
    assert swapped.written is written
    assert [swapped.after] == (
        database.attachments(ids=[where.key]) or [None])


def test_a_rehearsal_changes_nothing(place, database):
    place.add(1)
    before = place.everything()
    database.rehearse()
    assert place.everything() == before


def test_an_attachment_that_is_asked_for_twice(place, database):
    where = place.add(1)
    found = database.attachments(ids=[where.key], instances=[where.instance])
    assert [row.id for row in found] == [where.key]


@pytest.mark.parametrize('key', ['\ud800', 'a\0', '\U0001f600', '\x7f'])
def test_keys_that_no_row_has_are_not_asked_for(place, database, key):
    """PostgreSQL, MySQL and SQLite reject some of them."""
    where = place.add(1)
    assert [row.id for row in database.attachments(
        ids=[key, where.key], instances=[key])] == [where.key]
    assert database.volumes([key]) == {}
