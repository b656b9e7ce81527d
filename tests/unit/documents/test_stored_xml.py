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

"""Storage pools, snapshots and checkpoints."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import stored_xml

POOL = '''
<pool type='rbd'>
  <name>images</name>
  <uuid>91a2e451-7d2f-4bda-87da-33be52a89d92</uuid>
  <source>
    <host name='192.0.2.11' port='6789'/>
    <host name='2001:db8::1'/>
    <name>vms</name>
    <auth type='ceph' username='admin'>
      <secret uuid='2ec115d7-3a88-3ceb-bc12-0ac909a6fd87'/>
    </auth>
  </source>
</pool>
'''

DISK = '''
  <devices>
    <disk type='network' device='disk'>
      <source protocol='rbd' name='vms/{image}'>
        <host name='192.0.2.11' port='6789'/>
      </source>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='network' device='disk'>
      <source protocol='rbd' name='vms/without-hosts'/>
      <target dev='vdb' bus='virtio'/>
    </disk>
  </devices>
'''


def test_a_pool():
    pool = stored_xml.pool(POOL)
    assert (pool.key, pool.pool, pool.user, pool.secret_uuid) == (
        'images', 'vms', 'admin', '2ec115d7-3a88-3ceb-bc12-0ac909a6fd87')
    assert list(map(str, pool.monitors)) == [
        '192.0.2.11:6789', '[2001:db8::1]']


def test_a_pool_that_names_its_secret_by_usage():
    pool = stored_xml.pool(POOL.replace(
        "uuid='2ec115d7-3a88-3ceb-bc12-0ac909a6fd87'", "usage='site A'"))
    assert (pool.secret_uuid, pool.secret_usage) == (None, 'site A')


def test_a_pool_that_names_a_monitor_without_an_address():
    pool = stored_xml.pool(POOL.replace('2001:db8::1', '0.0.0.0'))
    assert list(map(str, pool.monitors)) == ['192.0.2.11:6789', '0.0.0.0:0']


def test_a_pool_without_cephx():
    auth = POOL[POOL.index('    <auth'):POOL.index('  </source>')]
    pool = stored_xml.pool(POOL.replace(auth, ''))
    assert (pool.user, pool.secret_uuid) == (None, None)


@pytest.mark.parametrize('text', [
    '', '<pool/>', '<domain><source/></domain>',
    POOL.replace('6789', '99999'), POOL.replace('192.0.2.11', '[')])
def test_what_is_no_pool(text):
    with pytest.raises(exceptions.Unreadable):
        stored_xml.pool(text)


NVRAM = """<os><nvram type='network'><source protocol='rbd' name='vms/nvram'>
<host name='192.0.2.11'/></source></nvram></os>"""


@pytest.mark.parametrize('text, images', [
    (f'<domainsnapshot><domain>{NVRAM}{DISK.format(image="then")}</domain>'
     '</domainsnapshot>', ['vms/nvram', 'vms/then']),
    ('<domainsnapshot><name>s</name></domainsnapshot>', []),
    (f'<domainsnapshot><domain>{DISK.format(image="then")}</domain>'
     f'<inactiveDomain>{DISK.format(image="kept")}</inactiveDomain>'
     '</domainsnapshot>', ['vms/then', 'vms/kept']),
    (f'<domaincheckpoint><domain>{DISK.format(image="then")}</domain>'
     '</domaincheckpoint>', ['vms/then'])])
def test_disks(text, images):
    assert [disk.image for disk in stored_xml.disks(text)] == images


@pytest.mark.parametrize('read', [stored_xml.pool, stored_xml.disks])
def test_a_text_that_is_not_unicode(read):
    with pytest.raises(exceptions.Unreadable):
        read('<pool><source/>\ud800</pool>')
