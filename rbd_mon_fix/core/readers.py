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

"""The operations that read each store, as a table of Nova's source.

``ROWS`` is the table: store, kind of disk, operation, states of the server,
release of Nova. Paths are those of Nova's source; ``driver.py`` stands for
nova/virt/libvirt/driver.py, ``manager.py`` for nova/compute/manager.py. The
states are those that ``check_instance_state`` in nova/compute/api.py allows;
they have been the same since Queens. A row that depends on something that is
not known applies.

What has no row does no harm:

* Nova asks Cinder again for the volumes of a live migration
  (``pre_live_migration``), a cold migration or resize (``_finish_resize``) and
  its revert (``_finish_revert_resize``), all in manager.py with
  ``refresh_conn_info=True``; and for those of an evacuation, a rebuild and an
  unshelve, which make new attachments.
* ``_get_guest_xml`` asks ``ceph mon dump`` for Nova's own disks whenever it
  builds XML (nova/virt/libvirt/imagebackend.py, class Rbd, ``libvirt_info``;
  nova/storage/rbd_utils.py, ``get_mon_addrs``), with the ceph.conf of the
  compute host, whose rows these are. A cold migration, an evacuation and an
  unshelve use the file of the destination, and a revert that of the host that
  the server came from: no server of that host tells of them.
* No operation reads the attachments that Cinder stores.
* A swap of a volume reads no copy, but ``_swap_volume`` in driver.py defines
  the XML of the running guest as the persistent one, as does a live
  migration: the store ``domain`` then has the guest's old addresses again.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Collection, Optional

from rbd_mon_fix.model.plan import Operation


class DiskKind(enum.Enum):
    """The kinds of disks that differ in who reads their addresses."""

    VOLUME = 'volume of Cinder'
    OWN = 'disk that Nova created itself (images_type = rbd)'
    PLAIN = 'disk of a guest that Nova does not know'


_VOLUME = (DiskKind.VOLUME,)
_NOVA = (DiskKind.VOLUME, DiskKind.OWN)
_OWN = (DiskKind.OWN,)
_PLAIN = (DiskKind.PLAIN,)
# nova/compute/vm_states.py, without those of servers that are on no host.
STATES = ('active', 'building', 'paused', 'suspended', 'stopped', 'rescued',
           'resized', 'soft-delete', 'error', 'shelved')
_REBOOTED = ('active', 'stopped', 'paused', 'suspended', 'error')
_RESCUED = ('active', 'stopped', 'error')


@dataclasses.dataclass(frozen=True)
class Reader:
    """An operation that reads the copies of a store.

    :param states: Nova's states of a server in which it is possible
    :param source: where Nova or libvirt does so
    :param tasks: Nova's tasks during which it is possible; empty for any
    :param unless: stores that are read instead, if the server has a record
        in one of them
    :param own_root: True if only servers whose root disk is Nova's own do so
    :param until: the first version of the nova-compute service that does
        not do so; None if all do
    :param since: the first version that does so; None if all do
    """

    store: str
    kinds: tuple[DiskKind, ...]
    operation: Operation
    states: Collection[str]
    source: str
    tasks: Collection[str] = ()
    unless: frozenset[str] = frozenset()
    own_root: bool = False
    until: Optional[int] = None
    since: Optional[int] = None


ROWS: tuple[Reader, ...] = (
    # The way back of every server that is not suspended: after a power
    # failure, whether it is allowed to be started by hand or not.
    Reader('nova-bdm', _VOLUME, Operation.START,
        [each for each in STATES if each != 'suspended'],
        'driver.py, power_on (start, restore, unshelve of a server that was '
        'not offloaded) and resume_state_on_host_boot: _hard_reboot'),
    Reader('nova-bdm', _VOLUME, Operation.HARD_REBOOT, _REBOOTED,
        'driver.py, _hard_reboot: builds the XML from the block device '
        'mappings as stored (manager.py, _get_instance_block_device_info)'),
    Reader('nova-bdm', _VOLUME, Operation.RESUME, ('suspended',),
        'driver.py, _get_existing_domain_xml: builds the XML of a server '
        'without a domain', unless=frozenset({'managed-save', 'domain'})),
    # Whether the image of the rescue asks for stable devices, as it must for
    # a server that boots from a volume, shows only when it is chosen.
    Reader('nova-bdm', _VOLUME, Operation.RESCUE, _RESCUED,
        'driver.py, rescue, since Ussuri: a stable device rescue attaches '
        'the volumes as stored'),
    Reader('nova-bdm', _VOLUME, Operation.MIGRATE, STATES,
        'manager.py, _init_instance: takes back a migration during which '
        'nova-compute stopped', tasks=('resize_migrating',)),
    # Whether the server came from another cell is not known.
    Reader('nova-bdm', _VOLUME, Operation.REVERT, ('resized',),
        'manager.py, _finish_revert_snapshot_based_resize_at_source, since '
        'Ussuri: updates the attachments, but not the mappings'),
    Reader('domain', _NOVA, Operation.SOFT_REBOOT, ('active',),
        'driver.py, _soft_reboot: launches the domain again; only after '
        'minutes, reboot continues with a hard reboot'),
    Reader('domain', _NOVA, Operation.RESUME, ('suspended',),
        'driver.py, resume: launches the domain, which without an image '
        'starts from its XML', unless=frozenset({'managed-save'})),
    # Manager.py powers a running server off first (rescue_instance), so that
    # this is never the XML of the running guest.
    Reader('domain', _NOVA, Operation.RESCUE, _RESCUED,
        'driver.py, rescue: writes the XML that libvirt has of a server that '
        'is off to unrescue.xml, from which unrescue starts it'),
    Reader('domain', _PLAIN, Operation.START,
        [each for each in STATES if each != 'suspended'],
        'libvirt, src/qemu/qemu_driver.c, qemuDomainObjStart'),
    Reader('managed-save', _NOVA, Operation.RESUME, ('suspended',),
        'driver.py, resume: launches the domain; libvirt starts it from the '
        'image (src/qemu/qemu_driver.c, qemuDomainObjStart)'),
    Reader('managed-save', _PLAIN, Operation.START, ('suspended',),
        'libvirt, src/qemu/qemu_driver.c, qemuDomainObjStart'),
    Reader('unrescue', _NOVA, Operation.UNRESCUE, ('rescued',),
        'driver.py, unrescue: defines and launches unrescue.xml'),
    Reader('live-domain', _NOVA, Operation.SUSPEND, ('active',),
        'driver.py, suspend: libvirt writes the XML of the running guest '
        'into the image (src/qemu/qemu_driver.c, qemuDomainSaveInternal), '
        'from which resume starts it'),
    # Whether direct_snapshot works, Glance decides. With it, and on servers
    # that boot from a volume, Nova does not suspend the guest.
    Reader('live-domain', _NOVA, Operation.SNAPSHOT, ('active', 'paused'),
        'driver.py, snapshot: suspends the guest if direct_snapshot fails, '
        'and launches it from the image (_resume_guest_after_snapshot)',
        own_root=True),
    Reader('live-domain', _OWN, Operation.LIVE_MIGRATE,
        ('active', 'paused'),
        'nova/virt/libvirt/migration.py, get_updated_guest_xml: takes all '
        'but the volumes from the running guest; _update_rbd_xml asks Ceph '
        'since 34.0.0', until=73),
    Reader('live-domain', _PLAIN, Operation.SUSPEND, STATES,
        'libvirt, src/qemu/qemu_driver.c, qemuDomainSaveInternal; '
        'libvirt-guests does so with ON_SHUTDOWN=suspend'),
    Reader('live-domain', _PLAIN, Operation.LIVE_MIGRATE, STATES,
        'libvirt, src/qemu/qemu_migration.c'),
    Reader('ceph-conf', _OWN, Operation.START,
        [each for each in STATES if each != 'suspended'],
        'driver.py, power_on and resume_state_on_host_boot: _hard_reboot'),
    Reader('ceph-conf', _OWN, Operation.HARD_REBOOT, _REBOOTED,
        'driver.py, _hard_reboot: removes the domain, then _get_guest_xml'),
    Reader('ceph-conf', _OWN, Operation.RESUME, ('suspended',),
        'driver.py, _get_existing_domain_xml: builds the XML of a server '
        'without a domain', unless=frozenset({'managed-save', 'domain'})),
    Reader('ceph-conf', _OWN, Operation.UNRESCUE, ('rescued',),
        'driver.py, unrescue: starts the server, then removes the disks of '
        'the rescue (cleanup_volumes), whose failure puts it into error'),
    Reader('ceph-conf', _OWN, Operation.RESCUE, _RESCUED,
        'driver.py, rescue: _create_image and _get_guest_xml'),
    Reader('ceph-conf', _OWN, Operation.SNAPSHOT,
        ('active', 'paused', 'stopped', 'suspended'),
        'driver.py, snapshot: direct_snapshot, or qemu-img with the file',
        own_root=True),
    Reader('ceph-conf', _OWN, Operation.LIVE_MIGRATE, ('active', 'paused'),
        'nova/virt/libvirt/migration.py, get_updated_guest_xml: '
        '_update_rbd_xml since 34.0.0', since=73),
    Reader('ceph-conf', _OWN, Operation.MIGRATE, STATES,
        'manager.py, _init_instance: takes back a migration during which '
        'nova-compute stopped (finish_revert_migration)',
        tasks=('resize_migrating',)),
)

# The stores for which the release of Nova matters.
DEPEND_ON_RELEASE = frozenset(
    row.store for row in ROWS if row.until or row.since)
