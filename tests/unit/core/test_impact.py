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

"""The servers that would not start after a power failure, and why."""

from __future__ import annotations

import pytest

from rbd_mon_fix.core import impact
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.stores import registry

UUID = '3836dcf1-d7d3-4977-a082-d19f0201f4b0'
VOLUME, OWN = 'volumes/volume-7197ba11', f'vms/{UUID}_disk'


def broken(image, vm_state, managed=True, state=State.STALE):
    """Return the operations that each store breaks, if it breaks any."""
    disk = RbdDisk('vda', image, 'cinder', None, (), '')
    instance = Instance(UUID, 'h', vm_state=vm_state, managed=managed)
    found = {store: impact.breaks(readers, state, disk, instance)
             for store, readers in registry.READERS.items()}
    return {store: ' '.join(each.value for each in operations)
            for store, operations in found.items() if operations}


@pytest.mark.parametrize('vm_state, volume, own', [
    ('active',
     {'nova-bdm': 'start hard-reboot', 'domain': 'soft-reboot'},
     {'domain': 'soft-reboot', 'live-domain': 'live-migrate'}),
    ('stopped', {'nova-bdm': 'start hard-reboot'}, {}),
    ('paused', {'nova-bdm': 'start hard-reboot'},
     {'live-domain': 'live-migrate'}),
    ('suspended', {'nova-bdm': 'hard-reboot', 'managed-save': 'resume'},
     {'managed-save': 'resume'}),
    ('rescued', {'nova-bdm': 'start', 'unrescue': 'unrescue'},
     {'unrescue': 'unrescue'}),
    ('error', {'nova-bdm': 'start hard-reboot'}, {}),
    ('resized', {'nova-bdm': 'start'}, {}),
    ('soft-delete', {'nova-bdm': 'start'}, {}),
    ('shelved', {'nova-bdm': 'start'}, {}),
    (None,
     {'nova-bdm': 'start hard-reboot', 'domain': 'soft-reboot',
      'managed-save': 'resume', 'unrescue': 'unrescue'},
     {'domain': 'soft-reboot', 'managed-save': 'resume',
      'unrescue': 'unrescue', 'live-domain': 'live-migrate'}),
])
def test_a_server_of_nova(vm_state, volume, own):
    assert broken(VOLUME, vm_state) == volume
    assert broken(OWN, vm_state) == own


@pytest.mark.parametrize('vm_state, expected', [
    ('active', {'domain': 'start', 'live-domain': 'live-migrate'}),
    ('paused', {'domain': 'start', 'live-domain': 'live-migrate'}),
    ('stopped', {'domain': 'start', 'live-domain': 'live-migrate'}),
    # Libvirt starts it from the image and ignores the domain's XML.
    ('suspended', {'managed-save': 'start'}),
])
@pytest.mark.parametrize('image', [VOLUME, OWN])
def test_a_guest_without_nova(image, vm_state, expected):
    assert broken(image, vm_state, managed=False) == expected


@pytest.mark.parametrize('image, own', [
    (f'vms/{UUID}_disk', True), (f'vms/{UUID}_disk.config', True),
    (f'vms/space/{UUID}_disk', True),
    (f'vms/{UUID}', False), (f'vms/x-{UUID}_disk', False),
    ('vms/00000000-0000-4000-8000-000000000000_disk', False)])
def test_novas_own_disk_is_known_by_its_image(image, own):
    assert ('nova-bdm' in broken(image, 'active')) is not own


@pytest.mark.parametrize('state', [
    state for state in State if state is not State.STALE])
@pytest.mark.parametrize('managed', [True, False])
def test_only_what_is_stale_breaks_anything(state, managed):
    assert broken(OWN, None, managed, state) == {}


def test_each_operation_is_broken_by_something():
    words = ' '.join([*broken(VOLUME, None).values(),
                      *broken(OWN, None).values()]).split()
    assert set(words) == {each.value for each in Operation}
