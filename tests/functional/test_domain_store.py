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

"""The domain store on libvirt's own QEMU driver, embedded in this process."""

from __future__ import annotations

import pathlib
import subprocess
import uuid as uuid_module

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt as clients_libvirt
from rbd_mon_fix.documents.domain_xml import DomainXML
from rbd_mon_fix.inventory import domains
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.stores.domain import DomainStore
from tests.functional.guests import CHAIN
from tests.functional.guests import FULL
from tests.functional.guests import NEW
from tests.functional.guests import NOVA
from tests.functional.guests import NVRAM
from tests.functional.guests import PLAIN
from tests.functional.guests import SOCKET
from tests.functional.guests import VNC
from tests.functional.guests import VOLUME
from tests.functional.guests import change
from tests.functional.guests import guest

libvirt = pytest.importorskip('libvirt')

@pytest.fixture
def connection(hypervisor):
    """Return a separate libvirt connection, to act as another client."""
    connection = hypervisor._connection
    yield connection
    for domain in connection.listAllDomains(0):
        if domain.isActive():
            domain.destroy()
    for domain in connection.listAllDomains(0):
        domain.undefine()


@pytest.fixture
def image(tmp_path):
    """Create a qcow2 image with some data on top of another image."""
    base, top = tmp_path / 'base.qcow2', tmp_path / 'top.qcow2'
    for command in (
            ['qemu-img', 'create', '-f', 'qcow2', base, '16M'],
            ['qemu-io', '-c', 'write 0 8M', base],
            ['qemu-img', 'create', '-f', 'qcow2', '-F', 'qcow2', '-b', base,
             top]):
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return top


def file_disk(image):
    return (f"<disk type='file' device='disk'><driver name='qemu' "
            f"type='qcow2'/><source file='{image}'/>"
            "<target dev='vdz' bus='virtio'/></disk>")


def scope(*guests):
    return Scope('h', {each.UUIDString(): Instance(
        each.UUIDString(), 'h') for each in guests})


def xml(domain):
    return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE
                          | libvirt.VIR_DOMAIN_XML_SECURE)


def paused(connection, domain):
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    return domain


@pytest.fixture
def store(hypervisor):
    return DomainStore(hypervisor)


@pytest.mark.parametrize('devices', [
    (PLAIN,), (PLAIN, FULL), (PLAIN, FULL, CHAIN), (CHAIN, SOCKET),
    (PLAIN, FULL, CHAIN, SOCKET, VNC)])
def test_put_changes_the_monitors_and_nothing_else(
        connection, store, devices):
    domain = connection.defineXML(guest(*devices, metadata=NOVA))
    before = xml(domain)
    [record] = store.scan(scope(domain))
    assert record.locator == Locator('domain', 'h', domain.UUIDString(),
                                     domain.UUIDString())
    assert (record.skip, record.unreadable) == (None, None)
    [outcome] = store.put([change(record)])
    assert (outcome.verdict, outcome.reason) == (Verdict.FIXED, '')
    again = store.get(record.locator)
    assert again.document.text == xml(domain) != before
    assert {disk.monitors for disk in again.document.disks} == {NEW}
    assert again.document.unreadable == record.document.unreadable
    [outcome] = store.put([Change(again, record.document, ())])
    assert outcome.verdict is Verdict.FIXED
    assert xml(domain) == before


@pytest.mark.skipif(libvirt.getVersion() < 8005000,
                    reason='libvirt has no NVRAM on the network')
def test_put_changes_the_nvram(connection, store):
    domain = connection.defineXML(guest(PLAIN).replace(
        "'pc'", "'q35'").replace('</os>', NVRAM))
    before = xml(domain)
    [record] = store.scan(scope(domain))
    assert [disk.key for disk in record.document.disks] == ['nvram', 'vda']
    [outcome] = store.put([change(record)])
    assert (outcome.verdict, outcome.reason) == (Verdict.FIXED, '')
    again = store.get(record.locator)
    assert {disk.monitors for disk in again.document.disks} == {NEW}
    assert '10.9.9.9' not in xml(domain)
    [outcome] = store.put([Change(again, record.document, ())])
    assert xml(domain) == before


