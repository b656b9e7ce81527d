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

"""Findings of ``status``: problems that a person must look after.

Each kind takes one query or one call per host.
"""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Iterator, Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import findings
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import places
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.stores import registry

if TYPE_CHECKING:
    from rbd_mon_fix.clients import libvirt

# By host: volumes that Cinder is moving, each with the kind of move.
Moving = dict[str, dict[str, str]]

_ADVICE = {
    FindingKind.SHARE:
        'Nova mounts the share from these addresses at each start: detach '
        'the share and attach it again.',
    FindingKind.POOL:
        'Correct the hosts with "virsh pool-edit", then stop and start the '
        'pool; running guests are not affected.',
    FindingKind.SNAPSHOT:
        'Reverting to this snapshot restores these addresses: run refresh '
        'afterwards, or delete the snapshot if it is not needed.',
    FindingKind.CHECKPOINT:
        'A checkpoint only records a past state; delete it if it is not '
        'needed.',
    FindingKind.BLOCK_DEVICE:
        'While the device is mapped, the kernel follows the monitors. Correct '
        'ceph.conf and the configuration that maps the device (such as '
        '/etc/ceph/rbdmap).',
    FindingKind.VOLUME_MOVE:
        'Cinder is about to replace the attachment, so the copies of this '
        'volume are left alone. Run this again when Cinder has finished.',
}


def find(scan: scans.Scan, judge: judging.Judge,
         moving: Moving) -> Iterator[Finding]:
    """Yield findings host by host.

    :param moving: volumes that Cinder is moving, by host
    :raises Unreachable: the connection to a database or libvirt was lost
    """
    look = _Look(scan, judge)
    seen: set[str] = set()
    for host in scan.selection.hosts:
        if host in scan.lost:
            continue
        yield from _moving(host, moving.get(host, {}))
        if scan.selection.needs(registry.Need.NOVA_DATABASE):
            yield from look.shares(host)
        uri = scan.context.libvirt_uri(host)
        if scan.selection.needs(registry.Need.LIBVIRT) and uri not in seen:
            seen.add(uri)
            hypervisor = scan.context.hypervisor(host)
            yield from look.moments(host, hypervisor)
            if not scan.selection.instances:
                yield from look.pools(host, hypervisor)
    if not scan.selection.instances:
        yield from look.block_devices()


def _moving(host: str, volumes: Mapping[str, str]) -> Iterator[Finding]:
    kind = FindingKind.VOLUME_MOVE
    for uuid, how in volumes.items():
        yield Finding(kind, host, f'volume {uuid} ({how})', (), (),
                      _ADVICE[kind])


class _Look:
    """Looks for addresses in each place that cannot be written."""

    def __init__(self, scan: scans.Scan, judge: judging.Judge):
        self._context = scan.context
        self._selection = scan.selection
        self._judge = judge

    def shares(self, host: str) -> Iterator[Finding]:
        """Yield findings about CephFS shares of servers."""
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
            yield from self._told(
                FindingKind.SHARE, host,
                f'share {share.share} of server {share.instance}', monitors,
                None)

    def pools(self, host: str,
              hypervisor: libvirt.Hypervisor) -> Iterator[Finding]:
        """Yield findings about storage pools of libvirt."""
        from rbd_mon_fix.documents import stored_xml
        for xml in hypervisor.rbd_pools():
            try:
                pool = stored_xml.pool(xml)
            except exceptions.Unreadable:
                continue
            yield from self._told(
                FindingKind.POOL, host,
                f'storage pool {pool.key} ({pool.pool})', pool.monitors,
                self._owner(host, '', pool))

    def moments(self, host: str,
                hypervisor: libvirt.Hypervisor) -> Iterator[Finding]:
        """Yield findings about snapshots and checkpoints of domains."""
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
                yield from self._told(
                    kind, host,
                    f'{kind.value} {moment.name} of domain {moment.domain}, '
                    f'{disk.key}', disk.monitors,
                    self._owner(host, moment.domain, disk))

    def block_devices(self) -> Iterator[Finding]:
        """Yield findings about images mapped by this machine's kernel."""
        from rbd_mon_fix.clients import krbd
        for device in krbd.devices():
            try:
                monitors = tuple(MonAddr.parse(addr) for addr
                                 in device.monitors.split(',') if addr)
            except ValueError:
                continue
            owner = next((cluster for cluster in self._context.clusters
                          if device.fsid and cluster.fsid == device.fsid),
                         None)
            yield from self._told(
                FindingKind.BLOCK_DEVICE, socket.gethostname(),
                f'{device.name} ({device.image})', monitors, owner)

    def _told(self, kind: FindingKind, host: str, subject: str,
              monitors: tuple[MonAddr, ...],
              owner: Optional[Cluster]) -> Iterator[Finding]:
        """Yield a finding if the addresses are wrong."""
        names = judging.names(addr.host for addr in monitors if addr.is_name)
        desired = findings.right_ones(monitors, owner,
                                      self._context.clusters, names)
        if desired is not None:
            yield Finding(kind, host, subject, monitors, desired,
                          _ADVICE[kind])

    def _owner(self, host: str, instance: str,
               disk: RbdDisk) -> Optional[Cluster]:
        record = Record(Locator('', host, instance, ''), None)
        return self._judge.ownership([(record, disk)]).of(record, disk)[0]
