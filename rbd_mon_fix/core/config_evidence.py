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

"""What the config tells about the cluster of a disk.

It can only contradict the addresses, or decide between clusters that both had
them.
"""

from __future__ import annotations

from typing import Iterable, NamedTuple, Optional

from rbd_mon_fix.model import host_name
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import VolumeService
from rbd_mon_fix.model.disk import Access
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Record


class Traits(NamedTuple):
    """All properties of a disk that tell its cluster.

    :param host: the compute host
    :param own: whether Nova itself created the image for its server
    :param volume: whether it is a volume of Cinder
    :param service: Cinder's service of the volume; None if it is unknown
    """

    monitors: tuple[MonAddr, ...]
    access: Access
    host: str
    own: bool
    volume: bool
    service: Optional[VolumeService]

    @classmethod
    def of(cls, record: Record, disk: RbdDisk,
           service: Optional[VolumeService]) -> Traits:
        """Return the traits of a disk of a record."""
        return cls(disk.monitors, disk.access, record.locator.host,
                   disk.is_own_of(record.locator.instance),
                   bool(volume_of(record, disk)), service)


def volume_of(record: Record, disk: RbdDisk) -> Optional[str]:
    """Return Cinder's volume that a disk is, if any is known."""
    return record.volume_id or disk.volume_id


def fits(cluster: Cluster, traits: Traits) -> bool:
    """Return whether service, user, secret and pool fit a backend."""
    for backend in cluster.backends:
        if not backend.matches(traits.access):
            continue
        if backend.owner == 'cinder':
            if traits.service is not None and backend.serves(traits.service):
                return True
        elif not traits.volume and (backend.host is None or host_name.is_same(
                backend.host, traits.host)):
            return True
    return False


def contradiction(cluster: Cluster, clusters: Iterable[Cluster],
                  traits: Traits) -> Optional[Evidence]:
    """Return the evidence of Cinder's service against a cluster, or None.

    :param clusters: all that the config names
    """
    if traits.service is None:
        return None
    meant = [each.name for each in clusters if any(
        backend.serves(traits.service) for backend in each.backends)]
    if not meant or cluster.name in meant:
        return None
    return Evidence(
        EvidenceKind.CONTRADICTION,
        f'The addresses are those of {cluster.name}, but Cinder has the '
        f'volume at {traits.service}, which leads to {", ".join(meant)}.')


def oddity(cluster: Cluster, traits: Traits) -> str:
    """Return a remark if a disk fits no backend of its cluster, or ''.

    Only backends of the service that made the disk can be compared.
    """
    maker = 'nova' if traits.own else 'cinder' if traits.volume else 'libvirt'
    comparable = [backend for backend in cluster.backends
                  if backend.owner == maker]
    if not comparable or any(backend.matches(traits.access)
                             for backend in cluster.backends):
        return ''
    return f'Its pool, user and secret fit no backend of {cluster.name}.'
