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

"""Places with addresses of monitors that are read, and never written."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Iterator, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import places
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.stores import registry

if TYPE_CHECKING:
    from rbd_mon_fix.clients import libvirt


@dataclasses.dataclass(frozen=True)
class OtherPlace:
    """A share, storage pool, snapshot or checkpoint.

    :param subject: what it is, for the operator
    :param instance: the UUID of its domain, or empty
    :param disk: tells its cluster; None if nothing does
    """

    kind: FindingKind
    subject: str
    monitors: tuple[MonAddr, ...]
    instance: str = ''
    disk: Optional[RbdDisk] = None


class PlaceReader:
    """Reads the places of each host; several threads may do so.

    Hosts that share one libvirt have its places once, with the first host.
    """

    def __init__(self, scan: scans.Scan):
        self._context = scan.context
        self._selection = scan.selection
        self._first: dict[str, str] = {}
        for host in scan.selection.hosts:
            if host not in scan.lost:
                self._first.setdefault(self._context.libvirt_uri(host), host)

    def read(self, host: str) -> Iterator[OtherPlace]:
        """Yield the places of a host.

        :raises Unreachable: the connection to a database or libvirt was lost
        """
        if self._selection.needs(registry.Need.NOVA_DATABASE):
            yield from self._shares(host)
        if (self._selection.needs(registry.Need.LIBVIRT) and self._first.get(
                self._context.libvirt_uri(host)) == host):
            hypervisor = self._context.hypervisor(host)
            yield from self._moments(hypervisor)
            if not self._selection.instances:
                yield from _pools(hypervisor)

    def _shares(self, host: str) -> Iterator[OtherPlace]:
        """Yield the CephFS shares of servers."""
        from rbd_mon_fix.clients.database import shares
        from rbd_mon_fix.documents import cephfs_export
        for share in shares.shares(
                places.Places(self._context).cell(host), host):
            if not self._selection.includes(share.instance):
                continue
            try:
                monitors = cephfs_export.monitors(share.location)
            except exceptions.Unreadable:
                continue
            yield OtherPlace(
                FindingKind.SHARE,
                f'share {share.share} of server {share.instance}', monitors)

    def _moments(self, hypervisor: libvirt.Hypervisor
                 ) -> Iterator[OtherPlace]:
        """Yield the disks in snapshots and checkpoints of domains."""
        from rbd_mon_fix.documents import stored_xml
        for moment in hypervisor.moments():
            if not self._selection.includes(moment.domain):
                continue
            kind = (FindingKind.CHECKPOINT if moment.is_checkpoint
                    else FindingKind.SNAPSHOT)
            try:
                disks = stored_xml.disks(moment.xml)
            except exceptions.Unreadable:
                continue
            for disk in dict.fromkeys(disks):
                yield OtherPlace(
                    kind, f'{kind.value} {moment.name} of domain '
                    f'{moment.domain}, {disk.key}', disk.monitors,
                    moment.domain, disk)


def _pools(hypervisor: libvirt.Hypervisor) -> Iterator[OtherPlace]:
    """Yield the storage pools of libvirt."""
    from rbd_mon_fix.documents import stored_xml
    for xml in hypervisor.rbd_pools():
        try:
            pool = stored_xml.pool(xml)
        except exceptions.Unreadable:
            continue
        yield OtherPlace(
            FindingKind.POOL, f'storage pool {pool.key} ({pool.pool})',
            pool.monitors, disk=pool)
