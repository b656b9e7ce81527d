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

from rbd_mon_fix.clients import libvirt as door
from rbd_mon_fix.clients import libvirt_objects
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
def hypervisor():
    opened = door.connect('test:///default')
    yield opened
    opened.close()


def test_nothing_is_kept(hypervisor):
    assert libvirt_objects.rbd_pools(hypervisor) == []
    assert list(libvirt_objects.moments(hypervisor)) == []


def test_a_pool(hypervisor):
    hypervisor.call(lambda connection: connection.storagePoolDefineXML(
        POOL, 0))
    pool, = libvirt_objects.rbd_pools(hypervisor)
    assert stored_xml.pool(pool).key == 'images'


def test_a_snapshot(hypervisor):
    def snapshot(connection):
        connection.defineXML(DOMAIN).snapshotCreateXML(
            '<domainsnapshot><name>before</name></domainsnapshot>', 0)
    hypervisor.call(snapshot)
    found, = libvirt_objects.moments(hypervisor)
    assert (found.domain, found.name, found.is_checkpoint) == (
        UUID, 'before', False)
    disk, = stored_xml.disks(found.xml)
    assert list(map(str, disk.monitors)) == ['192.0.2.11:6789']


def test_what_libvirt_is(hypervisor):
    version, driver = libvirt_objects.versions(hypervisor)
    assert version.count('.') == 2
    assert driver.startswith('TEST ')


def test_a_connection_that_may_write(hypervisor):
    before = hypervisor.domains()
    assert libvirt_objects.may_define(hypervisor)
    assert hypervisor.domains() == before


def test_a_connection_that_may_only_read(monkeypatch):
    monkeypatch.setattr(libvirt, 'open', libvirt.openReadOnly)
    hypervisor = door.connect('test:///default')
    assert not libvirt_objects.may_define(hypervisor)
    hypervisor.close()
