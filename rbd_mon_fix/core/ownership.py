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

"""The rules that decide, by evidence, which cluster a disk belongs to.

The monitors of a wrong cluster would break a healthy guest. Names cannot
prevent that: sections, pools, users and secrets repeat between sites.
Addresses can: a disk belongs to the cluster in whose monmap, present or
former, all of its addresses are found. The config can only contradict, or
decide between clusters that both had the addresses.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Iterator, Mapping, Optional, Sequence

from rbd_mon_fix.core import config_evidence
from rbd_mon_fix.core import grounds as grounds_module
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import VolumeService
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Record

# The service of each volume, None for a volume without a service; None
# instead of the mapping if Cinder's database is not available.
Services = Optional[Mapping[str, Optional[VolumeService]]]

# A cluster, or None, and why.
Decision = tuple[Optional[Cluster], Evidence]

# The evidence of all addresses of a disk, by the name of the cluster.
_Found = dict[str, Evidence]

_FOR = (EvidenceKind.STATED, EvidenceKind.HISTORY,
        EvidenceKind.CURRENT_ADDRESS)


@dataclasses.dataclass(frozen=True)
class Ownership:
    """The known clusters, addresses and volumes.

    :param clusters: the clusters that the config names
    :param volumes: Cinder's service of each volume
    :param names: the addresses of host names in documents
    :param greeting: endpoints that greeted as a Ceph monitor when asked
    :param unconfirmed: names of the clusters whose list of monitors is a
        claim that no majority of the monitors confirms
    """

    clusters: Sequence[Cluster]
    volumes: Services = None
    names: grounds_module.Names = dataclasses.field(default_factory=dict)
    greeting: frozenset[MonAddr] = frozenset()
    unconfirmed: frozenset[str] = frozenset()

    def of(self, record: Record, disk: RbdDisk) -> Decision:
        """Return the one cluster that a disk belongs to, or None, and why."""
        volume = config_evidence.volume_of(record, disk)
        traits = config_evidence.Traits.of(
            record, disk, (self.volumes or {}).get(volume or ''))
        decision = self._decided.get(traits)
        if decision is None:
            decision = self._decided[traits] = self._decide(traits)
        return decision

    def _decide(self, traits: config_evidence.Traits) -> Decision:
        addrs = _real(traits.monitors)
        if not addrs:
            return None, Evidence(EvidenceKind.NO_ADDRESS,
                                  'The disk names no monitor address.')
        found = self._found(addrs)
        if not found:
            return None, self._not_found(addrs)
        if len(found) > 1:
            found = {name: each for name, each in found.items()
                     if config_evidence.fits(self._named[name], traits)}
        if len(found) != 1:
            return None, Evidence(
                EvidenceKind.SEVERAL_CLUSTERS,
                'Several clusters had these addresses, and the config does '
                'not tell which of them is meant.')
        [(name, evidence)] = found.items()
        cluster = self._named[name]
        against = self._against(cluster, traits)
        if against:
            return None, against
        oddity = config_evidence.oddity(cluster, traits)
        return cluster, (dataclasses.replace(evidence, remark=oddity)
                         if oddity else evidence)

    def suspects(self, record: Record, disk: RbdDisk) -> Iterator[MonAddr]:
        """Yield the endpoints that must not greet if a disk is corrected.

        They are all endpoints of the monitors to be replaced.
        """
        cluster, _ = self.of(record, disk)
        if cluster is not None:
            yield from self._replaced(cluster, disk.monitors)

    @functools.cached_property
    def _named(self) -> Mapping[str, Cluster]:
        return {cluster.name: cluster for cluster in self.clusters}

    @functools.cached_property
    def _tables(self) -> Mapping[str, grounds_module.Grounds]:
        return {cluster.name: grounds_module.Grounds(cluster, self.names)
                for cluster in self.clusters}

    @functools.cached_property
    def _decided(self) -> dict[config_evidence.Traits, Decision]:
        # Thousands of disks have the same few traits.
        return {}

    @functools.cached_property
    def _known(self) -> dict[tuple[MonAddr, ...], _Found]:
        # Thousands of disks have the same few lists of addresses.
        return {}

    def _found(self, addrs: tuple[MonAddr, ...]) -> _Found:
        """Return the clusters that had all of the addresses."""
        if addrs not in self._known:
            found = {name: table.of_all(addrs)
                     for name, table in self._tables.items()}
            self._known[addrs] = {name: _evidence(grounds) for name, grounds
                                  in found.items() if grounds}
        return self._known[addrs]

    def _not_found(self, addrs: Sequence[MonAddr]) -> Evidence:
        """Name the addresses without a cluster, and the searched epochs."""
        strange = [addr for addr in addrs if not any(
            table.of(addr) for table in self._tables.values())]
        looked = ', '.join(f'{cluster.name} ({_span(cluster)})'
                           for cluster in self.clusters) or 'no cluster'
        if not strange:
            return Evidence(
                EvidenceKind.NOT_FOUND,
                'No cluster had all of these addresses; different clusters '
                f'had some of them. Searched: {looked}.')
        return Evidence(
            EvidenceKind.NOT_FOUND,
            f'No known cluster had a monitor at '
            f'{", ".join(map(str, strange))}. Searched: {looked}.')

    def _against(self, cluster: Cluster,
                 traits: config_evidence.Traits) -> Optional[Evidence]:
        """Return the evidence against a cluster; it outweighs all else."""
        if cluster.name in self.unconfirmed:
            return Evidence(
                EvidenceKind.UNCONFIRMED_LIST,
                f'The monitors of {cluster.name} come from '
                f'{cluster.source.value}, and no majority of them answers.')
        living = [addr for addr in self._replaced(cluster, traits.monitors)
                  if addr in self._endpoints]
        if living:
            return Evidence(
                EvidenceKind.LIVING_STRANGER,
                f'{", ".join(map(str, dict.fromkeys(living)))} answers as a '
                f'Ceph monitor, but is not in the monmap of {cluster.name}: '
                'it may be a monitor of another cluster, or a removed '
                'monitor that must be stopped first.')
        return config_evidence.contradiction(cluster, self.clusters, traits)

    def _replaced(self, cluster: Cluster, addrs: tuple[MonAddr, ...]
                  ) -> tuple[MonAddr, ...]:
        return self._tables[cluster.name].replaced(_real(addrs))

    @functools.cached_property
    def _endpoints(self) -> frozenset[MonAddr]:
        return frozenset(endpoint for addr in self.greeting
                         for endpoint in addr.endpoints)


def _evidence(grounds: Sequence[grounds_module.Ground]) -> Evidence:
    kinds = {ground.kind for ground in grounds}
    return Evidence(
        next(kind for kind in _FOR if kind in kinds),
        addresses=tuple(dict.fromkeys(
            ground.words for ground in grounds if ground.words)))


# Thousands of disks have the same few lists of addresses.
@functools.lru_cache(maxsize=64)
def _real(addrs: tuple[MonAddr, ...]) -> tuple[MonAddr, ...]:
    """Return the addresses that are not placeholders."""
    return tuple(addr for addr in addrs if not addr.is_placeholder)


def _span(cluster: Cluster) -> str:
    if cluster.span is None:
        return 'no history'
    first, last = cluster.span
    return f'epochs {first} to {last}'
