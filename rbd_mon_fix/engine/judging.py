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

"""Judgement of records: from batches to plans."""

from __future__ import annotations

import dataclasses
import functools
from typing import Collection, Iterable, Iterator, Mapping, Optional

from rbd_mon_fix.ceph import dns
from rbd_mon_fix.core import ownership as ownership_module
from rbd_mon_fix.core import planning
from rbd_mon_fix.engine import cephx_users
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.stores import registry

# Cinder's backend of each volume, None for a volume without a backend; None
# as a whole if Cinder's database is not available.
Backends = Optional[Mapping[str, Optional[str]]]


@dataclasses.dataclass(frozen=True)
class Judged:
    """A judged batch of servers of one host.

    :param moving: volumes that Cinder is moving, each with the kind of move
    """

    host: str
    plan: Plan
    moving: Mapping[str, str]


class Judge:
    """Judges copies by the clusters that the config names."""

    def __init__(self, context: contexts.Context,
                 selection: selections.Selection):
        self._context = context
        self._selection = selection

    def judge(self, batch: scans.Batch) -> Judged:
        """Judge the copies of a batch and plan its changes.

        :raises ConfigError: the config names no cluster, or is unusable
        :raises Unreachable: the connection to Cinder's database was lost
        """
        backends, moving = self._volumes(batch.records)
        known = planning.Knowledge(
            batch.scope.instances,
            self.ownership(_disks(batch.records), backends),
            names(addr.host for disk in _disks(batch.records)
                  for addr in disk.monitors if addr.is_name),
            registry.READERS, self._selection.unmanaged, moving)
        return Judged(batch.scope.host, planning.plan(batch.records, known),
                      moving)

    def ownership(self, disks: Iterable[RbdDisk],
                  backends: Backends = None) -> ownership_module.Ownership:
        """Return the rules that assign disks to clusters."""
        identities = ownership_module.identities(disks)
        return ownership_module.Ownership(
            self._clusters, backends, self._every_identity | identities)

    @functools.cached_property
    def _clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters, with former monitors if needed."""
        if not ownership_module.are_alike(self._context.clusters):
            return tuple(self._context.clusters)
        self._context.histories.complete()
        return self._context.histories.clusters

    @functools.cached_property
    def _every_identity(self) -> ownership_module.Identities:
        return cephx_users.of_all_guests(self._context,
                                         self._selection.hosts)

    def _volumes(self, records: Collection[Record]
                 ) -> tuple[Backends, Mapping[str, str]]:
        """Return the backends of volumes, and the moving volumes."""
        if self._context.cinder_database is None:
            return None, {}
        volumes = {record.volume_id for record in records}
        volumes |= {disk.volume_id for disk in _disks(records)}
        found = self._context.cinder_database.volumes(
            {volume for volume in volumes if volume})
        return ({uuid: volume.backend for uuid, volume in found.items()},
                {uuid: volume.moving for uuid, volume in found.items()
                 if volume.moving})


def names(hosts: Iterable[str]) -> planning.Names:
    """Resolve host names; skip the lookup if there are none."""
    wanted = set(hosts)
    return dns.resolve(wanted) if wanted else {}


def _disks(records: Iterable[Record]) -> Iterator[RbdDisk]:
    return (disk for record in records if record.document
            for disk in record.document.disks)
