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
from typing import Iterator, Mapping, Optional

from rbd_mon_fix.core import findings
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import other_places
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record

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
    for host, found in scan.host_by_host(other_places.PlaceReader(scan).read):
        yield from _moving(host, moving.get(host, {}))
        for each in found:
            yield from look.judged(host, each)
    if not scan.selection.instances:
        yield from look.block_devices()


def _moving(host: str, volumes: Mapping[str, str]) -> Iterator[Finding]:
    kind = FindingKind.VOLUME_MOVE
    for uuid, how in volumes.items():
        yield Finding(kind, host, f'volume {uuid} ({how})', (), (),
                      _ADVICE[kind])


class _Look:
    """Compares addresses in places that cannot be written."""

    def __init__(self, scan: scans.Scan, judge: judging.Judge):
        self._context = scan.context
        self._judge = judge

    def judged(self, host: str, place: other_places.OtherPlace
               ) -> Iterator[Finding]:
        """Yield a finding if a place of a host has wrong addresses."""
        owner = None if place.disk is None else self._owner(
            host, place.instance, place.disk)
        yield from self._told(place.kind, host, place.subject,
                              place.monitors, owner)

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
