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

"""A ceph.conf as the description of a disk."""

from __future__ import annotations

from rbd_mon_fix.documents import ceph_conf
from rbd_mon_fix.model.disk import RbdDisk
from tests.unit import memory

DISK = RbdDisk('volume', '', 'nova', None, memory.addrs('10.0.0.1'),
               '10.0.0.1')
CONF = ceph_conf.CephConfText('mon_host = 10.0.0.1\n# SECRET\n', (DISK,))


def test_it_stands_for_any_image():
    [disk] = CONF.of('vms/a_disk').disks
    assert (disk.image, disk.monitors) == ('vms/a_disk', DISK.monitors)
    assert CONF.of('vms/a_disk').text == CONF.text


def test_another_list():
    new = CONF.spell(DISK, memory.addrs('10.1.0.1:6789,[fd01::2]:3300'))
    assert new == '10.1.0.1:6789,[fd01::2]:3300'
    assert CONF.edited({'volume': new}).text == (
        f'mon_host = {new}\n# SECRET\n')


def test_the_text_may_hold_keys():
    assert 'SECRET' not in repr(CONF)
