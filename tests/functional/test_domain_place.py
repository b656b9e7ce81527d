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
"""The unit tests' in-memory libvirt answers as the real libvirt does."""

from __future__ import annotations

import uuid as uuid_module

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt as clients_libvirt
from rbd_mon_fix.clients.libvirt import Domain
from rbd_mon_fix.clients.libvirt_events import DomainEvent
from tests.functional import guests
from tests.unit.stores import places

libvirt = pytest.importorskip('libvirt')

UUID = str(uuid_module.UUID(int=0xd0))
OTHER = str(uuid_module.UUID(int=0xd1))


class Real:
    """Libvirt's embedded QEMU driver, and the actions of other clients."""

    def __init__(self, hypervisor):
        self.hypervisor = hypervisor
        self._connection = hypervisor._connection

    def start(self, uuid):
        self._domain(uuid).create()

    def save(self, uuid):
        self._domain(uuid).managedSave(0)

    def pause(self, uuid):
        self._domain(uuid).suspend()

    def destroy(self, uuid):
        self._domain(uuid).destroy()

    def undefine(self, uuid):
        self._domain(uuid).undefine()

    def close(self):
        for domain in self._connection.listAllDomains(0):
            persistent = domain.isPersistent()
            if domain.isActive():
                domain.destroy()
            if persistent:
                domain.undefineFlags(
                    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)

    def _domain(self, uuid):
        return self._connection.lookupByUUIDString(uuid)


class InMemory:
    """The unit tests' libvirt, and the actions of other clients."""

    def __init__(self):
        self.hypervisor = places.DomainPlace()

    def start(self, uuid):
        self.hypervisor.live_texts[uuid] = self.hypervisor.images.pop(
            uuid, self.hypervisor.texts[uuid])

    def save(self, uuid):
        self.hypervisor.images[uuid] = self.hypervisor.live_texts.pop(uuid)

    def pause(self, uuid):
        self.hypervisor.paused.add(uuid)

    def destroy(self, uuid):
        del self.hypervisor.live_texts[uuid]

    def undefine(self, uuid):
        self.hypervisor.undefine(uuid)

    def close(self):
        """Do nothing: there is nothing to close."""


@pytest.fixture(params=['real', 'in memory'])
def host(request):
    """Return the real libvirt and the in-memory one in turn."""
    made = (Real(request.getfixturevalue('hypervisor'))
            if request.param == 'real' else InMemory())
    yield made
    made.close()


def defined(host, *devices, uuid=UUID, name='g', title='first'):
    """Define a domain, and return its XML as libvirt writes it."""
    host.hypervisor.define(guests.guest(
        *devices, uuid=uuid, name=name, metadata=f'<title>{title}</title>'))
    return host.hypervisor.inactive_xml(uuid)


CALLS = {
    'inactive_xml': (), 'live_xml': (), 'persistent': (), 'active': (),
    'has_block_job': ('vda',), 'at_work': (), 'managed_save_xml': (),
    'define_managed_save': ('<domain/>',)}


@pytest.mark.parametrize('name', CALLS)
def test_a_domain_that_is_unknown_or_gone(host, name):
    call = getattr(host.hypervisor, name)
    with pytest.raises(exceptions.Gone):
        call(OTHER, *CALLS[name])
    defined(host)
    host.hypervisor.active(UUID)
    host.undefine(UUID)
    with pytest.raises(exceptions.Gone):
        call(UUID, *CALLS[name])


def test_nothing_is_defined(host):
    assert host.hypervisor.domains() == []
    assert host.hypervisor.running() == host.hypervisor.saved() == set()


def test_what_is_defined_is_read_back_byte_for_byte(host):
    written = defined(host, guests.PLAIN, guests.VNC)
    host.hypervisor.define(written)
    assert host.hypervisor.inactive_xml(UUID) == written
    changed = written.replace('127.0.0.21', '127.0.0.99')
    assert changed != written
    host.hypervisor.define(changed)
    assert host.hypervisor.inactive_xml(UUID) == changed


@pytest.mark.parametrize('xml', ['', '<domain', 'AQBSECRET=='])
def test_what_is_no_xml_is_declined(host, xml):
    written = defined(host)
    with pytest.raises(clients_libvirt.Declined) as caught:
        host.hypervisor.define(xml)
    assert 'SECRET' not in caught.value.message
    assert host.hypervisor.inactive_xml(UUID) == written


def test_lists(host):
    stopped, running, saved, paused = (
        str(uuid_module.UUID(int=number)) for number in range(1, 5))
    for number, uuid in enumerate((stopped, running, saved, paused)):
        defined(host, uuid=uuid, name=f'g{number}')
    for uuid in (running, saved, paused):
        host.start(uuid)
    host.save(saved)
    host.pause(paused)
    found = sorted(host.hypervisor.domains(), key=lambda each: each.name)
    assert found == [
        Domain(stopped, 'g0', True, False, False, False),
        Domain(running, 'g1', True, True, False, False),
        Domain(saved, 'g2', True, False, False, True),
        Domain(paused, 'g3', True, True, True, False)]
    assert host.hypervisor.running() == {running, paused}
    assert host.hypervisor.saved() == {saved}


