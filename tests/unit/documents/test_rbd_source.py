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

"""RBD sources of one disk."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import rbd_source
from rbd_mon_fix.documents import xml_tree
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.monmap import MonAddr

DISK = RbdDisk('vda', 'vms/x', 'cinder', None, (MonAddr('a', 6789),),
               "<host name='a' port='6789'/>")


@pytest.mark.parametrize('targets', [
    "<target dev='vda'/>", "<target bus='virtio'/><target dev='vda'/>",
    "<target dev=''/><target dev='vda'/>", "<target dev='vda'/><target/>"])
def test_the_first_target_with_a_device(targets):
    disk = xml_tree.parse(f'<disk>{targets}</disk>'.encode())
    assert rbd_source.target(disk) == 'vda'


@pytest.mark.parametrize('targets', ['', '<target/>', "<target dev=''/>"])
def test_a_disk_without_a_target(targets):
    disk = xml_tree.parse(f'<disk>{targets}</disk>'.encode())
    with pytest.raises(exceptions.Unreadable, match='no target'):
        rbd_source.target(disk)


@pytest.mark.parametrize('auth, uuid, usage', [
    ("<secret type='ceph' uuid='S'/>", 'S', None),
    ("<secret type='ceph' uuid='BD341DC482CE4FA7A3787A6E331821FB'/>",
     'bd341dc4-82ce-4fa7-a378-7a6e331821fb', None),
    ("<secret type='ceph' usage='site &quot;A&quot;'/>", None, 'site "A"'),
    ('<secret/>', None, None), ('', None, None)])
def test_a_secret(auth, uuid, usage):
    element = xml_tree.parse(f'<auth>{auth}</auth>'.encode())
    assert rbd_source.credential(element) == (uuid, usage)


def test_no_auth():
    assert rbd_source.credential(None) == (None, None)


def test_owners():
    domain = xml_tree.parse(
        b"<domain><os><loader/><nvram/></os><devices><nvram/><disk/>"
        b"<disk/></devices><metadata><os><nvram/></os></metadata></domain>")
    assert [each.name for each in rbd_source.owners(domain)] == [
        'nvram', 'disk', 'disk']


@pytest.mark.parametrize('config, expected', [
    ('', None), ('<config/>', None), ("<config file=''/>", None),
    ("<config file='/etc/ceph/x.conf'/>", '/etc/ceph/x.conf')])
def test_a_ceph_conf_of_its_own(config, expected):
    text = (f"<source name='vms/x'><host name='a' port='6789'/>{config}"
            '</source>').encode()
    source = rbd_source.RbdSource('vda', xml_tree.parse(text), None, None)
    place = rbd_source.locate(source, text)
    assert rbd_source.read(source, place, text).own_conf == expected


def test_other_hosts():
    hosts = "<host name='[fd00::1]'/><host name='B' port='0'/>"
    disk = rbd_source.reworded(DISK, hosts)
    assert disk.monitors == (MonAddr('fd00::1', None), MonAddr('b', None))
    assert (disk.verbatim, disk.ragged) == (hosts, True)
    assert (disk.key, disk.image, disk.user) == ('vda', 'vms/x', 'cinder')


@pytest.mark.parametrize('hosts, reason', [
    ('', 'vda is not a list of hosts'),
    ('a:6789', 'vda is not a list of hosts'),
    ("<host name='a'/><config/>", 'vda is not a list of hosts'),
    ("<host name='a' port='x'/>", 'invalid monitor address'),
    ("<host name='a' weight='1'/>", 'unknown attributes'),
    ("<host transport='unix' socket='/s'/>", 'transport unix'),
])
def test_other_hosts_that_are_not_monitors(hosts, reason):
    with pytest.raises(exceptions.Unreadable, match=reason):
        rbd_source.reworded(DISK, hosts)
