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

"""Pools and snapshots of libvirt's own test driver."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import stored_xml

libvirt = pytest.importorskip('libvirt')

HOST = "<host name='192.0.2.11' port='6789'/>"
POOL = (f"<pool type='rbd'><name>images</name><source>{HOST}"
        "<name>vms</name></source></pool>")
UUID = '11111111-2222-4333-8444-555555555555'
DOMAIN = f'''
<domain type='test'><name>guest</name><uuid>{UUID}</uuid>
<memory>65536</memory><os><type>hvm</type></os><devices>
<disk type='network' device='disk'>
<source protocol='rbd' name='vms/image'>{HOST}</source>
<target dev='vda' bus='virtio'/></disk></devices></domain>
'''


@pytest.fixture
def connection():
    """Return a libvirt connection to the same test driver."""
    opened = libvirt.open('test:///default')
    yield opened
    # The driver keeps what it has while any connection is open, such as one
    # that did not close in time on a busy machine.
    for domain in opened.listAllDomains():
        for moment in (*domain.listAllSnapshots(),
                       *domain.listAllCheckpoints()):
            moment.delete()
    opened.close()


def failure(code):
    error = libvirt.libvirtError('It fails.')
    error.err = (code, libvirt.VIR_FROM_NONE, 'It fails.', 2, '', '', '', 0,
                 0)
    return error


def raising(error):
    def method(*arguments):
        raise error
    return method


def test_nothing_is_kept(hypervisor):
    assert hypervisor.rbd_pools() == []
    assert list(hypervisor.moments()) == []


def test_capabilities(hypervisor):
    assert '<capabilities>' in hypervisor.capabilities()


def test_a_pool(hypervisor, connection):
    connection.storagePoolDefineXML(POOL, 0)
    pool, = hypervisor.rbd_pools()
    assert stored_xml.pool(pool).key == 'images'


def test_a_snapshot(hypervisor, connection):
    connection.defineXML(DOMAIN).snapshotCreateXML(
        '<domainsnapshot><name>before</name></domainsnapshot>', 0)
    found, = hypervisor.moments()
    assert (found.domain, found.name, found.is_checkpoint) == (
        UUID, 'before', False)
    disk, = stored_xml.disks(found.xml)
    assert list(map(str, disk.monitors)) == ['192.0.2.11:6789']


def test_a_checkpoint(hypervisor, connection):
    domain = connection.defineXML(DOMAIN)
    domain.create()
    domain.checkpointCreateXML(
        '<domaincheckpoint><name>full</name></domaincheckpoint>', 0)
    found, = hypervisor.moments()
    assert (found.domain, found.name, found.is_checkpoint) == (
        UUID, 'full', True)
    assert '<domain' in found.xml
    assert '<domain' not in repr(found)


@pytest.mark.parametrize('code', [
    libvirt.VIR_ERR_NO_SUPPORT, libvirt.VIR_ERR_NO_STORAGE_POOL,
    libvirt.VIR_ERR_NO_DOMAIN, libvirt.VIR_ERR_NO_DOMAIN_SNAPSHOT,
    libvirt.VIR_ERR_NO_DOMAIN_CHECKPOINT])
def test_drivers_without_such_objects(hypervisor, monkeypatch, code):
    for name in ('listAllStoragePools', 'listAllDomains'):
        monkeypatch.setattr(hypervisor._connection, name,
                            raising(failure(code)))
    assert hypervisor.rbd_pools() == []
    assert list(hypervisor.moments()) == []


def test_a_lost_connection(hypervisor, monkeypatch):
    for name in ('listAllStoragePools', 'listAllDomains'):
        monkeypatch.setattr(hypervisor._connection, name,
                            raising(failure(libvirt.VIR_ERR_RPC)))
    with pytest.raises(exceptions.Unreachable, match='It fails'):
        hypervisor.rbd_pools()
    with pytest.raises(exceptions.Unreachable, match='It fails'):
        list(hypervisor.moments())
