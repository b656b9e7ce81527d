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

"""Commands to QEMU by way of a libvirt whose answers are given."""

from __future__ import annotations

import json
import threading
from unittest import mock

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt as clients_libvirt
from rbd_mon_fix.clients import libvirt_monitor
from rbd_mon_fix.model.rescue import QmpCommand

libvirt = pytest.importorskip('libvirt')
libvirt_qemu = pytest.importorskip('libvirt_qemu')

# The default domain of libvirt's test driver.
UUID = '6695eb01-f6a4-8304-79aa-97f2502e193f'
COMMAND = QmpCommand('blockdev-del', {'node-name': 'n'})


@pytest.fixture
def answer(monkeypatch):
    """Return a function that sets what QEMU answers."""
    sent = []

    def set_answer(text):
        def send(domain, command, flags):
            sent.append((domain.UUIDString(), json.loads(command), flags))
            return text() if callable(text) else text
        monkeypatch.setattr(libvirt_qemu, 'qemuMonitorCommand', send)
        return sent
    return set_answer


def test_an_answer(hypervisor, answer):
    sent = answer('{"return": {"a": 1}, "id": "libvirt-7"}')
    assert hypervisor.qmp(UUID, COMMAND) == {'a': 1}
    assert sent == [(UUID, {'execute': 'blockdev-del', 'arguments': {
        'node-name': 'n'}}, 0)]


def test_a_refusal(hypervisor, answer):
    answer('{"error": {"class": "GenericError", "desc": "Node is busy."}}')
    with pytest.raises(clients_libvirt.Declined,
                       match='^QEMU refuses blockdev-del: Node is busy$'):
        hypervisor.qmp(UUID, COMMAND)


def test_silence(hypervisor, answer, monkeypatch):
    """A QEMU whose main loop stands still."""
    monkeypatch.setattr(libvirt_monitor, 'LIMIT', 0.05)
    end = threading.Event()
    answer(lambda: end.wait(60) and '')
    with pytest.raises(clients_libvirt.Unanswered,
                       match='has not answered blockdev-del within'):
        hypervisor.qmp(UUID, COMMAND)
    end.set()


def test_errors_of_libvirt(hypervisor):
    """The test driver has no QEMU."""
    with pytest.raises(clients_libvirt.Declined, match='libvirt reported'):
        hypervisor.qmp(UUID, COMMAND)
    with pytest.raises(exceptions.Gone):
        hypervisor.qmp('00000000-0000-4000-8000-000000000000', COMMAND)


@pytest.mark.parametrize('kind, found', [
    ('VIR_DOMAIN_JOB_NONE', False), ('VIR_DOMAIN_JOB_UNBOUNDED', True)])
def test_has_job(hypervisor, kind, found):
    domain = mock.Mock()
    domain.jobInfo.return_value = [getattr(libvirt, kind)] + [0] * 11
    with mock.patch.object(hypervisor, '_connection') as connection:
        connection.lookupByUUIDString.return_value = domain
        assert hypervisor.has_job(UUID) is found
