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

"""Managed-save images of a real QEMU, in real libvirt."""

from __future__ import annotations

import dataclasses
import pathlib
import uuid as uuid_module

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import domain_xml
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.stores.domain import DomainStore
from rbd_mon_fix.stores.live_domain import LiveDomainStore
from rbd_mon_fix.stores.managed_save import ManagedSaveStore
from tests.functional import counting
from tests.functional import guests

libvirt = pytest.importorskip('libvirt')

BEFORE, AFTER = '<title>before</title>', '<title>after!</title>'


@pytest.fixture
def connection(hypervisor):
    """Return a separate libvirt connection, to act as another client."""
    connection = hypervisor._connection
    yield connection
    for domain in connection.listAllDomains(0):
        if domain.isActive():
            domain.destroy()
    for domain in connection.listAllDomains(0):
        domain.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)


@pytest.fixture
def store(hypervisor):
    return ManagedSaveStore(hypervisor)


@pytest.fixture
def disk(tmp_path):
    return counting.boot_sector(tmp_path / 'disk.img')


@pytest.fixture
def told(tmp_path):
    return tmp_path / 'told'


@pytest.fixture
def started(connection, disk, told):
    """Return a domain that counts."""
    domain = connection.defineXML(guests.guest(
        *counting.devices(disk, told), guests.VNC, metadata=BEFORE))
    domain.create()
    counting.wait_until_beyond(told, 100)
    return domain


@pytest.fixture
def saved(started):
    started.managedSave(0)
    return started


@pytest.fixture
def with_rbd(saved, disk):
    """Return a saved domain; replace the disk in its image by an rbd disk.

    QEMU opens no rbd image without Ceph, so no domain with rbd can be saved
    here.
    """
    xml = image_xml(saved).replace("<disk type='file'",
                                   "<disk type='network'")
    source = xml[xml.index('<source file='):]
    source = source[:source.index('/>') + 2]
    saved.managedSaveDefineXML(xml.replace(
        source, f"<source protocol='rbd' name='vms/x'>{guests.HOSTS}"
        '</source>'), 0)
    return saved


def image_xml(domain):
    return domain.managedSaveGetXMLDesc(
        libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE)


def image(root, domain) -> pathlib.Path:
    return root / 'lib' / 'qemu' / 'save' / f'{domain.name()}.save'


def scope(*domains):
    return Scope('h', {domain.UUIDString(): Instance(
        domain.UUIDString(), 'h') for domain in domains})


def locator(domain):
    uuid = domain.UUIDString()
    return Locator('managed-save', 'h', uuid, uuid)


def changed(record, old, new):
    text = record.document.text
    assert text.count(old) == 1
    return Change(record, domain_xml.DomainXML.parse(text.replace(old, new)),
                  ())


def test_a_rewritten_image_resumes_where_it_was(store, saved, told):
    [record] = store.scan(scope(saved))
    count = len(counting.counted(told))
    [outcome] = store.put([changed(record, BEFORE, AFTER)])
    assert (outcome.verdict, outcome.reason) == (Verdict.FIXED, '')

    saved.create()
    counting.wait_until_beyond(told, count + 100)
    assert AFTER in saved.XMLDesc(0)
    assert saved.state()[0] == libvirt.VIR_DOMAIN_RUNNING
    counted = counting.counted(told)
    assert counted == list(range(len(counted)))


def test_a_guest_that_was_saved_paused_resumes_paused(store, started):
    started.suspend()
    started.managedSave(0)
    [record] = store.scan(scope(started))
    [outcome] = store.put([changed(record, BEFORE, AFTER)])
    assert outcome.verdict is Verdict.FIXED
    started.create()
    assert started.state()[0] == libvirt.VIR_DOMAIN_PAUSED


def test_put_changes_the_monitors_and_nothing_else(store, with_rbd, root):
    before = image(root, with_rbd).read_bytes()
    [record] = store.scan(scope(with_rbd))
    assert record.locator == locator(with_rbd)
    assert (record.skip, record.unreadable) == (None, None)
    assert record.document.disks[0].image == 'vms/x'
    assert "passwd='s3cret'" in record.document.text
    [outcome] = store.put([guests.change(record)])
    assert (outcome.verdict, outcome.reason) == (Verdict.FIXED, '')

    again = store.get(record.locator)
    assert again.document.disks[0].monitors == guests.NEW
    assert again.document.text == image_xml(with_rbd) != record.document.text
    [outcome] = store.put([Change(again, record.document, ())])
    assert outcome.verdict is Verdict.FIXED
    # Memory and device state, and the unchanged header.
    assert image(root, with_rbd).read_bytes() == before


def test_xml_that_does_not_fit_is_refused(store, with_rbd, root):
    [record] = store.scan(scope(with_rbd))
    before = image(root, with_rbd).read_bytes()
    [outcome] = store.put([changed(
        record, BEFORE, f'<title>{"x" * 200_000}</title>')])
    assert outcome.verdict is Verdict.FAILED
    assert 'too large' in outcome.reason
    assert image(root, with_rbd).read_bytes() == before


