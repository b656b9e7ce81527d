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


"""Managed-save images, and other clients that change them."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory
from tests.unit.stores import domain_places

NEW = memory.addrs(memory.NEW)


class Place(domain_places.ManagedSavePlace):
    """A libvirt with one saved domain, and another client.

    :param before: the client's action right before an image is rewritten
    :param after: the client's action right after an image is rewritten
    """

    def __init__(self):
        super().__init__()
        self.before = self.after = lambda: None
        self.where = self.add(1)

    def define_managed_save(self, uuid, xml):
        self.before()
        super().define_managed_save(uuid, xml)
        self.after()

    def put(self):
        record = self.store.get(self.where)
        [disk] = record.document.disks
        document = record.document.edited(
            {disk.key: record.document.spell(disk, NEW)})
        [outcome] = self.store.put([Change(record, document, ())])
        return outcome.verdict, outcome.reason


@pytest.fixture
def place():
    return Place()


def fail(error):
    raise error


def test_an_image_that_is_gone_when_it_is_read_gives_no_record(place):
    other = place.add(2)
    read = place.managed_save_xml
    place.managed_save_xml = lambda uuid: (
        place.remove(other) if uuid == other.key and other.key in place.images
        else None, read(uuid))[1]
    [record] = place.store.scan(place.scope(1, 2))
    assert record.locator == place.where


def test_a_damaged_image_is_unreadable(place):
    place.managed_save_xml = lambda uuid: fail(
        libvirt.Declined('libvirt says: no.'))
    [record] = place.store.scan(place.scope(1))
    assert (record.document, record.unreadable) == (
        None, 'libvirt says: no.')


def test_an_image_that_does_not_take_the_xml(place):
    place.before = lambda: fail(libvirt.Declined('libvirt says: too large.'))
    assert place.put() == (Verdict.FAILED, 'libvirt says: too large.')


@pytest.mark.parametrize('error', [
    exceptions.Gone('There is no managed-save image.'),
    libvirt.Declined('libvirt says: no.')])
def test_an_image_that_cannot_be_read_back(place, error):
    place.after = lambda: setattr(
        place, 'managed_save_xml', lambda uuid: fail(error))
    assert place.put() == (Verdict.UNVERIFIED, error.message)


def test_an_image_that_holds_something_else_when_it_is_read_back(place):
    place.after = lambda: place.set_text(place.where, place.text(1))
    assert place.put() == (Verdict.UNVERIFIED,
                           'The XML in the image differs from the XML that '
                           'was written.')