def test_a_domain_that_is_started_and_stopped(host):
    defined(host)
    assert host.hypervisor.persistent(UUID)
    assert not host.hypervisor.active(UUID)
    host.start(UUID)
    assert host.hypervisor.persistent(UUID)
    assert host.hypervisor.active(UUID)
    host.destroy(UUID)
    assert not host.hypervisor.active(UUID)


def test_a_running_domain_keeps_its_xml_when_another_is_defined(host):
    defined(host)
    host.start(UUID)
    live = host.hypervisor.live_xml(UUID)
    written = defined(host, guests.PLAIN, title='second')
    assert host.hypervisor.live_xml(UUID) == live
    assert ('first' in live, 'second' in written) == (True, True)
    host.destroy(UUID)
    assert 'second' in host.hypervisor.live_xml(UUID)


def test_the_live_xml_of_a_domain_that_does_not_run(host):
    """Libvirt returns the persistent XML instead of an error."""
    defined(host, guests.PLAIN)
    assert '127.0.0.21' in host.hypervisor.live_xml(UUID)


def test_a_domain_that_is_undefined_while_it_runs_is_transient(host):
    defined(host, title='first')
    host.start(UUID)
    host.undefine(UUID)
    assert host.hypervisor.active(UUID)
    assert not host.hypervisor.persistent(UUID)
    assert 'first' in host.hypervisor.inactive_xml(UUID)
    assert 'first' in host.hypervisor.live_xml(UUID)
    assert host.hypervisor.domains() == [
        Domain(UUID, 'g', False, True, False, False)]
    host.hypervisor.define(host.hypervisor.inactive_xml(UUID))
    assert host.hypervisor.persistent(UUID)


def test_no_job_and_no_call(host):
    defined(host)
    assert not host.hypervisor.has_block_job(UUID, 'vda')
    assert not host.hypervisor.at_work(UUID)


def test_a_domain_without_an_image(host):
    written = defined(host)
    with pytest.raises(exceptions.Gone):
        host.hypervisor.managed_save_xml(UUID)
    with pytest.raises(clients_libvirt.Declined):
        host.hypervisor.define_managed_save(UUID, written)


def test_an_image(host):
    written = defined(host)
    host.start(UUID)
    host.save(UUID)
    image = host.hypervisor.managed_save_xml(UUID)
    assert '<title>first</title>' in image
    changed = image.replace('<title>first<', '<title>other<')
    host.hypervisor.define_managed_save(UUID, changed)
    assert host.hypervisor.managed_save_xml(UUID) == changed
    assert host.hypervisor.inactive_xml(UUID) == written
    host.start(UUID)
    assert '<title>other</title>' in host.hypervisor.live_xml(UUID)
    with pytest.raises(exceptions.Gone):
        host.hypervisor.managed_save_xml(UUID)


def test_events(host):
    defined(host)
    defined(host, uuid=OTHER, name='other')
    with host.hypervisor.watching() as watch:
        for title in ('second', 'third'):
            defined(host, title=title)
        with pytest.raises(clients_libvirt.Declined):
            host.hypervisor.define('<domain')
        defined(host, uuid=OTHER, name='other')
        host.start(UUID)
        host.destroy(UUID)
        watch.catch_up([UUID, OTHER])
        assert watch.events(UUID) == [DomainEvent.DEFINED] * 2
        assert watch.events(OTHER) == [DomainEvent.DEFINED]
        watch.begin(UUID)
        host.undefine(UUID)
        watch.catch_up([])
        assert watch.events(UUID) == [DomainEvent.UNDEFINED]
        assert watch.events(OTHER) == [DomainEvent.DEFINED]
    host.undefine(OTHER)
    assert watch.events(OTHER) == [DomainEvent.DEFINED]


def test_calls_at_once_come_in_order_and_raise(host):
    assert host.hypervisor.concurrently(str, range(20)) == list(
        map(str, range(20)))
    assert host.hypervisor.concurrently(str, []) == []
    with pytest.raises(exceptions.Gone):
        host.hypervisor.concurrently(
            host.hypervisor.inactive_xml, [OTHER, OTHER])


def test_events_for_two_at_the_same_time(host):
    """Libvirt refuses to send the same events twice."""
    with host.hypervisor.watching() as watch:
        with host.hypervisor.watching() as other:
            defined(host)
            other.catch_up([UUID])
            assert other.events(UUID) == [DomainEvent.DEFINED]
        defined(host, title='second')
        watch.catch_up([UUID])
        assert watch.events(UUID) == [DomainEvent.DEFINED] * 2
