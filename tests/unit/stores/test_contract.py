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

"""The contract that every store must keep."""

import re

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.stores import registry
from tests.unit import memory
from tests.unit.stores import ceph_conf_place
from tests.unit.stores import domain_places
from tests.unit.stores import places

NEW = memory.addrs('10.1.0.1:6789,[fd01::2]:6789')
DATABASE = 'sqlite:///{}/database'
PLACES = {
    'nova-bdm': lambda folder: places.NovaPlace(DATABASE.format(folder)),
    'cinder-attachment': lambda folder: places.CinderPlace(
        DATABASE.format(folder)),
    'domain': lambda folder: places.DomainPlace(),
    'domain running': lambda folder: domain_places.RunningDomainPlace(),
    'managed-save': lambda folder: domain_places.ManagedSavePlace(),
    'unrescue': lambda folder: domain_places.UnrescuePlace(
        folder / 'instances'),
    'live-domain': lambda folder: domain_places.LiveDomainPlace(),
    'ceph-conf': lambda folder: ceph_conf_place.CephConfPlace(folder),
}
READ_ONLY = {name for name, spec in registry.SPECS.items()
             if not spec.writable}
SKIPS = {'live-domain': SkipReason.READ_ONLY,
         'ceph-conf': SkipReason.CONFIG_FILE}


def made(request, tmp_path):
    place = PLACES[request.param](tmp_path)
    assert place.store.name == request.param.split()[0]
    yield place
    place.close()


@pytest.fixture(params=PLACES)
def place(request, tmp_path):
    """Return a place of each store in turn."""
    yield from made(request, tmp_path)


@pytest.fixture(params=[each for each in PLACES if each not in READ_ONLY])
def writable(request, tmp_path):
    """Return a place of each writable store in turn."""
    yield from made(request, tmp_path)


@pytest.fixture(params=sorted(READ_ONLY))
def read_only(request, tmp_path):
    yield from made(request, tmp_path)


def test_every_store_is_under_contract():
    assert {name.split()[0] for name in PLACES} == set(registry.SPECS)
    assert READ_ONLY == {'live-domain', 'ceph-conf'}


def scan(place, *servers):
    return {record.locator: record
            for record in place.store.scan(place.scope(*servers))}


def change_of(record, monitors=NEW):
    [disk] = record.document.disks
    return Change(record, record.document.edited(
        {disk.key: record.document.spell(disk, monitors)}), ())


def put(place, *changes):
    outcomes = place.store.put(changes)
    assert [outcome.locator for outcome in outcomes] == [
        change.locator for change in changes]
    return [outcome.verdict for outcome in outcomes]


def test_nobody_has_nothing(place):
    place.add(1)
    assert scan(place) == {}
    assert scan(place, 2) == {}


def test_scan_yields_what_the_scope_s_servers_have(place):
    wanted = {place.add(1), place.add(3)}
    place.add(2)
    found = scan(place, 1, 3, 4)
    assert set(found) == wanted
    for server, where in zip((1, 3), sorted(
            wanted, key=lambda each: each.instance)):
        record = found[where]
        assert record.document.text == place.text(server)
        [disk] = record.document.disks
        assert disk.monitors == tuple(
            MonAddr(host, 6789) for host in places.OLD)
        assert disk.image == (
            f'vms/{memory.uuid(server)}_disk'
            if place.store.name == 'ceph-conf'
            else f'volumes/volume-{places.volume(server)}')
        assert (disk.user, disk.secret_uuid) == ('cinder', 'S')
        assert record.unreadable is None
        assert record.skip is SKIPS.get(place.store.name)


def test_get_reads_what_scan_found(place):
    where = place.add(1)
    place.add(2)
    assert place.store.get(where) == scan(place, 1, 2)[where]


def test_get_reads_again(place):
    where = place.add(1)
    scan(place, 1)
    text = place.text(1).replace('10.0.0.1', '10.0.0.9')
    place.set_text(where, text)
    assert place.store.get(where).document.text == text


def test_what_is_gone(place):
    where = place.add(1)
    place.add(2)
    place.remove(where)
    assert where not in scan(place, 1, 2)
    with pytest.raises(exceptions.Gone):
        place.store.get(where)


def test_a_text_that_cannot_be_read_is_told_without_a_word_of_it(place):
    text = broken(place.text(1))
    assert 'SECRET' in text
    where = place.add(1, text)
    [record] = place.store.scan(place.scope(1))
    assert record == place.store.get(where)
    assert (record.locator, record.document) == (where, None)
    assert record.unreadable
    assert 'SECRET' not in repr(record)


def broken(text):
    """Return a document with a repeated disk, or without its ends."""
    disk = re.search('<disk.*</disk>', text, re.DOTALL)
    return (text.replace(disk[0], disk[0] * 2) if disk
            else text.strip('[}'))


def kept(store):
    """Return all attributes of a store; containers with their content."""
    return {name: (value, repr(value) if isinstance(
        value, (dict, list, set)) else '')
        for name, value in {**vars(type(store)), **vars(store)}.items()}


