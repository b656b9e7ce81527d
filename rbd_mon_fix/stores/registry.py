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

"""Registry of all stores: how to open them, and their needs.

A new store is a module in this folder and one entry in ``SPECS``.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import (
    TYPE_CHECKING,
    Callable,
    Collection,
    Mapping,
    Optional,
    Protocol,
)

from rbd_mon_fix.model.store import Store

if TYPE_CHECKING:
    from rbd_mon_fix.clients import libvirt
    from rbd_mon_fix.clients.database import cinder
    from rbd_mon_fix.clients.database import nova
    from rbd_mon_fix.stores import ceph_conf


class Need(enum.Enum):
    """A service or folder that a store requires."""

    NOVA_DATABASE = "Nova's database"
    CINDER_DATABASE = "Cinder's database"
    LIBVIRT = 'libvirt'
    INSTANCES_FOLDER = "Nova's folder of instances"
    CEPH_CONF = "the ceph.conf of Nova's own disks"


class StorePlaces(Protocol):
    """The services and folders on which stores are opened."""

    def cell(self, host: str) -> nova.Cell:
        """Return the cell of a compute host.

        :raises ConfigError: Nova knows no such host
        """

    def volumes(self) -> cinder.Cinder:
        """Return Cinder's database."""

    def hypervisor(self, host: str) -> libvirt.Hypervisor:
        """Return the libvirt of a compute host.

        :raises Unreachable: libvirt cannot be reached
        """

    def instances_path(self) -> str:
        """Return the folder that contains a folder for each server."""

    def ceph_conf(self) -> ceph_conf.OwnDisksConf:
        """Return the ceph.conf of the disks that Nova creates itself."""


@dataclasses.dataclass(frozen=True)
class StoreSpec:
    """A store before it is opened.

    :param open: opens the store of one compute host; imports are late
    :param needs: the service or folder required to open the store
    :param after: stores that must be read before this one if they are read
        at all, because its scan uses their records
    :param implies: stores that are read along with this one even if they
        were not selected, if they are available
    :param local_only: only the compute host itself can open the store
    :param only_state: the only state of a server in which the store has a
        record of it; None for any
    :param writable: False if the copies cannot be changed
    :param read_by_cold_start: a server may start from the store
    :param secret_from_nova: Nova uses the user and secret of nova.conf for a
        document without a secret (nova/virt/libvirt/volume/net.py,
        ``_set_auth_config_rbd``)
    """

    name: str
    open: Callable[[StorePlaces, str], Store]
    needs: Need
    after: tuple[str, ...] = ()
    implies: tuple[str, ...] = ()
    local_only: bool = False
    only_state: Optional[str] = None
    writable: bool = True
    read_by_cold_start: bool = True
    secret_from_nova: bool = False


def _cinder_attachment(places: StorePlaces, host: str) -> Store:
    from rbd_mon_fix.stores import cinder_attachment
    return cinder_attachment.CinderAttachmentStore(places.volumes())


def _nova_bdm(places: StorePlaces, host: str) -> Store:
    from rbd_mon_fix.stores import nova_bdm
    return nova_bdm.NovaBdmStore(places.cell(host))


def _domain(places: StorePlaces, host: str) -> Store:
    from rbd_mon_fix.stores import domain
    return domain.DomainStore(places.hypervisor(host))


def _managed_save(places: StorePlaces, host: str) -> Store:
    from rbd_mon_fix.stores import managed_save
    return managed_save.ManagedSaveStore(places.hypervisor(host))


def _unrescue(places: StorePlaces, host: str) -> Store:
    from rbd_mon_fix.stores import unrescue
    return unrescue.UnrescueStore(places.instances_path())


def _live_domain(places: StorePlaces, host: str) -> Store:
    from rbd_mon_fix.stores import live_domain
    return live_domain.LiveDomainStore(places.hypervisor(host))


def _ceph_conf(places: StorePlaces, host: str) -> Store:
    from rbd_mon_fix.stores import ceph_conf
    return ceph_conf.CephConfStore(places.ceph_conf())


# In writing order. core/readers.py tells which stores each operation reads.
_ALL = (
    StoreSpec('cinder-attachment', _cinder_attachment, Need.CINDER_DATABASE,
              after=('nova-bdm',), implies=('nova-bdm',),
              read_by_cold_start=False),
    StoreSpec('nova-bdm', _nova_bdm, Need.NOVA_DATABASE,
              secret_from_nova=True),
    StoreSpec('domain', _domain, Need.LIBVIRT),
    StoreSpec('managed-save', _managed_save, Need.LIBVIRT),
    StoreSpec('unrescue', _unrescue, Need.INSTANCES_FOLDER, local_only=True,
              only_state='rescued'),
    StoreSpec('live-domain', _live_domain, Need.LIBVIRT, after=('domain',),
              writable=False, read_by_cold_start=False),
    # A cold start reads it, but QEMU opens no disk with its addresses alone:
    # verify has nothing to open.
    StoreSpec('ceph-conf', _ceph_conf, Need.CEPH_CONF, after=('domain',),
              implies=('domain',), local_only=True, writable=False,
              read_by_cold_start=False),
)

SPECS: Mapping[str, StoreSpec] = {spec.name: spec for spec in _ALL}


def reading_order(names: Collection[str]) -> list[StoreSpec]:
    """Return stores in reading order, which respects ``after``.

    :param names: names of the stores
    """
    ordered: dict[str, StoreSpec] = {}
    for spec in _ALL:
        if spec.name in names:
            for name in (*spec.after, spec.name):
                if name in names:
                    ordered.setdefault(name, SPECS[name])
    return list(ordered.values())