def test_a_vnc_password_survives(connection, store):
    domain = connection.defineXML(guest(PLAIN, VNC))
    [record] = store.scan(scope(domain))
    store.put([change(record)])
    assert "passwd='s3cret'" in xml(domain)
    assert 's3cret' not in repr(record)


def test_a_running_guest(connection, store):
    uuid = str(uuid_module.uuid4())
    paused(connection, connection.defineXML(guest(uuid=uuid)))
    domain = connection.defineXML(guest(PLAIN, uuid=uuid))
    live = domain.XMLDesc(0)
    [record] = store.scan(scope(domain))
    [outcome] = store.put([change(record)])
    assert (outcome.verdict, outcome.reason) == (Verdict.FIXED, '')
    assert store.get(record.locator).document.disks[0].monitors == NEW
    assert (domain.isActive(), domain.XMLDesc(0)) == (1, live)


def test_many_at_once_each_with_its_own_outcome(connection, store):
    guests = [connection.defineXML(guest(PLAIN, name=f'g{number}'))
              for number in range(9)]
    records = {record.locator.key: record
               for record in store.scan(scope(*guests))}
    changes = [change(records[each.UUIDString()]) for each in guests]
    guests[4].undefine()
    outcomes = store.put(changes)
    assert [outcome.locator for outcome in outcomes] == [
        each.locator for each in changes]
    assert [outcome.verdict for outcome in outcomes] == [
        Verdict.CONFLICT if number == 4 else Verdict.FIXED
        for number in range(9)]


def test_scan_reads_the_servers_of_the_scope_alone(connection, store):
    domain = connection.defineXML(guest(PLAIN))
    connection.defineXML(guest(PLAIN, name='other'))
    instances = dict(scope(domain).instances)
    instances[VOLUME] = Instance(VOLUME, 'h')
    [record] = store.scan(Scope('h', instances))
    assert record.locator.instance == domain.UUIDString()


def test_a_changed_domain_is_a_conflict(connection, store):
    domain = connection.defineXML(guest(PLAIN))
    [record] = store.scan(scope(domain))
    connection.defineXML(guest(FULL, uuid=domain.UUIDString()))
    now = xml(domain)
    [outcome] = store.put([change(record)])
    assert outcome.verdict is Verdict.CONFLICT
    assert xml(domain) == now


def test_an_undefined_domain_is_a_conflict_and_stays_away(connection, store):
    domain = connection.defineXML(guest(PLAIN))
    [record] = store.scan(scope(domain))
    domain.undefine()
    [outcome] = store.put([change(record)])
    assert outcome.verdict is Verdict.CONFLICT
    assert connection.listAllDomains(0) == []
    with pytest.raises(exceptions.Gone):
        store.get(record.locator)


def test_a_domain_that_became_transient_is_a_conflict(connection, store):
    uuid = str(uuid_module.uuid4())
    domain = paused(connection, connection.defineXML(guest(uuid=uuid)))
    [record] = store.scan(scope(domain))
    domain.undefine()
    [outcome] = store.put([change(record)])
    assert outcome.verdict is Verdict.CONFLICT
    assert not domain.isPersistent()


def test_a_transient_domain_is_skipped(connection, store):
    domain = connection.createXML(guest(), libvirt.VIR_DOMAIN_START_PAUSED)
    [record] = store.scan(scope(domain))
    assert record.skip is SkipReason.TRANSIENT
    assert store.get(record.locator).skip is SkipReason.TRANSIENT


def copy(domain, image):
    target = pathlib.Path(image).with_name('copy.qcow2')
    domain.blockCopy(
        'vdz', f"<disk type='file'><driver type='qcow2'/>"
        f"<source file='{target}'/></disk>",
        flags=libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)


def pull(domain, image):
    domain.blockPull('vdz', 1, 0)


def commit(domain, image):
    domain.blockCommit('vdz', None, None, 1,
                       libvirt.VIR_DOMAIN_BLOCK_COMMIT_ACTIVE)


@pytest.mark.parametrize('begin, name', [
    (copy, 'base.qcow2'), (pull, 'top.qcow2'), (commit, 'top.qcow2')])
