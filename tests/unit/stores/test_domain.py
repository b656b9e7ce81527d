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


"""Persistent and running domains: the XML that is read, and how often."""

import dataclasses

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.stores import registry
from tests.unit import memory
from tests.unit.stores import places

MIRROR = '<mirror type="file"/>'


class Place(places.DomainPlace):
    """A libvirt that counts how often XML is read.

    :param faults: errors to raise when a domain's XML is read
    """

    def __init__(self):
        super().__init__()
        self.reads = []
        self.faults = {}

    def inactive_xml(self, uuid):
        self.reads.append(('inactive', uuid))
        if uuid in self.faults:
            raise self.faults[uuid]
        return super().inactive_xml(uuid)

    def live_xml(self, uuid):
        self.reads.append(('live', uuid))
        if uuid in self.faults:
            raise self.faults[uuid]
        return super().live_xml(uuid)

    def persistent_xml_reads(self):
        return [uuid for kind, uuid in self.reads if kind == 'inactive']

    def start(self, server, text=None):
        uuid = memory.uuid(server)
        self.live_texts[uuid] = text or self.texts[uuid]

    def running(self):
        return super().running() | set(self.faults)


@pytest.fixture
def place():
    return Place()


def live_store(place):
    return registry.SPECS['live-domain'].open(place, places.HOST)


def test_a_record_carries_the_xml_of_the_running_domain(place):
    place.add(1)
    place.add(2)
    place.start(1, place.text(1).replace('vda', 'vdb'))
    running, stopped = place.store.scan(place.scope(1, 2))
    assert running.live.text == place.live_texts[memory.uuid(1)]
    assert stopped.live is None
    assert place.store.get(running.locator) == running
    assert place.store.get(stopped.locator) == stopped


def test_the_running_domain_is_not_read_for_one_without_rbd(place):
    place.add(1, place.text(1).replace("protocol='rbd'", "protocol='nbd'"))
    place.start(1)
    [record] = place.store.scan(place.scope(1))
    assert (record.document.disks, record.live) == ((), None)
    assert ('live', memory.uuid(1)) not in place.reads


def test_xml_that_came_with_the_scope_is_not_read_again(place):
    where = place.add(1)
    place.add(2)
    document = domain_xml.DomainXML.parse(place.text(1))
    scope = dataclasses.replace(
        place.scope(1, 2), documents={where.key: document})
    first, second = place.store.scan(scope)
    assert first.document is document
    assert second.document.text == place.text(2)
    assert place.persistent_xml_reads() == [memory.uuid(2)]


def test_live_xml_that_came_before_is_not_read_again(place):
    for server in (1, 2):
        place.add(server)
        place.start(server)
    [before] = place.store.scan(place.scope(1))
    place.reads.clear()
    first, second = live_store(place).scan(dataclasses.replace(
        place.scope(1, 2), before=(before,)))
    assert first.document is before.live
    assert second.document.text == place.text(2)
    assert [read for read in place.reads if read[0] == 'live'] == [
        ('live', memory.uuid(2))]


def test_live_xml_of_a_domain_that_was_stopped_since_is_not_used(place):
    place.add(1)
    place.start(1)
    before = tuple(place.store.scan(place.scope(1)))
    place.live_texts.clear()
    assert live_store(place).scan(dataclasses.replace(
        place.scope(1), before=before)) == []


def test_a_transient_domain_is_skipped(place):
    where = place.add(1)
    place.start(1)
    del place.texts[where.key]
    [record] = place.store.scan(place.scope(1))
    assert record.skip is SkipReason.TRANSIENT
    assert place.store.get(where) == record


def test_a_domain_with_a_block_job_is_skipped(place):
    where = place.add(1)
    place.start(1, place.text(1).replace('<target', f'{MIRROR}<target'))
    [record] = place.store.scan(place.scope(1))
    assert record.skip is SkipReason.BLOCK_JOB
    assert place.store.get(where) == record


@pytest.mark.parametrize('opened', [lambda place: place.store, live_store])
def test_a_domain_that_goes_away_meanwhile_gives_no_record(place, opened):
    for server in (1, 2):
        place.add(server)
        place.start(server)
    place.faults[memory.uuid(1)] = exceptions.Gone('No such domain.')
    [record] = opened(place).scan(place.scope(1, 2))
    assert record.locator.key == memory.uuid(2)


def test_a_domain_that_goes_away_while_it_is_read_again(place):
    where = place.add(1)
    place.faults[where.key] = exceptions.Gone('No such domain.')
    with pytest.raises(exceptions.Gone):
        place.store.get(where)


def test_live_xml_that_cannot_be_read(place):
    where = place.add(1)
    place.start(1, '<domain')
    [record] = place.store.scan(place.scope(1))
    assert record.document is None and 'not well-formed' in record.unreadable
    assert place.store.get(where) == record


@pytest.mark.parametrize('opened', [lambda place: place.store, live_store])
def test_what_libvirt_declines_to_show_is_unreadable(place, opened):
    where = place.add(1)
    place.faults[where.key] = libvirt.Declined('libvirt says: no.')
    [record] = opened(place).scan(place.scope(1))
    assert record.document is None
    assert record.unreadable == 'libvirt says: no.'