def test_a_store_keeps_no_state(place):
    where, _ = place.add(1), place.add(2)
    one, other = place.store, place.open()
    before = kept(one), kept(other)
    for first, second in zip(one.scan(place.scope(1, 2)),
                             other.scan(place.scope(1, 2))):
        assert first == second == one.get(first.locator)
        assert second == other.get(first.locator)
    change = change_of(one.get(where))
    outcomes = other.put([change])
    assert other.get(where) == one.get(where) == place.open().get(where)
    assert list(one.scan(place.scope(1, 2))) == list(
        other.scan(place.scope(1, 2)))
    assert (outcomes[0].verdict is Verdict.FIXED) is (
        one.get(where).document == change.document)
    assert (kept(one), kept(other)) == before


def test_put_writes_the_document_and_nothing_else(writable):
    where = writable.add(1)
    writable.add(2)
    change = change_of(writable.store.get(where))
    before = writable.everything()
    assert put(writable, change) == [Verdict.FIXED]
    assert writable.store.get(where).document == change.document
    assert change.document.disks[0].monitors == NEW
    assert change.document.text != writable.text(1)
    writable.set_text(where, writable.text(1))
    assert without_times(writable.everything()) == without_times(before)


def test_the_inverse_restores_every_byte(writable):
    where = writable.add(1)
    record = writable.store.get(where)
    put(writable, change_of(record))
    again = writable.store.get(where)
    [disk] = record.document.disks
    back = Change(again, again.document.edited({disk.key: disk.verbatim}),
                  ())
    assert put(writable, back) == [Verdict.FIXED]
    assert writable.store.get(where).document.text == writable.text(1)


def test_many_at_once_in_their_order(writable):
    wheres = [writable.add(server) for server in (3, 1, 2)]
    found = scan(writable, 1, 2, 3)
    writable.set_text(wheres[1], writable.text(1) + ' ')
    assert put(writable, *[change_of(found[where]) for where in wheres]) == [
        Verdict.FIXED, Verdict.CONFLICT, Verdict.FIXED]
    assert [record.document.disks[0].monitors == NEW
            for record in map(writable.store.get, wheres)] == [
        True, False, True]


@pytest.mark.parametrize('read', [
    lambda store, scope, where: next(
        each for each in store.scan(scope) if each.locator == where),
    lambda store, scope, where: store.get(where),
], ids=['scan', 'get'])
def test_a_store_may_put_what_another_instance_read(writable, read):
    where, _ = writable.add(1), writable.add(2)
    record = read(writable.open(), writable.scope(1, 2), where)
    assert put(writable, change_of(record)) == [Verdict.FIXED]
    assert writable.store.get(where).document.disks[0].monitors == NEW


def test_a_store_that_is_read_only_writes_nothing(read_only):
    wheres = [read_only.add(1), read_only.add(2)]
    changes = [change_of(read_only.store.get(where)) for where in wheres]
    before = read_only.everything()
    assert put(read_only, *changes) == [Verdict.FAILED] * 2
    assert read_only.everything() == before


@pytest.mark.parametrize('old, new', [
    ('10.0.0.2', '10.0.0.4'),
    ('cinder', 'CINDER'),
    ('SECRET', 'secret'),
    ('\u00e4', '\u00c4'),
    ('\u00e4', 'a'),
    ('%s', '%s '),
    ('==', ''),
])
def test_a_text_that_changed_is_left_alone(writable, old, new):
    where = writable.add(1)
    change = change_of(writable.store.get(where))
    text = writable.text(1).replace(old, new, 1)
    assert text != writable.text(1)
    writable.set_text(where, text)
    check_conflict(writable, change)


def test_a_text_that_somebody_else_wrote_is_not_ours(writable):
    """The text is identical, but another writer wrote it."""
    where = writable.add(1)
    change = change_of(writable.store.get(where))
    writable.set_text(where, change.document.text)
    check_conflict(writable, change)


@pytest.mark.parametrize('blank', [' ', '\n', '\t'])
def test_a_blank_at_the_end_is_a_change(writable, blank):
    where = writable.add(1, writable.text(1).rstrip())
    change = change_of(writable.store.get(where))
    writable.set_text(where, writable.text(1).rstrip() + blank)
    check_conflict(writable, change)


def test_what_is_gone_is_not_brought_back(writable):
    where = writable.add(1)
    writable.add(2)
    change = change_of(writable.store.get(where))
    writable.remove(where)
    check_conflict(writable, change)


def check_conflict(place, change):
    before = place.everything()
    [outcome] = place.store.put([change])
    assert outcome.verdict is Verdict.CONFLICT
    assert outcome.locator == change.locator
    assert outcome.reason
    assert 'SECRET' not in outcome.reason
    assert place.everything() == before


def without_times(everything):
    """Return all rows without the time of our own write."""
    if not all(isinstance(rows, list) for rows in everything.values()):
        return everything
    return {table: [{**row, 'updated_at': None} for row in rows]
            for table, rows in everything.items()}
