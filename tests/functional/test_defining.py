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

"""Other clients change a domain while real libvirt redefines it."""

from __future__ import annotations

import contextlib
import pathlib
import signal
import threading
import uuid as uuid_module

import psutil
import pytest
import tenacity

from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.stores.domain import DomainStore
from tests.functional.guests import PLAIN
from tests.functional.guests import change
from tests.functional.guests import guest

libvirt = pytest.importorskip('libvirt')

BOTH = libvirt.VIR_DOMAIN_AFFECT_LIVE | libvirt.VIR_DOMAIN_AFFECT_CONFIG
soon = tenacity.retry(stop=tenacity.stop_after_delay(30), reraise=True,
                      wait=tenacity.wait_fixed(0.02))


def hotplug(uuid, *devices):
    """Return a guest whose bus accepts disks while the guest runs."""
    return guest(*devices, uuid=uuid).replace(
        '<devices>', '<features><acpi/></features><devices>')


@pytest.fixture
def domain(hypervisor):
    """Return a running domain that will have an rbd disk after a restart."""
    connection = hypervisor._connection
    uuid = str(uuid_module.uuid4())
    connection.defineXML(hotplug(uuid)).createWithFlags(
        libvirt.VIR_DOMAIN_START_PAUSED)
    domain = connection.defineXML(hotplug(uuid, PLAIN))
    yield domain
    if domain.isActive():
        domain.destroy()
    domain.undefine()


@pytest.fixture
def disk(tmp_path):
    image = pathlib.Path(tmp_path, 'disk')
    image.write_bytes(bytes(1 << 20))
    return (f"<disk type='file' device='disk'><driver name='qemu' type='raw'/>"
            f"<source file='{image}'/><target dev='vdz' bus='virtio'/></disk>")


@pytest.fixture
def store(hypervisor):
    return DomainStore(hypervisor)


def scanned(store, domain):
    uuid = domain.UUIDString()
    [record] = store.scan(Scope('h', {uuid: Instance(uuid, 'h')}))
    return record


def inactive(domain):
    return domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)


@contextlib.contextmanager
def frozen(domain):
    """Freeze QEMU, so that libvirt blocks in its call."""
    process, = (each for each in psutil.process_iter(['cmdline'])
                if domain.UUIDString() in (each.info['cmdline'] or ()))
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_between_look_and_define(hypervisor, domain, disk, store,
                                 monkeypatch):
    record = scanned(store, domain)
    define = hypervisor.define

    def attach_and_define(xml):
        domain.attachDeviceFlags(disk, BOTH)
        assert 'vdz' in inactive(domain)
        define(xml)

    monkeypatch.setattr(hypervisor, 'define', attach_and_define)
    [outcome] = store.put([change(record)])
    assert outcome.verdict is Verdict.UNVERIFIED
    assert 'vdz' in outcome.reason
    assert 'vdz' not in inactive(domain)


def test_a_disk_that_was_attached_to_the_running_domain_alone(
        domain, disk, store):
    """The live XML differs from the persistent XML before and after."""
    domain.attachDeviceFlags(disk, libvirt.VIR_DOMAIN_AFFECT_LIVE)
    for read in (lambda: scanned(store, domain),
                 lambda: store.get(scanned(store, domain).locator)):
        record = read()
        scanned(store, domain)
        monitors = tuple(reversed(record.document.disks[0].monitors))
        [outcome] = store.put([change(record, monitors)])
        assert (outcome.verdict, outcome.reason) == (Verdict.FIXED, '')


def test_begun_before_and_ended_after(hypervisor, domain, disk, store):
    uuid = domain.UUIDString()
    before = inactive(domain)
    wanted = change(scanned(store, domain))
    outcomes = []
    attaching = threading.Thread(
        target=domain.attachDeviceFlags, args=(disk, BOTH))
    putting = threading.Thread(
        target=lambda: outcomes.extend(store.put([wanted])))

    @soon
    def wait_until_in_call():
        assert hypervisor.at_work(uuid)

    @soon
    def wait_until_defined():
        assert inactive(domain) != before

    assert not hypervisor.at_work(uuid)
    with frozen(domain):
        attaching.start()
        wait_until_in_call()
        putting.start()
        wait_until_defined()
    attaching.join()
    putting.join()
    [outcome] = outcomes
    assert outcome.verdict is Verdict.UNVERIFIED
    assert 'XML differs' in outcome.reason
    assert not hypervisor.at_work(uuid)
    # Libvirt has restored its copy of the definition, with the disk.
    assert 'vdz' in inactive(domain)
    assert scanned(store, domain).document.disks == (
        wanted.record.document.disks)


def test_one_that_does_not_run_is_in_no_call(hypervisor, domain):
    uuid = domain.UUIDString()
    domain.destroy()
    assert not hypervisor.at_work(uuid)


def edit(domain):
    domain.connect().defineXML(inactive(domain).replace(
        '<memory', '<title>edited</title><memory', 1))


def retitle(domain):
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, 'edited', None,
                       None, libvirt.VIR_DOMAIN_AFFECT_CONFIG)


@pytest.mark.parametrize('runs', [True, False])
@pytest.mark.parametrize('act, named', [
    (edit, 'Another client changed'), (retitle, 'Another client changed'),
    (lambda domain: domain.undefine(), 'Another client undefined')])
def test_another_client_between_look_and_define(
        hypervisor, domain, store, monkeypatch, act, named, runs):
    if not runs:
        domain.destroy()
    record = scanned(store, domain)
    define = hypervisor.define

    def act_and_define(xml):
        act(domain)
        define(xml)

    monkeypatch.setattr(hypervisor, 'define', act_and_define)
    [outcome] = store.put([change(record)])
    assert outcome.verdict is Verdict.UNVERIFIED
    assert named in outcome.reason
    assert 'edited' not in inactive(domain)


def test_another_client_right_before_the_look(hypervisor, domain, store,
                                              monkeypatch):
    """Its text is what was read before: nothing is lost."""
    domain.destroy()
    record = scanned(store, domain)
    domain.connect().defineXML(record.document.text)
    [outcome] = store.put([change(record)])
    assert (outcome.verdict, outcome.reason) == (Verdict.FIXED, '')


@pytest.mark.parametrize('is_here, verdict', [
    (True, Verdict.UNVERIFIED), (False, Verdict.FIXED)])
def test_a_disk_of_a_stopped_domain_is_attached_without_an_event(
        hypervisor, domain, disk, store, monkeypatch, is_here, verdict):
    """Only the file of a libvirt on this machine tells."""
    if not is_here:
        monkeypatch.setattr(hypervisor, '_folder', None)
    domain.destroy()
    record = scanned(store, domain)
    define = hypervisor.define

    def attach_and_define(xml):
        domain.attachDeviceFlags(disk, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        define(xml)

    monkeypatch.setattr(hypervisor, 'define', attach_and_define)
    [outcome] = store.put([change(record)])
    assert outcome.verdict is verdict
    assert 'vdz' not in inactive(domain)
