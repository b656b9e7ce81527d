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

"""The rules for a ceph.conf, which is judged like a copy, but never written.

It differs from a copy in three ways. Its author chose which monitors to name.
It may be the only source of a cluster's list, and is no evidence for itself
then. And it is known to work if the cluster answered through it.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

from rbd_mon_fix.core import ownership
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason


def holds(record: Record) -> bool:
    """Return whether a record is such a file."""
    return record.skip is SkipReason.CONFIG_FILE


def can_be_judged(owned: ownership.Ownership) -> bool:
    """Return whether any list of monitors comes from elsewhere."""
    return bool(_independent(owned))


def cluster_of(record: Record, disk: RbdDisk, owned: ownership.Ownership
               ) -> tuple[Optional[Cluster], Evidence]:
    """Return the one cluster that the file leads, or led, to, and why.

    One present monitor is enough: nothing is written that could go to a wrong
    cluster.
    """
    clusters = _independent(owned)
    found = [cluster for cluster in clusters if works(record, disk, cluster)
             ] or [cluster for cluster in clusters
                   if cluster.name not in owned.unconfirmed
                   and any(cluster.monmap.leads(addr, owned.names)
                           for addr in disk.monitors)]
    if len(found) == 1:
        return found[0], Evidence(EvidenceKind.CURRENT_ADDRESS)
    return dataclasses.replace(owned, clusters=clusters).of(record, disk)


def works(record: Record, disk: RbdDisk, cluster: Optional[Cluster]) -> bool:
    """Return whether the cluster answered Nova's user through the file."""
    way = cluster.way if cluster else None
    return (way is not None and way.user == disk.user and record.path == (
        way.conf or f'/etc/ceph/{way.flag or "ceph"}.conf'))


def state(record: Record, disk: RbdDisk, cluster: Optional[Cluster],
          owned: ownership.Ownership) -> State:
    """Compare the monitors that the file names with the right ones."""
    if cluster is None:
        return State.UNKNOWN_CLUSTER
    led = [cluster.monmap.leads(addr, owned.names) for addr in disk.monitors]
    if all(led):
        return State.CURRENT
    return (State.DRIFTED if any(led) or works(record, disk, cluster)
            else State.STALE)


def advice(path: Optional[str]) -> str:
    """Return what to do about a file that is wrong."""
    return (f'Correct mon_host in {path}, and in its template if it has one. '
            'Nova opens its own disks with it; refresh never writes it.')


def _independent(owned: ownership.Ownership) -> list[Cluster]:
    """Return the clusters whose list is no ceph.conf's own."""
    return [cluster for cluster in owned.clusters
            if cluster.monmap.monitors and cluster.source in (
                Source.MON_DUMP, Source.MONITORS_FILE)]
