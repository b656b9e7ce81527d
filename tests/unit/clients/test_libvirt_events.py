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

"""Events of libvirt's test driver, which all of its connections share."""

from __future__ import annotations

from concurrent import futures
import functools
import threading
import time
import types
from unittest import mock

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt as door
from rbd_mon_fix.clients import libvirt_events
from rbd_mon_fix.clients.libvirt_events import DomainEvent

libvirt = pytest.importorskip('libvirt')

UUID = '22222222-2222-4333-8444-555555555555'
DOMAIN = f"""
<domain type='test'><name>watched</name><uuid>{UUID}</uuid>
<memory>65536</memory><os><type>hvm</type></os></domain>
"""


@pytest.fixture
def other():
    """Return libvirt's own object for the connection of another client."""
    connection = libvirt.open('test:///default')
    yield connection
    connection.close()


@pytest.fixture
def domain(other):
    """Return a domain as the other client sees it."""
    defined = other.defineXML(DOMAIN)
    yield defined
    if defined in other.listAllDomains():
        defined.undefine()


def test_events_of_what_any_client_does(hypervisor, other):
    with hypervisor.watching() as watch:
        hypervisor.define(DOMAIN)
        domain = other.defineXML(DOMAIN)
        domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, 'title', None,
                           None, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
        domain.create()
        domain.destroy()
        domain.undefine()
        watch.catch_up([UUID])
        assert watch.events(UUID) == [
            DomainEvent.DEFINED, DomainEvent.DEFINED, DomainEvent.METADATA,
            DomainEvent.UNDEFINED]
        assert watch.events(DOMAIN) == []


def test_every_event_has_arrived_after_catching_up(hypervisor, domain,
                                                    other, monkeypatch):
    """The pause of the event loop is far longer than the test."""
    monkeypatch.setattr(libvirt_events, '_PAUSE', 60)
    with hypervisor.watching() as watch:
        for _ in range(50):
            watch.begin(UUID)
            hypervisor.define(DOMAIN)
            other.defineXML(DOMAIN)
            watch.catch_up([UUID])
            assert watch.events(UUID) == [DomainEvent.DEFINED] * 2


def test_events_that_have_arrived_are_forgotten(hypervisor, domain, other):
    with hypervisor.watching() as watch:
        other.defineXML(DOMAIN)
        watch.catch_up([UUID])
        watch.begin(UUID)
        assert watch.events(UUID) == []


def test_a_late_event_is_waited_for(hypervisor):
    with hypervisor.watching() as watch:
        catching_up = threading.Thread(target=watch.catch_up,
                                       args=(['a', 'b'],))
        catching_up.start()
        watch.note('a', DomainEvent.DEFINED)
        watch.note('b', DomainEvent.DEFINED)
        catching_up.join(10)
        assert not catching_up.is_alive()


def test_an_event_that_never_comes(hypervisor, monkeypatch):
    monkeypatch.setattr(libvirt_events, '_LIMIT', 0.1)
    with hypervisor.watching() as watch:
        watch.catch_up([UUID])
        assert watch.events(UUID) == []


def test_an_event_loop_that_is_stuck(hypervisor, monkeypatch):
    """Other events may be on their way, so none is relied on."""
    monkeypatch.setattr(libvirt_events, '_LIMIT', 0.1)
    monkeypatch.setattr(libvirt, 'virEventAddTimeout', lambda *_: 7)
    monkeypatch.setattr(libvirt, 'virEventRemoveTimeout', lambda timer: None)
    with hypervisor.watching() as watch:
        watch.note(UUID, DomainEvent.DEFINED)
        watch.catch_up([UUID])
        assert watch.events(UUID) == []


def test_a_connection_that_is_lost(hypervisor, monkeypatch):
    def versions():
        raise exceptions.Unreachable('Lost.')

    monkeypatch.setattr(hypervisor, 'versions', versions)
    with hypervisor.watching() as watch, pytest.raises(
            exceptions.Unreachable):
        watch.catch_up([])
    hypervisor.close()
    with pytest.raises(exceptions.Unreachable), hypervisor.watching():
        pass


def test_a_watch_that_has_ended_keeps_no_connection_open(hypervisor):
    with hypervisor.watching() as watch:
        pass
    assert hypervisor._connection.close() == 0
    assert watch.events(UUID) == []


def test_events_that_libvirt_declines(hypervisor, monkeypatch):
    """What was registered before the error is registered no longer."""
    registered = [7]

    def register(domain, event, callback, opaque):
        if event == libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE:
            return 7
        error = libvirt.libvirtError('No.')
        error.err = (libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_FROM_NONE, 'No.',
                     2, '', '', '', 0, 0)
        raise error

    monkeypatch.setattr(hypervisor, '_connection', types.SimpleNamespace(
        domainEventRegisterAny=register, isAlive=lambda: True,
        domainEventDeregisterAny=registered.remove, close=lambda: None))
    with pytest.raises(door.Declined, match='No'), hypervisor.watching():
        pass
    assert registered == []


def test_one_event_loop_for_all_connections(monkeypatch):
    """The loop is there before a connection, which else has no events."""
    calls, ran = [], threading.Event()

    def turn():
        ran.set()
        threading.Event().wait()  # a daemon thread, which is never joined

    monkeypatch.setattr(libvirt_events, 'loop', functools.lru_cache(
        maxsize=None)(libvirt_events.Loop))
    monkeypatch.setattr(libvirt, 'virEventRegisterDefaultImpl',
                        lambda: calls.append('loop'))
    monkeypatch.setattr(libvirt, 'virEventRunDefaultImpl', turn)
    monkeypatch.setattr(libvirt, 'open', lambda uri: (
        calls.append(uri), mock.Mock())[1])
    for uri in ('qemu:///embed?root=/tmp/x', 'qemu:///system'):
        door.connect(uri)
    assert ran.wait(10)
    assert calls == ['loop', 'qemu:///embed?root=/tmp/x', 'qemu:///system']


def test_one_event_loop_for_all_threads(monkeypatch):
    """Hosts that are worked on at the same time connect at the same time."""
    made, barrier = [], threading.Barrier(8)

    class Slow:
        def __init__(self):
            made.append(self)
            time.sleep(0.05)  # another thread would come in between

    monkeypatch.setattr(libvirt_events, '_loop', functools.lru_cache(
        maxsize=None)(Slow))

    def start():
        barrier.wait(10)
        return libvirt_events.loop()

    with futures.ThreadPoolExecutor(8) as pool:
        found = [pool.submit(start) for _ in range(8)]
        assert {each.result() for each in found} == set(made)
    assert len(made) == 1