def test_a_domain_with_a_block_job_is_left_alone(
        connection, store, image, begin, name):
    image = image.with_name(name)
    uuid = str(uuid_module.uuid4())
    paused(connection, connection.defineXML(
        guest(file_disk(image), uuid=uuid)))
    domain = connection.defineXML(guest(file_disk(image), PLAIN, uuid=uuid))
    [record] = store.scan(scope(domain))
    assert record.skip is None
    before = xml(domain)
    begin(domain, image)
    [with_job] = store.scan(scope(domain))
    assert with_job.skip is SkipReason.BLOCK_JOB
    assert store.get(record.locator).skip is SkipReason.BLOCK_JOB
    [outcome] = store.put([change(record)])
    assert outcome.verdict is Verdict.CONFLICT
    assert 'block job' in outcome.reason
    assert xml(domain) == before


def test_what_libvirt_refuses_has_failed(connection, store):
    domain = connection.defineXML(guest(PLAIN))
    [record] = store.scan(scope(domain))
    before = xml(domain)
    refused = record.document.text.replace("bus='virtio'", "bus='wood'")
    document = DomainXML.parse(refused)
    [outcome] = store.put([Change(record, document, ())])
    assert outcome.verdict is Verdict.FAILED
    assert 'wood' in outcome.reason
    assert '<' not in outcome.reason
    assert xml(domain) == before


def test_what_libvirt_writes_otherwise_is_unverified(connection, store):
    domain = connection.defineXML(guest(PLAIN))
    [record] = store.scan(scope(domain))
    document = record.document.edited({'vda': '<host name="a"/>'})
    [outcome] = store.put([Change(record, document, ())])
    assert outcome.verdict is Verdict.UNVERIFIED
    assert outcome.reason


def listed(hypervisor, *known):
    """Return the only batch of unknown domains."""
    uuids = {domain.UUIDString() for domain in known}
    [found] = domains.scopes(hypervisor, 'h', lambda uuid: uuid not in uuids,
                             500)
    return found


def test_domains_as_servers(connection, hypervisor):
    known = connection.defineXML(guest(PLAIN, name='known'))
    nova = connection.defineXML(guest(PLAIN, name='i-1', metadata=NOVA))
    plain = paused(connection, connection.defineXML(guest(name='plain')))
    running = connection.createXML(guest(name='run'), 0)
    others = listed(hypervisor, known).instances.values()
    assert sorted(others, key=lambda other: other.name) == [
        Instance(plain.UUIDString(), 'h', 'plain', 'paused', managed=False),
        Instance(running.UUIDString(), 'h', 'run', 'active', managed=False),
        Instance(nova.UUIDString(), 'h', 's1', 'stopped', managed=True)]


def test_a_domain_with_a_saved_image_is_suspended(connection, hypervisor):
    domain = paused(connection, connection.defineXML(guest()))
    domain.managedSave(0)
    [other] = listed(hypervisor).instances.values()
    assert other.vm_state == 'suspended'
    domain.managedSaveRemove(0)
    [other] = listed(hypervisor).instances.values()
    assert other.vm_state == 'stopped'


def test_a_domain_that_was_read_for_its_list_is_not_read_again(
        connection, hypervisor, store, monkeypatch):
    domain = connection.defineXML(guest(PLAIN))
    found = listed(hypervisor)
    with monkeypatch.context() as patch:
        patch.setattr(hypervisor, 'inactive_xml', None)
        [record] = store.scan(found)
    assert record.document.text == xml(domain)
    connection.defineXML(guest(FULL, uuid=domain.UUIDString()))
    [record] = store.scan(scope(domain))
    assert record.document.text == xml(domain)


def test_hostname(hypervisor, connection):
    assert hypervisor.hostname() == connection.getHostname()


@pytest.mark.parametrize('uri, shown', [
    ('qemu+unix:///system?socket=/nonexistent/s3cret',
     'qemu+unix:///system '),
    ('nonsense://me:s3cret@h/x?token=s3cret', 'nonsense://h/x '),
    ('qemu:///nonsense', 'qemu:///nonsense '),
])
def test_nobody_there(capfd, uri, shown):
    with pytest.raises(exceptions.Unreachable) as caught:
        clients_libvirt.connect(uri)
    assert f'Libvirt at {shown}' in caught.value.message
    assert caught.value.hint
    assert caught.value.__cause__ is None
    assert capfd.readouterr() == ('', '')
