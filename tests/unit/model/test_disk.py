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


"""Disks: their pool, and which of them Nova created itself."""

import pytest

from rbd_mon_fix.core import impact
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.disk import RbdDisk
from tests.unit import memory

UUID = memory.uuid(1)
NOVA = Backend('nova', '', 'vms', 'cinder', 'S')
CINDER = Backend('cinder', 'rbd', 'vms', 'cinder', 'S')

IMAGES = pytest.mark.parametrize('image, own', [
    (f'vms/{UUID}_disk', True),
    (f'vms/{UUID}_disk.swap', True),
    (f'vms/{UUID}_disk.config', True),
    (f'vms/namespace/{UUID}_disk', True),
    (f'vms/{UUID}', False),
    (f'vms/namespace/{UUID}', False),
    (f'vms/x-{UUID}_disk', False),
    (f'vms/{memory.uuid(2)}_disk', False),
    (f'vms/namespace/{memory.uuid(2)}_disk', False),
    (f'{UUID}_disk/volume', False),
    (f'vms/{UUID}_disk/volume', False),
    ('vms/volume-1', False),
])


def disk(image):
    return RbdDisk('vda', image, 'cinder', 'S', (), '')


@IMAGES
def test_is_own_of(image, own):
    assert disk(image).is_own_of(UUID) is own


@IMAGES
def test_impact_of_a_disk_follows_the_same_rule(image, own):
    fails = impact.breaks('nova-bdm', disk(image),
                          impact.Server(memory.instances(1)[UUID]))
    assert (fails == ()) is own


@pytest.mark.parametrize('image, root', [
    (f'vms/{UUID}_disk', True), (f'vms/namespace/{UUID}_disk', True),
    (f'vms/{UUID}_disk.config', False), (f'vms/{UUID}_disk.eph0', False),
    (f'vms/{UUID}_disk.swap', False), (f'vms/{memory.uuid(2)}_disk', False),
    (f'{UUID}_disk/volume', False), ('volumes/volume-1', False)])
def test_is_root_of(image, root):
    assert disk(image).is_root_of(UUID) is root


@pytest.mark.parametrize('image', ['vms/a', 'vms/namespace/a'])
def test_pool(image):
    assert disk(image).pool == 'vms'
