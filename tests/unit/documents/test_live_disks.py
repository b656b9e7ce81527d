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

"""The disks of a running guest, and what they have."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import live_disks
from rbd_mon_fix.model.rescue import DiskFeature
from rbd_mon_fix.model.rescue import LiveDisk
from tests.unit import fake_qemu

DISK = '''<domain><devices><disk type='network'>{before}
<driver name='qemu' type='{format}'{driver}/><source protocol='rbd' name='p/i'>
{inside}</source><target dev='vda'/>{after}</disk></devices></domain>'''


def one(before='', driver='', inside='', after='', format='raw'):
    found, = live_disks.read(DISK.format(
        before=before, driver=driver, inside=inside, after=after,
        format=format))
    return found


def test_a_real_guest():
    found = live_disks.read(fake_qemu.XML)
    assert found[0] == LiveDisk('vda', 'virtio-disk0', '4', 'vms/web', '',
                                'virtio', 'unmap')
    assert found[3] == LiveDisk('sda', 'scsi0-0-0-0', '1', 'vms/sc', '',
                                'scsi', None)
    assert [each.target for each in found] == list(fake_qemu.DISKS)
    assert [each.read_only for each in found] == [False, False, True, False]


@pytest.mark.parametrize('part, feature', [
    ({'after': '<shareable/>'}, DiskFeature.SHAREABLE),
    ({'after': "<encryption format='luks'/>"}, DiskFeature.ENCRYPTED),
    ({'inside': "<encryption format='luks' engine='librbd'/>"},
     DiskFeature.ENCRYPTED),
    ({'after': "<backingStore type='network'><format type='raw'/>"
      '</backingStore>'}, DiskFeature.CHAINED),
    ({'inside': "<snapshot name='s'/>"}, DiskFeature.SNAPSHOT),
    ({'inside': "<slices><slice type='storage' offset='0' size='1'/>"
      '</slices>'}, DiskFeature.SLICED),
    ({'after': "<mirror type='file' job='copy'/>"}, DiskFeature.MIRRORED),
    ({'driver': " iothread='1'"}, DiskFeature.IOTHREAD),
    ({'before': '<driver><iothreads/></driver>'}, DiskFeature.IOTHREAD),
    ({'format': 'qcow2'}, DiskFeature.NOT_RAW)])
def test_features(part, feature):
    assert one(**part).features == (feature,)


def test_what_is_no_feature():
    found = one(after='<backingStore/><iotune><total_iops_sec>9'
                '</total_iops_sec></iotune><readonly/>')
    assert found.features == ()
    assert (found.alias, found.number, found.bus, found.discard) == (
        '', '', '', None)


def test_another_disk():
    found, = live_disks.read(
        "<domain><devices><disk type='block'><source dev='/dev/rbd0'/>"
        "<target dev='vdb' bus='virtio'/></disk></devices></domain>")
    assert (found.image, found.path) == (None, '/dev/rbd0')


def test_xml_that_cannot_be_read():
    with pytest.raises(exceptions.Unreadable):
        live_disks.read('<domain><devices><disk/></devices></domain>')
