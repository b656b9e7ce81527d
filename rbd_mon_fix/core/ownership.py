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

"""The rules that decide which cluster a disk belongs to.

The monitors of a wrong cluster would break a healthy guest, so a disk whose
cluster is unknown or ambiguous belongs to no cluster.
"""

from __future__ import annotations

import dataclasses
from typing import Iterable, Mapping, Optional, Sequence

from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.record import Record

# The cephx identities (user, secret UUID) of some disks.
Identities = frozenset[tuple[Optional[str], Optional[str]]]


@dataclasses.dataclass(frozen=True)
class Ownership:
    """The known clusters and volumes.

    :param clusters: the clusters that the config names
    :param volumes: Cinder's backend name for each volume, None for a volume
        without a backend; None instead of the mapping if Cinder's database
        is not available
    :param identities: the cephx identities of all disks on the hosts of the
        run, selected or not; the only clue on a host without OpenStack
    """

    clusters: Sequence[Cluster]
    volumes: Optional[Mapping[str, Optional[str]]]
    identities: Identities = frozenset()

    def cluster_of(self, record: Record, disk: RbdDisk) -> Optional[Cluster]:
        """Return the one cluster that a disk belongs to, or None."""
        volume = record.volume_id or disk.volume_id
        if volume and self.volumes is not None and volume in self.volumes:
            return self._by_backend(self.volumes[volume], disk)
        if disk.is_own_of(record.locator.instance) and (
                mine := self._by_secret(disk, ('nova',))):
            return mine
        return self._by_secret(disk, ('cinder', 'nova', 'libvirt'))

    def _by_backend(self, name: Optional[str],
                    disk: RbdDisk) -> Optional[Cluster]:
        """Return the cluster of Cinder's backend, if the document agrees."""
        if name is None:
            return None
        found = [cluster for cluster in self.clusters
                 if any(backend.owner == 'cinder' and backend.name == name
                        and backend.pool in (None, disk.pool)
                        for backend in cluster.backends)]
        owner = _only(found, disk)
        claimed = self._claimed(disk, ('cinder', 'nova'))
        return None if claimed and owner not in claimed else owner

    def _by_secret(self, disk: RbdDisk,
                   owners: tuple[str, ...]) -> Optional[Cluster]:
        return _only(self._claimed(disk, owners), disk)

    def _claimed(self, disk: RbdDisk,
                 owners: tuple[str, ...]) -> list[Cluster]:
        return [cluster for cluster in self.clusters
                if any(self._owns(backend, disk)
                       for backend in cluster.backends
                       if backend.owner in owners)]

    def _owns(self, backend: Backend, disk: RbdDisk) -> bool:
        if backend.owner != 'libvirt':
            return backend.owns(disk)
        return self._plain_owns(backend, disk)

    def _plain_owns(self, backend: Backend, disk: RbdDisk) -> bool:
        """Return whether a disk belongs to a ceph.conf without OpenStack.

        Pool, user and secret must match if the operator gave them. Without
        a given secret, all disks must have the same cephx identity: one of
        two identities could belong to another cluster.
        """
        stated = [(backend.pool, disk.pool), (backend.user, disk.user),
                  (backend.secret_uuid, disk.secret_uuid)]
        if any(said not in (None, seen) for said, seen in stated):
            return False
        return backend.secret_uuid is not None or len(self.identities) <= 1


def _only(found: Sequence[Cluster], disk: RbdDisk) -> Optional[Cluster]:
    """Return the only cluster that a disk can belong to, or None.

    The clusters of a replicated backend share section, pool, user and
    secret. A disk belongs to the cluster that has, or had, a monitor at one
    of the disk's addresses.
    """
    if len(found) > 1:
        found = [cluster for cluster in found
                 if not cluster.addresses.isdisjoint(disk.monitors)]
    return found[0] if len(found) == 1 else None


def are_alike(clusters: Sequence[Cluster]) -> bool:
    """Return whether a section of the config leads to several clusters."""
    sections = [section for cluster in clusters for section in {
        (backend.owner, backend.name) for backend in cluster.backends}]
    return len(set(sections)) < len(sections)


def is_vague(clusters: Iterable[Cluster]) -> bool:
    """Return whether a ceph.conf was given without a secret."""
    return any(backend.owner == 'libvirt' and backend.secret_uuid is None
               for cluster in clusters for backend in cluster.backends)


def identities(disks: Iterable[RbdDisk]) -> Identities:
    """Return the cephx identities of disks."""
    return frozenset((disk.user, disk.secret_uuid) for disk in disks)
