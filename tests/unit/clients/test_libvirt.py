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

"""Domains and secrets of libvirt's own test driver."""

from __future__ import annotations

import types

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt as door

libvirt = pytest.importorskip('libvirt')

OK, JOB, OCCUPIED, ERROR = (
    libvirt.VIR_DOMAIN_CONTROL_OK, libvirt.VIR_DOMAIN_CONTROL_JOB,
    libvirt.VIR_DOMAIN_CONTROL_OCCUPIED, libvirt.VIR_DOMAIN_CONTROL_ERROR)

UUID = '11111111-2222-4333-8444-555555555555'
NOWHERE = '99999999-2222-4333-8444-555555555555'
DOMAIN = f"""
<domain type='test'><name>guest</name><uuid>{UUID}</uuid>
<memory>65536</memory><os><type>hvm</type></os></domain>
"""


@pytest.fixture
def handle():
    """Return libvirt's own object for a defined, stopped domain."""
    connection = libvirt.open('test:///default')
    yield connection.defineXML(DOMAIN)
    connection.close()


def failure(code, source=libvirt.VIR_FROM_QEMU):
    error = libvirt.libvirtError('It fails.')
    error.err = (code, source, 'It fails.', 2, '', '', '', 0, 0)
    return error


def answering(hypervisor, name, answer):
    """Make a method of libvirt's object for domain U return an answer."""
    def method(*arguments):
        if isinstance(answer, Exception):
            raise answer
        return answer
    hypervisor._handles['U'] = types.SimpleNamespace(**{name: method})
    return hypervisor


def found(hypervisor):
    one, = (each for each in hypervisor.domains() if each.uuid == UUID)
    return one


def test_states_of_a_domain(hypervisor, handle):
    assert found(hypervisor) == door.Domain(
        UUID, 'guest', persistent=True, active=False, paused=False,
        saved=False)
    assert not hypervisor.active(UUID)
    assert hypervisor.persistent(UUID)
    assert UUID not in hypervisor.running() | hypervisor.saved()
    handle.create()
    handle.suspend()
    assert found(hypervisor) == door.Domain(
        UUID, 'guest', persistent=True, active=True, paused=True,
        saved=False)
    assert hypervisor.active(UUID)
    assert UUID in hypervisor.running()
    handle.managedSave(0)
    assert found(hypervisor).saved
    assert hypervisor.saved() == {UUID}
    handle.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)


def test_a_transient_domain(hypervisor, handle):
    handle.create()
    handle.undefine()
    assert not hypervisor.persistent(UUID)
    assert not found(hypervisor).persistent


def test_xml_is_read_and_replaced(hypervisor, handle):
    handle.create()
    before = hypervisor.inactive_xml(UUID)
    hypervisor.define(before.replace(
        '<memory', '<title>new</title><memory', 1))
    assert '<title>new</title>' in hypervisor.inactive_xml(UUID)
    assert '<title>' not in hypervisor.live_xml(UUID)


@pytest.mark.parametrize('act', [
    lambda hypervisor: hypervisor.inactive_xml(NOWHERE),
    lambda hypervisor: hypervisor.live_xml(NOWHERE),
    lambda hypervisor: hypervisor.active(NOWHERE),
    lambda hypervisor: hypervisor.has_block_job(NOWHERE, 'vda'),
    lambda hypervisor: hypervisor.managed_save_xml(NOWHERE)])
def test_a_domain_that_does_not_exist(hypervisor, act):
    with pytest.raises(exceptions.Gone, match='no such domain'):
        act(hypervisor)


def test_a_lost_connection(hypervisor):
    lost = failure(libvirt.VIR_ERR_RPC, libvirt.VIR_FROM_RPC)
    with pytest.raises(exceptions.Unreachable, match='It fails'):
        answering(hypervisor, 'XMLDesc', lost).live_xml('U')


def test_a_closed_connection(hypervisor):
    hypervisor._connection.close()
    with pytest.raises(exceptions.Unreachable, match='test:///default'):
        hypervisor.domains()
    with pytest.raises(exceptions.Unreachable, match='test:///default'):
        hypervisor.define(DOMAIN)
    hypervisor.close()


def test_xml_that_libvirt_declines(hypervisor):
    with pytest.raises(door.Declined, match='libvirt reported: '):
        hypervisor.define('<domain type="test"><name/></domain>')


@pytest.mark.parametrize('answer, expected', [
    ({'type': 2, 'bandwidth': 0, 'cur': 1, 'end': 2}, True), ({}, False),
    (failure(libvirt.VIR_ERR_OPERATION_INVALID), False)])
def test_block_jobs(hypervisor, answer, expected):
    answering(hypervisor, 'blockJobInfo', answer)
    assert hypervisor.has_block_job('U', 'vda') is expected


def test_a_block_job_that_libvirt_does_not_tell(hypervisor):
    answering(hypervisor, 'blockJobInfo', failure(
        libvirt.VIR_ERR_ACCESS_DENIED))
    with pytest.raises(door.Declined):
        hypervisor.has_block_job('U', 'vda')


