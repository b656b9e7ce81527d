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

"""What every store has to keep to."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory
from tests.unit.stores import places

NEW = memory.addrs('10.1.0.1:6789,[fd01::2]:6789')


@pytest.fixture(params=['nova-bdm', 'cinder-attachment', 'domain'])
def place(request, tmp_path):
    url = f'sqlite:///{tmp_path}/database'
    made = {'nova-bdm': lambda: places.NovaPlace(url),
            'cinder-attachment': lambda: places.CinderPlace(url),
            'domain': places.DomainPlace}[request.param]()
    assert made.store.name == request.param
    yield made
    made.close()


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
        assert disk.image == f'volumes/volume-{places.volume(server)}'
        assert (disk.user, disk.secret_uuid) == ('cinder', 'S')
        assert (record.unreadable, record.skip) == (None, None)


def test_get_reads_what_scan_found(place):
    where = place.add(1)
    place.add(2)
    assert place.store.get(where) == scan(place, 1, 2)[where]


def test_get_reads_anew(place):
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


def test_put_writes_the_document_and_nothing_else(place):
    where = place.add(1)
    place.add(2)
    change = change_of(place.store.get(where))
    before = place.everything()
    assert put(place, change) == [Verdict.FIXED]
    assert place.store.get(where).document == change.document
    assert change.document.disks[0].monitors == NEW
    assert change.document.text != place.text(1)
    place.set_text(where, place.text(1))
    assert without_times(place.everything()) == without_times(before)


def test_the_inverse_restores_every_byte(place):
    where = place.add(1)
    record = place.store.get(where)
    put(place, change_of(record))
    again = place.store.get(where)
    [disk] = record.document.disks
    back = Change(again, again.document.edited({disk.key: disk.verbatim}),
                  ())
    assert put(place, back) == [Verdict.FIXED]
    assert place.store.get(where).document.text == place.text(1)


def test_many_at_once_in_their_order(place):
    wheres = [place.add(server) for server in (3, 1, 2)]
    found = scan(place, 1, 2, 3)
    place.set_text(wheres[1], place.text(1) + ' ')
    assert put(place, *[change_of(found[where]) for where in wheres]) == [
        Verdict.FIXED, Verdict.CONFLICT, Verdict.FIXED]
    assert [record.document.disks[0].monitors == NEW
            for record in map(place.store.get, wheres)] == [
        True, False, True]


@pytest.mark.parametrize('old, new', [
    ('10.0.0.2', '10.0.0.4'),
    ('cinder', 'CINDER'),
    ('SECRET', 'secret'),
    ('\u00e4', '\u00c4'),
    ('\u00e4', 'a'),
    ('%s', '%s '),
    ('==', ''),
])
def test_a_text_that_changed_is_left_alone(place, old, new):
    where = place.add(1)
    change = change_of(place.store.get(where))
    text = place.text(1).replace(old, new, 1)
    assert text != place.text(1)
    place.set_text(where, text)
    check_conflict(place, change)


@pytest.mark.parametrize('blank', [' ', '\n', '\t'])
def test_a_blank_at_the_end_is_a_change(place, blank):
    where = place.add(1, place.text(1).rstrip())
    change = change_of(place.store.get(where))
    place.set_text(where, place.text(1).rstrip() + blank)
    check_conflict(place, change)


def test_what_is_gone_is_not_brought_back(place):
    where = place.add(1)
    place.add(2)
    change = change_of(place.store.get(where))
    place.remove(where)
    check_conflict(place, change)


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