def test_xml_of_another_guest_is_refused(store, with_rbd, root):
    [record] = store.scan(scope(with_rbd))
    before = image(root, with_rbd).read_bytes()
    [outcome] = store.put([changed(
        record, with_rbd.UUIDString(), str(uuid_module.uuid4()))])
    assert outcome.verdict is Verdict.FAILED
    assert image(root, with_rbd).read_bytes() == before


@pytest.mark.parametrize('damage', [
    lambda data: b'?' * 16 + data[16:],
    lambda data: b'LibvirtQemudPart' + data[16:],
    lambda data: data[:50], lambda data: data[:500], lambda data: b''],
    ids=['magic', 'unfinished', 'header', 'xml', 'empty'])
def test_a_damaged_image_is_reported_and_untouched(
        store, with_rbd, root, damage):
    [sound] = store.scan(scope(with_rbd))
    path = image(root, with_rbd)
    path.write_bytes(damage(path.read_bytes()))
    damaged = path.read_bytes()
    [record] = store.scan(scope(with_rbd))
    assert record.document is None
    assert record.unreadable.startswith('libvirt reported: ')
    [outcome] = store.put([guests.change(sound)])
    assert outcome.verdict is Verdict.FAILED
    assert path.read_bytes() == damaged


def test_an_image_that_was_changed_is_a_conflict(store, with_rbd, root):
    [record] = store.scan(scope(with_rbd))
    with_rbd.managedSaveDefineXML(image_xml(with_rbd).replace(
        "port='6789'", "port='6790'"), 0)
    before = image(root, with_rbd).read_bytes()
    [outcome] = store.put([guests.change(record)])
    assert outcome.verdict is Verdict.CONFLICT
    assert image(root, with_rbd).read_bytes() == before


def test_an_image_that_was_resumed_is_a_conflict(store, saved):
    [record] = store.scan(scope(saved))
    saved.create()
    [outcome] = store.put([changed(record, BEFORE, AFTER)])
    assert outcome.verdict is Verdict.CONFLICT
    assert store.scan(scope(saved)) == []
    with pytest.raises(exceptions.Gone):
        store.get(record.locator)


def test_a_domain_that_is_gone(store, saved):
    [record] = store.scan(scope(saved))
    saved.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
    [outcome] = store.put([changed(record, BEFORE, AFTER)])
    assert outcome.verdict is Verdict.CONFLICT
    with pytest.raises(exceptions.Gone):
        store.get(record.locator)


def test_what_libvirt_writes_otherwise_is_unverified(store, with_rbd):
    [record] = store.scan(scope(with_rbd))
    [outcome] = store.put([Change(record, record.document.edited(
        {'hda': '<host name="a"/>'}), ())])
    assert outcome.verdict is Verdict.UNVERIFIED
    assert outcome.reason


def test_only_servers_of_the_scope_that_were_saved(
        connection, store, saved):
    connection.defineXML(guests.guest(name='stopped'))
    assert store.scan(scope()) == []
    assert [record.locator for record in store.scan(
        scope(*connection.listAllDomains(0)))] == [locator(saved)]


def with_rbd_defined(connection, domain):
    """Add an rbd disk to the persistent XML of a running domain."""
    return connection.defineXML(guests.guest(
        guests.PLAIN, uuid=domain.UUIDString()))


def test_running_domains_are_read_only_and_read_once(
        connection, hypervisor, started, monkeypatch):
    connection.defineXML(guests.guest(name='stopped'))
    domains = scope(*connection.listAllDomains(0))
    with_rbd_defined(connection, started)
    live = LiveDomainStore(hypervisor)
    expected = started.XMLDesc(0)

    before = tuple(DomainStore(hypervisor).scan(domains))
    with monkeypatch.context() as patch:
        patch.setattr(hypervisor, 'live_xml', None)
        [record] = live.scan(dataclasses.replace(domains, before=before))
    assert record.locator.store == 'live-domain'
    assert record.document.text == expected
    assert record.skip is SkipReason.READ_ONLY
    [again] = live.scan(domains)
    assert again == live.get(record.locator) == record


def test_what_was_read_on_the_way_does_not_serve_a_later_scan(
        connection, hypervisor, started):
    with_rbd_defined(connection, started)
    live = LiveDomainStore(hypervisor)
    domains = scope(started)
    before = tuple(DomainStore(hypervisor).scan(domains))
    live.scan(dataclasses.replace(domains, before=before))
    started.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, 'later', None,
                        None, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    [record] = live.scan(domains)
    assert '<title>later</title>' in record.document.text


def test_a_running_domain_is_not_written(hypervisor, started):
    live = LiveDomainStore(hypervisor)
    [record] = live.scan(scope(started))
    before = started.XMLDesc(0)
    [outcome] = live.put([changed(record, BEFORE, AFTER)])
    assert outcome.verdict is Verdict.FAILED
    assert started.XMLDesc(0) == before
    started.destroy()
    started.undefine()
    assert live.scan(scope()) == []
    with pytest.raises(exceptions.Gone):
        live.get(record.locator)