@pytest.mark.parametrize('state, details, expected', [
    (OK, 0, False), (JOB, 0, True), (OCCUPIED, 0, True),
    # The state between two monitor commands of the same call.
    (ERROR, libvirt.VIR_DOMAIN_CONTROL_ERROR_REASON_INTERNAL, True),
    (ERROR, libvirt.VIR_DOMAIN_CONTROL_ERROR_REASON_MONITOR, False)])
def test_at_work(hypervisor, state, details, expected):
    answering(hypervisor, 'controlInfo', [state, details, 7])
    assert hypervisor.at_work('U') is expected


@pytest.mark.parametrize('code', [
    libvirt.VIR_ERR_OPERATION_INVALID, libvirt.VIR_ERR_NO_SUPPORT])
def test_not_at_work_when_stopped_or_unsupported(hypervisor, code):
    answering(hypervisor, 'controlInfo', failure(code))
    assert hypervisor.at_work('U') is False


def test_at_work_that_libvirt_does_not_tell(hypervisor):
    answering(hypervisor, 'controlInfo', failure(
        libvirt.VIR_ERR_ACCESS_DENIED))
    with pytest.raises(door.Declined):
        hypervisor.at_work('U')


def test_a_real_driver_is_not_at_work(hypervisor):
    assert [hypervisor.at_work(domain.uuid)
            for domain in hypervisor.domains()] == [False]


def test_no_managed_save_image(hypervisor, handle):
    with pytest.raises(exceptions.Gone, match='no managed-save image'):
        hypervisor.managed_save_xml(UUID)


def test_a_managed_save_image(hypervisor):
    written = []
    hypervisor._handles['U'] = types.SimpleNamespace(
        hasManagedSaveImage=lambda flags: 1,
        managedSaveGetXMLDesc=lambda flags: f'<domain secure="{flags}"/>',
        managedSaveDefineXML=lambda xml, flags: written.append((xml, flags)))
    secure = libvirt.VIR_DOMAIN_SAVE_IMAGE_XML_SECURE
    assert hypervisor.managed_save_xml('U') == f'<domain secure="{secure}"/>'
    hypervisor.define_managed_save('U', '<new/>')
    assert written == [('<new/>', 0)]


class Secrets:
    """A libvirt connection with one secret or an error."""

    def __init__(self, uri, answer):
        self.uri, self.answer = uri, answer

    def getURI(self):  # noqa: N802
        return self.uri

    def isAlive(self):  # noqa: N802
        return True

    def setKeepAlive(self, interval, count):  # noqa: N802
        return 0

    def secretLookupByUUIDString(self, uuid):  # noqa: N802
        if isinstance(self.answer, Exception):
            raise self.answer
        return types.SimpleNamespace(value=lambda flags: self.answer)

    def secretLookupByUsage(self, kind, usage):  # noqa: N802
        assert kind == libvirt.VIR_SECRET_USAGE_TYPE_CEPH
        return self.secretLookupByUUIDString(usage)


def with_secrets(hypervisor, monkeypatch, connection):
    monkeypatch.setattr(hypervisor, '_connection', connection)
    return hypervisor


def test_a_secret(hypervisor, monkeypatch):
    with_secrets(hypervisor, monkeypatch, Secrets('qemu:///system', b'key'))
    assert hypervisor.secret_value(UUID) == b'key'
    assert hypervisor.secret_value_by_usage('site A') == b'key'


def test_a_secret_beside_an_embedded_driver(hypervisor, monkeypatch):
    opened = []

    def connect(uri):
        opened.append(uri)
        return Secrets(uri, b'key')

    monkeypatch.setattr(libvirt, 'open', connect)
    with_secrets(hypervisor, monkeypatch, Secrets(
        'qemu:///embed?root=/tmp/x', failure(libvirt.VIR_ERR_NO_SUPPORT)))
    assert hypervisor.secret_value(UUID) == b'key'
    assert opened == ['secret:///embed?root=/tmp/x']


@pytest.mark.parametrize('code, kind', [
    (libvirt.VIR_ERR_NO_SECRET, exceptions.Gone),
    (libvirt.VIR_ERR_INVALID_SECRET, door.Declined)])
def test_a_secret_that_cannot_be_read(hypervisor, monkeypatch, code, kind):
    with_secrets(hypervisor, monkeypatch, Secrets(
        'qemu:///system', failure(code)))
    with pytest.raises(kind):
        hypervisor.secret_value(UUID)
    with pytest.raises(kind):
        hypervisor.secret_value_by_usage('site A')


def test_a_secret_without_a_value(hypervisor, monkeypatch):
    """Libvirt has the error code of a missing secret for it, too."""
    def value(flags):
        raise failure(libvirt.VIR_ERR_NO_SECRET)

    connection = Secrets('qemu:///system', b'')
    connection.secretLookupByUUIDString = lambda uuid: types.SimpleNamespace(
        value=value)
    with_secrets(hypervisor, monkeypatch, connection)
    with pytest.raises(exceptions.Gone, match='no value for secret 1'):
        hypervisor.secret_value('1')
