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

"""Other clients change a domain while it is redefined."""

from __future__ import annotations

import contextlib
import dataclasses

import pytest

from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.clients.libvirt_events import DomainEvent
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.stores import defining
from rbd_mon_fix.stores import registry
from tests.unit import memory
from tests.unit.stores import places

NEW = memory.addrs('10.1.0.1:6789,[fd01::2]:6789')
DISK = ("<disk type='block'><source dev='/dev/sdb'/>"
        "<target dev='vdb'/></disk>")
INTERFACE = "<interface type='bridge'><mac address='fa:16:3e:00:00:01'/>" \
    '</interface>'


class Place(places.DomainPlace):
    """A libvirt with one running domain, and another client.

    :param meanwhile: the client's action right before a define
    :param calls: how many looks find libvirt inside the client's call
    :param at_last: the client's action at the end of the call
    """

    def __init__(self):
        super().__init__()
        self.where = self.add(1)
        self.live_texts[self.where.key] = self.texts[self.where.key]
        self.meanwhile = self.at_last = lambda: None
        self.calls = 0

    def define(self, xml):
        self.meanwhile()
        super().define(xml)

    def at_work(self, uuid):
        self.calls -= 1
        if not self.calls:
            self.at_last()
        return self.calls >= 0

    def put(self, record=None):
        if record is None:
            [record] = self.store.scan(self.scope(1))
        document = record.document
        [disk] = document.disks
        [outcome] = self.store.put([Change(record, document.edited(
            {disk.key: document.spell(disk, NEW)}), ())])
        return outcome.verdict, outcome.reason

    def attach(self, device, *where):
        for texts in where:
            texts[self.where.key] = texts[self.where.key].replace(
                '</devices>', f'{device}</devices>')


@pytest.fixture
def place():
    return Place()


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    taken = []
    monkeypatch.setattr(defining.time, 'sleep', taken.append)
    return taken


def test_nobody_does_anything(place, pauses):
    assert place.put() == (Verdict.FIXED, '')
    assert pauses == []


def test_what_only_runs_or_only_starts_was_so_before(place):
    place.attach(DISK, place.live_texts)
    place.attach(INTERFACE, place.texts)
    assert place.put() == (Verdict.FIXED, '')


@pytest.mark.parametrize('old, new, verdict', [
    ('\n  <metadata>', '\n      <metadata>', Verdict.FIXED),
    ('\n  <metadata>', '<metadata>', Verdict.FIXED),
    ('<metadata>', '<metadata x="1">', Verdict.UNVERIFIED),
    ('domain ', 'domain  ', Verdict.UNVERIFIED)])
def test_libvirt_lays_out_what_was_migrated_here(place, old, new, verdict):
    def define(xml):
        assert old in xml
        places.DomainPlace.define(place, xml.replace(old, new))

    place.define = define
    assert place.put()[0] is verdict


def scan_again(place):
    list(place.store.scan(place.scope(1)))


def scan_another_batch(place):
    list(place.store.scan(place.scope(2)))


def scan_running_domains(place):
    before = tuple(place.store.scan(place.scope(1)))
    running = registry.SPECS['live-domain'].open(place, places.HOST)
    list(running.scan(dataclasses.replace(place.scope(1), before=before)))


@pytest.mark.parametrize('then', [
    scan_again, scan_another_batch, scan_running_domains,
    lambda place: None])
@pytest.mark.parametrize('read', [
    lambda place: next(iter(place.store.scan(place.scope(1)))),
    lambda place: place.store.get(place.where)], ids=['scan', 'get'])
def test_an_old_difference_is_none_of_that_moment(place, read, then):
    place.attach(DISK, place.live_texts)
    record = read(place)
    then(place)
    assert place.put(record) == (Verdict.FIXED, '')


@pytest.mark.parametrize(('device', 'named'), [
    (DISK, 'vdb /dev/sdb'), (INTERFACE, 'fa:16:3e:00:00:01')])
def test_a_device_that_the_define_loses(place, device, named):
    place.meanwhile = lambda: place.attach(device, place.texts,
                                           place.live_texts)
    verdict, reason = place.put()
    assert verdict is Verdict.UNVERIFIED
    assert named in reason


def test_a_device_that_the_define_brings_back(place):
    for texts in (place.texts, place.live_texts):
        place.attach(DISK, texts)
    uuid = place.where.key
    place.meanwhile = lambda: place.live_texts.update(
        {uuid: place.live_texts[uuid].replace(DISK, '')})
    verdict, reason = place.put()
    assert verdict is Verdict.UNVERIFIED
    assert 'vdb' in reason


@pytest.mark.parametrize('meddle, named', [
    (lambda place: place.texts.pop(place.where.key), 'transient'),
    (lambda place: place.live_texts.update({
        place.where.key: place.text(1).replace(
            '<target', '<mirror type="file"/><target')}), 'block job'),
    (lambda place: place.texts.update({
        place.where.key: place.text(1) + ' '}), 'changed'),
    (lambda place: (place.texts.clear(), place.live_texts.clear()),
     'no such domain'),
])
def test_a_domain_that_changed_since_it_was_read(place, meddle, named):
    record = place.store.get(place.where)
    meddle(place)
    before = place.everything()
    verdict, reason = place.put(record)
    assert verdict is Verdict.CONFLICT
    assert named in reason
    assert place.everything() == before


