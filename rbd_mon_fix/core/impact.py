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

"""Predict which operations fail because they read a stale copy.

stores/registry.py names the operations that read each store. They follow
from Nova's libvirt driver (nova/virt/libvirt/driver.py):

* ``_hard_reboot``, and with it ``power_on`` (start, restore, unshelve) and
  ``resume_state_on_host_boot``, rebuilds the XML: volumes from the block
  device mappings as stored (nova/virt/block_device.py), Nova's own disks
  from a fresh ``ceph mon dump`` (nova/virt/libvirt/imagebackend.py), so a
  stale copy of Nova's own disks does no harm;
* ``_soft_reboot`` launches the persistent domain again; if the launch
  fails, which takes minutes, ``reboot`` continues with a hard reboot;
* ``resume`` launches a domain that has a managed-save image, and libvirt
  starts from that image (src/qemu/qemu_driver.c, ``qemuDomainObjStart``);
* ``unrescue`` defines and launches unrescue.xml;
* a live migration takes current volume data from Cinder and the rest of the
  XML from the running domain (nova/virt/libvirt/migration.py,
  ``get_updated_guest_xml``); releases after 2026.1 refresh Nova's own disks
  too (``_update_rbd_xml``), but this module does not know Nova's release.

No operation reads the attachments stored by Cinder.
"""

from __future__ import annotations

from typing import Mapping

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.store import Readers

_STATES: Mapping[Operation, tuple[str, ...]] = {
    Operation.HARD_REBOOT: ('active', 'stopped', 'paused', 'suspended',
                            'error'),
    Operation.SOFT_REBOOT: ('active',),
    Operation.RESUME: ('suspended',),
    Operation.UNRESCUE: ('rescued',),
    Operation.LIVE_MIGRATE: ('active', 'paused'),
}


def breaks(readers: Readers, state: State, disk: RbdDisk,
           instance: Instance) -> tuple[Operation, ...]:
    """Return the operations that would fail now because of a copy.

    :param readers: the operations that read the store of the copy
    :param disk: the disk of the copy
    :param instance: the server of the disk; if its state is unknown, all
        operations are possible
    """
    if state is not State.STALE:
        return ()
    if not instance.managed:
        return (readers.plain_saved if instance.vm_state == 'suspended'
                else readers.plain)
    found = (readers.own if disk.is_own_of(instance.uuid)
             else readers.volume)
    return tuple(each for each in found if _possible(each, instance))


def _possible(operation: Operation, instance: Instance) -> bool:
    if instance.vm_state is None:
        return True
    if operation is Operation.START:
        return instance.vm_state != 'suspended'
    return instance.vm_state in _STATES[operation]
