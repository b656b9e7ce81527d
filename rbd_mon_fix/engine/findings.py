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

"""What ``status`` finds beside records: nothing of it can be put right here.

Each of it is read once a host, with one query or one call.
"""

from __future__ import annotations

import socket
from typing import Any, Iterator, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import findings
from rbd_mon_fix.core import ownership
from rbd_mon_fix.engine import scan as surveys
from rbd_mon_fix.inventory import instances as rosters
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record

_ADVICE = {
    FindingKind.SHARE:
        'Nova mounts the share from there at each start: detach the share '
        'and attach it again.',
    FindingKind.POOL:
        'Correct the hosts with "virsh pool-edit", then stop and start the '
        'pool; guests that run are not touched by that.',
    FindingKind.SNAPSHOT:
        'Reverting to it brings these addresses back: run refresh after '
        'that, or delete it where nobody needs it.',
    FindingKind.CHECKPOINT:
        'It is a record of the past; delete it where nobody needs it.',
    FindingKind.BLOCK_DEVICE:
        'The kernel follows the monitors while it is mapped. Correct '
        'ceph.conf, and what maps it (such as /etc/ceph/rbdmap).',
    FindingKind.VOLUME_MOVE:
        'Its attachment is about to be replaced, so its copies are left '
        'alone. Run this again when Cinder is done.',
}


def find(survey: surveys.Survey) -> Iterator[Finding]:
    """Yield what is to be shown, host by host; to be called after the plans.

    :raises Unreachable: a database or a libvirt was lost
    """
    seen: set[str] = set()
    for host in survey.request.hosts:
        if host in survey.lost:
            continue
        yield from _moving(survey, host)
        if 'nova-bdm' in survey.request.stores:
            yield from _shares(survey, host)
        uri = survey.site.libvirt_uri(host)
        if 'domain' in survey.request.stores and uri not in seen:
            seen.add(uri)
            hypervisor = survey.site.hypervisor(host)
            yield from _moments(survey, host, hypervisor)
            if not survey.request.instances:
                yield from _pools(survey, host, hypervisor)
    if not survey.request.instances:
        yield from _block_devices(survey)


def _moving(survey: surveys.Survey, host: str) -> Iterator[Finding]:
    kind = FindingKind.VOLUME_MOVE
    for uuid, how in survey.moving.get(host, {}).items():
        yield Finding(kind, host, f'volume {uuid} ({how})', (), (),
                       _ADVICE[kind])


def _shares(survey: surveys.Survey, host: str) -> Iterator[Finding]:
    from rbd_mon_fix.clients.database import shares
    from rbd_mon_fix.documents import cephfs_export
    assert isinstance(survey.roster, rosters.CellRoster)
    for share in shares.shares(survey.roster.cell(host), host):
        if not survey.is_asked_for(share.instance):
            continue
        try:
            monitors = cephfs_export.monitors(share.location)
        except exceptions.Unreadable:
            continue
        yield from _told(survey, FindingKind.SHARE, host,
                         f'share {share.share} of server {share.instance}',
                         monitors, None)


def _pools(survey: surveys.Survey, host: str,
           hypervisor: Any) -> Iterator[Finding]:
    from rbd_mon_fix.documents import stored_xml
    for xml in hypervisor.rbd_pools():
        try:
            pool = stored_xml.pool(xml)
        except exceptions.Unreadable:
            continue
        yield from _told(survey, FindingKind.POOL, host,
                         f'storage pool {pool.key} ({pool.pool})',
                         pool.monitors, _owner(survey, host, '', pool))


def _moments(survey: surveys.Survey, host: str,
             hypervisor: Any) -> Iterator[Finding]:
    from rbd_mon_fix.documents import stored_xml
    for moment in hypervisor.moments():
        if not survey.is_asked_for(moment.domain):
            continue
        kind = (FindingKind.CHECKPOINT if moment.is_checkpoint
                else FindingKind.SNAPSHOT)
        try:
            disks = stored_xml.disks(moment.xml)
        except exceptions.Unreadable:
            continue
        for disk in dict.fromkeys(disks):
            yield from _told(
                survey, kind, host,
                f'{kind.value} {moment.name} of domain {moment.domain}, '
                f'{disk.key}', disk.monitors,
                _owner(survey, host, moment.domain, disk))


def _block_devices(survey: surveys.Survey) -> Iterator[Finding]:
    from rbd_mon_fix.clients import krbd
    for device in krbd.devices():
        try:
            monitors = tuple(MonAddr.parse(addr) for addr
                             in device.monitors.split(',') if addr)
        except ValueError:
            continue
        owner = next((cluster for cluster in survey.site.clusters
                      if device.fsid and cluster.fsid == device.fsid), None)
        yield from _told(survey, FindingKind.BLOCK_DEVICE,
                         socket.gethostname(),
                         f'{device.name} ({device.image})', monitors, owner)


def _told(survey: surveys.Survey, kind: FindingKind, host: str,
          subject: str, monitors: tuple[MonAddr, ...],
          owner: Optional[Cluster]) -> Iterator[Finding]:
    """Yield a finding where the addresses are not right."""
    names = surveys.names_of(addr.host for addr in monitors if addr.is_name)
    desired = findings.right_ones(monitors, owner, survey.site.clusters,
                                   names)
    if desired is not None:
        yield Finding(kind, host, subject, monitors, desired, _ADVICE[kind])


def _owner(survey: surveys.Survey, host: str, instance: str,
           disk: RbdDisk) -> Optional[Cluster]:
    secrets = survey.secrets | {(disk.user, disk.secret_uuid)}
    known = ownership.Ownership(survey.site.clusters, None, secrets)
    return known.cluster_of(
        Record(Locator('', host, instance, ''), None), disk)