@pytest.mark.parametrize('device, verdict', [
    ('', Verdict.FIXED), (DISK, Verdict.UNVERIFIED)])
def test_a_domain_that_was_started_since_it_was_read(place, device, verdict):
    live = place.live_texts.pop(place.where.key)
    record = place.store.get(place.where)
    assert record.live is None
    place.live_texts[place.where.key] = live.replace(
        '</devices>', f'{device}</devices>')
    assert place.put(record)[0] is verdict


def test_a_define_that_libvirt_declines(place):
    def decline():
        raise libvirt.Declined('libvirt says: no.')

    place.meanwhile = decline
    assert place.put() == (Verdict.FAILED, 'libvirt says: no.')


def test_a_domain_that_is_gone_after_the_define(place):
    place.calls, place.at_last = 1, lambda: (
        place.texts.clear(), place.live_texts.clear())
    verdict, reason = place.put()
    assert verdict is Verdict.UNVERIFIED
    assert reason == 'Libvirt has no such domain.'


def test_a_call_that_ends_well_is_waited_for(place, pauses):
    place.calls = 3
    assert place.put() == (Verdict.FIXED, '')
    assert len(pauses) == 3


def test_a_call_that_undoes_the_define(place):
    before = dict(place.texts)
    place.calls, place.at_last = 3, lambda: place.texts.update(before)
    assert place.put() == (Verdict.UNVERIFIED,
                           "Libvirt's XML differs from the XML that was "
                           'written.')


def test_a_call_without_an_end(place, pauses):
    place.calls = 1000
    verdict, reason = place.put()
    assert verdict is Verdict.UNVERIFIED
    assert 'still working' in reason
    assert 4 < sum(pauses) < 6


def other_text(place):
    return place.texts[place.where.key].replace(
        '</description>', ', edited</description>')


OTHERS = {
    'defines': (lambda place: places.DomainPlace.define(
        place, other_text(place)), 'Another client changed the domain'),
    'defines the same': (lambda place: places.DomainPlace.define(
        place, place.texts[place.where.key]),
        'Another client changed the domain'),
    'changes metadata': (lambda place: place.tell(
        place.where.key, DomainEvent.METADATA),
        'Another client changed the domain'),
    'undefines': (lambda place: place.undefine(place.where.key),
                  'Another client undefined the domain')}


@pytest.mark.parametrize('runs', [True, False])
@pytest.mark.parametrize('act, named', OTHERS.values(), ids=OTHERS)
def test_another_client_between_the_comparison_and_the_define(
        place, act, named, runs):
    if not runs:
        place.live_texts.clear()
    place.meanwhile = lambda: act(place)
    verdict, reason = place.put()
    assert verdict is Verdict.UNVERIFIED
    assert named in reason


def test_another_client_before_the_comparison(place, monkeypatch):
    """Its text is compared, and it may have written what was there."""
    def active(uuid):
        place.tell(uuid, DomainEvent.DEFINED)
        return places.DomainPlace.active(place, uuid)

    monkeypatch.setattr(place, 'active', active)
    assert place.put() == (Verdict.FIXED, '')


@pytest.mark.parametrize('others, verdict', [
    (0, Verdict.FIXED), (1, Verdict.UNVERIFIED), (2, Verdict.UNVERIFIED)])
def test_the_file_is_replaced_without_an_event(place, tmp_path, monkeypatch,
                                               others, verdict):
    """Nobody counts what was there before the comparison."""
    [record] = place.store.scan(place.scope(1))
    file = tmp_path / f'{record.document.name}.xml'

    def replace(number):
        for _ in range(number):
            (tmp_path / 'new').touch()
            (tmp_path / 'new').replace(file)

    monkeypatch.setattr(places.Watch, 'folder', str(tmp_path))
    monkeypatch.setattr(place, 'active', lambda uuid: replace(3))
    place.live_texts.clear()
    place.meanwhile = lambda: replace(others + 1)
    found, reason = place.put(record)
    assert found is verdict
    assert ('Another client changed' in reason) == bool(others)


def test_another_client_defines_another_domain(place):
    place.meanwhile = lambda: places.DomainPlace.define(place, place.text(2))
    assert place.put() == (Verdict.FIXED, '')


def test_a_define_that_libvirt_does_not_report(place, monkeypatch):
    monkeypatch.setattr(place, 'tell', lambda uuid, event: None)
    verdict, reason = place.put()
    assert verdict is Verdict.UNVERIFIED
    assert 'did not report the write' in reason


def test_nothing_is_written_without_events(place, monkeypatch):
    @contextlib.contextmanager
    def declined():
        raise libvirt.Declined('libvirt reported: no.')
        yield

    monkeypatch.setattr(place, 'watching', declined)
    before = place.everything()
    verdict, reason = place.put()
    assert verdict is Verdict.FAILED
    assert reason.endswith('libvirt reported: no.')
    assert place.everything() == before
