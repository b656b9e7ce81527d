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

"""Which operation reads which copy, and so fails when it is stale.

The tables follow Nova's libvirt driver (nova/virt/libvirt/driver.py):

* ``_hard_reboot``, and with it ``power_on`` (start, restore, unshelve) and
  ``resume_state_on_host_boot``, rebuilds the XML: volumes from the block
  device mappings as they are (nova/virt/block_device.py), Nova's own disks
  from a fresh ``ceph mon dump`` (nova/virt/libvirt/imagebackend.py), so
  that no copy of those can break it;
* ``_soft_reboot`` launches the persistent domain once more; where that
  fails, it takes minutes to, and ``reboot`` turns to a hard one;
* ``resume`` launches a domain that has a managed-save image, and libvirt
  starts that (its src/qemu/qemu_driver.c, ``qemuDomainObjStart``);
* ``unrescue`` defines and launches unrescue.xml;
* a live migration takes volumes fresh from Cinder, and the rest of the XML
  from the running domain (nova/virt/libvirt/migration.py,
  ``get_updated_guest_xml``); only after 2026.1 Nova's own disks as well are
  fresh (``_update_rbd_xml``), and which Nova it is nobody can tell here.

Cinder's attachments are read by none of them.
"""

from __future__ import annotations

from typing import Mapping

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State

_Readers = Mapping[str, tuple[Operation, ...]]

_VOLUME: _Readers = {
    'nova-bdm': (Operation.START, Operation.HARD_REBOOT),
    'domain': (Operation.SOFT_REBOOT,),
    'managed-save': (Operation.RESUME,),
    'unrescue': (Operation.UNRESCUE,),
}
_OWN_DISK: _Readers = {
    'domain': (Operation.SOFT_REBOOT,),
    'managed-save': (Operation.RESUME,),
    'unrescue': (Operation.UNRESCUE,),
    'live-domain': (Operation.LIVE_MIGRATE,),
}

# Without Nova nothing is rebuilt. Only a start reads a document: virsh
# reboot and reset keep the QEMU process.
_PLAIN: _Readers = {
    'domain': (Operation.START,),
    'live-domain': (Operation.LIVE_MIGRATE,),
}
_PLAIN_SAVED: _Readers = {
    'managed-save': (Operation.START,),
}

# The states in which Nova lets one do it (nova/compute/api.py and
# vm_states.py). A start is what a server comes back by after a power
# failure, whatever its state, unless it was suspended: then its way back
# is to resume.
_STATES: Mapping[Operation, tuple[str, ...]] = {
    Operation.HARD_REBOOT: ('active', 'stopped', 'paused', 'suspended',
                            'error'),
    Operation.SOFT_REBOOT: ('active',),
    Operation.RESUME: ('suspended',),
    Operation.UNRESCUE: ('rescued',),
    Operation.LIVE_MIGRATE: ('active', 'paused'),
}


def breaks(store: str, state: State, disk: RbdDisk,
           instance: Instance) -> tuple[Operation, ...]:
    """Return the operations that would fail from this copy now.

    :param store: name of the store that keeps the copy
    :param disk: the disk that it is a copy of
    :param instance: its server; one whose state is not known may be in any
    """
    if state is not State.STALE:
        return ()
    found = _readers(disk, instance).get(store, ())
    if not instance.managed:
        return found
    return tuple(each for each in found if _possible(each, instance))


def _readers(disk: RbdDisk, instance: Instance) -> _Readers:
    if not instance.managed:
        return _PLAIN_SAVED if instance.vm_state == 'suspended' else _PLAIN
    own = disk.image.rpartition('/')[2].startswith(f'{instance.uuid}_')
    return _OWN_DISK if own else _VOLUME


def _possible(operation: Operation, instance: Instance) -> bool:
    if instance.vm_state is None:
        return True
    if operation is Operation.START:
        return instance.vm_state != 'suspended'
    return instance.vm_state in _STATES[operation]
