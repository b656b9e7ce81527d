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
from typing import Collection, Iterable, Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import dns
from rbd_mon_fix.core import impact
from rbd_mon_fix.core import ownership as ownership_module
from rbd_mon_fix.core import planning
from rbd_mon_fix.core import readers
from rbd_mon_fix.core import shield_effect
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.engine import shield_cover
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Record


@dataclasses.dataclass(frozen=True)
class Judged:
    """A judged batch of servers of one host.

    :param moving: volumes that Cinder is moving, each with the kind of move
    """

    host: str
    plan: Plan
    moving: Mapping[str, str]


class Judge:
    """Judges copies by the clusters that the config names.

    Each address is asked only once whether a monitor greets there.
    """

    def __init__(self, context: contexts.Context,
                 selection: selections.Selection):
        self._context = context
        self._selection = selection
        self._asked: set[MonAddr] = set()
        self._greeting: frozenset[MonAddr] = frozenset()
        self._nova: dict[str, Optional[int]] = {}
        self._shields: dict[str, Mapping[str, str]] = {}

    def judge(self, batch: scans.Batch) -> Judged:
        """Judge the copies of a batch; its plan has no changes.

        :raises ConfigError: the config names no cluster, or is unusable
        :raises Unreachable: the connection to Cinder's database was lost
        """
        known = self.knowledge(batch.scope.instances, batch.records)
        plan = planning.judged(batch.records, known)
        return Judged(batch.scope.host, self.shielded(plan, batch.scope.host),
                      known.moving)

    def plan(self, batch: scans.Batch) -> Plan:
        """Judge the copies of a batch and plan its changes.

        :raises ConfigError: as ``judge``
        :raises Unreachable: as ``judge``
        """
        known = self.knowledge(batch.scope.instances, batch.records)
        return self.shielded(planning.plan(batch.records, known),
                             batch.scope.host)

    def shielded(self, plan: Plan, host: str) -> Plan:
        """Return a plan that takes the shield of its host into account."""
        if host not in self._shields:
            self._shields[host] = shield_cover.shielded(self._context, host)
        return shield_effect.applied(
            plan, self._shields[host], functools.partial(
                shield_cover.user_of, self._context)
        ) if self._shields[host] else plan

    def knowledge(self, instances: Mapping[str, Instance],
                  records: Collection[Record],
                  others: Iterable[MonAddr] = ()) -> planning.Knowledge:
        """Return everything that judging some records needs.

        :param instances: the servers of the records by UUID
        :param others: more addresses to compare with the right ones
        :raises ConfigError: the config names no cluster, or is unusable
        :raises Unreachable: the connection to Cinder's database was lost
        """
        services, moving = self._volumes(records)
        owned = self.ownership(_owned(records), services)
        more = names(addr.host for addr in others if addr.is_name)
        return planning.Knowledge(
            instances, owned, {**more, **owned.names},
            self._selection.unmanaged, moving,
            impact.found_in(records, instances),
            self._versions(records),
            self._context.answering)

    def _versions(self, records: Iterable[Record]) -> dict[str, int]:
        """Return the version of nova-compute on each host, if known.

        Nova is asked only if a rule for one of the records depends on it.
        """
        hosts = {record.locator.host for record in records
                 if record.locator.store in readers.DEPEND_ON_RELEASE}
        for host in hosts:
            if host not in self._nova:
                self._nova[host] = self._version(host)
        return {host: version for host in hosts
                if (version := self._nova[host]) is not None}

    def _version(self, host: str) -> Optional[int]:
        if self._context.cells is None:
            return None
        try:
            return self._context.cells.compute_version(host)
        except (exceptions.ConfigError, exceptions.Unreachable):
            return None  # the older rule holds

    def ownership(self, disks: Collection[tuple[Record, RbdDisk]],
                  services: ownership_module.Services = None
                  ) -> ownership_module.Ownership:
        """Return the rules that tell the clusters of some disks."""
        addrs = {addr for _, disk in disks for addr in disk.monitors}
        resolved = names(addr.host for addr in addrs if addr.is_name)
        self._context.histories.explain(addrs, resolved)
        owned = ownership_module.Ownership(
            self._context.histories.clusters, services, resolved,
            unconfirmed=self._unconfirmed)
        return dataclasses.replace(owned, greeting=self._greets(
            addr for record, disk in disks
            for addr in owned.suspects(record, disk)))

    def _greets(self, addrs: Iterable[MonAddr]) -> frozenset[MonAddr]:
        """Return the endpoints at which a Ceph monitor greets.

        Offline, the monitors file tells which former ones did when it was
        written, and a present monitor of any cluster counts as living.
        """
        if self._context.answering is None:
            clusters = self._context.clusters
            return frozenset().union(
                *(cluster.greeted or () for cluster in clusters),
                *(monitor.addrs for cluster in clusters
                  for monitor in cluster.monmap.monitors))
        wanted = set(addrs) - self._asked
        if wanted:
            from rbd_mon_fix.ceph import client
            self._asked |= wanted
            self._greeting |= client.answering(wanted)
        return self._greeting

    @functools.cached_property
    def _unconfirmed(self) -> frozenset[str]:
        """Return the clusters whose list is a claim without a majority."""
        answering = self._context.answering
        return frozenset() if answering is None else frozenset(
            cluster.name for cluster in self._context.clusters
            if cluster.is_claim and not _has_majority(cluster, answering))

    def _volumes(self, records: Collection[Record]
                 ) -> tuple[ownership_module.Services, Mapping[str, str]]:
        """Return the services of volumes, and the moving volumes."""
        if self._context.cinder_database is None:
            return None, {}
        volumes = {record.volume_id for record in records}
        volumes |= {disk.volume_id for _, disk in _owned(records)}
        found = self._context.cinder_database.volumes(
            {volume for volume in volumes if volume})
        return ({uuid: volume.service for uuid, volume in found.items()},
                {uuid: volume.moving for uuid, volume in found.items()
                 if volume.moving})


def names(hosts: Iterable[str]) -> planning.Names:
    """Resolve host names; skip the lookup if there are none."""
    wanted = set(hosts)
    return dns.resolve(wanted) if wanted else {}


def _has_majority(cluster: Cluster, answering: frozenset[MonAddr]) -> bool:
    monitors = cluster.monmap.monitors
    return 2 * sum(not answering.isdisjoint(monitor.addrs)
                   for monitor in monitors) > len(monitors)


def _owned(records: Iterable[Record]) -> list[tuple[Record, RbdDisk]]:
    return [(record, disk) for record in records if record.document
            for disk in record.document.disks]
