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

"""Grounds to believe that an address is, or was, a monitor of a cluster."""

from __future__ import annotations

import dataclasses
import functools
from typing import Iterable, Mapping, Optional

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.monmap import MonAddr

Names = Mapping[str, frozenset[str]]


@dataclasses.dataclass(frozen=True)
class Ground:
    """What shows that an address belongs to a cluster.

    :param endpoints: all endpoints of the monitor, with ports
    :param words: whose address it was; '' for a present monitor
    """

    kind: EvidenceKind
    endpoints: frozenset[MonAddr]
    words: str = ''


@dataclasses.dataclass(frozen=True)
class Grounds:
    """All endpoints that a cluster has or had.

    :param names: the addresses of host names in documents
    """

    cluster: Cluster
    names: Names

    def of(self, addr: MonAddr) -> Optional[Ground]:
        """Return the ground for an address; None if there is none.

        A host name must lead to the cluster with each of its addresses.
        """
        direct = self._direct(addr)
        if direct or not addr.is_name:
            return direct
        hosts = sorted(self.names.get(addr.host, ()))
        found = [self._direct(MonAddr(host, addr.port)) for host in hosts]
        if not all(found):
            return None
        return next((dataclasses.replace(ground, words=(
            f'{addr}: {ground.words}' if ground.words else ''))
            for ground in found if ground), None)

    def of_all(self, addrs: Iterable[MonAddr]) -> tuple[Ground, ...]:
        """Return the grounds for all addresses; () if one has none."""
        found = tuple(self.of(addr) for addr in addrs)
        return tuple(ground for ground in found if ground) if all(
            found) else ()

    def replaced(self, addrs: tuple[MonAddr, ...]) -> tuple[MonAddr, ...]:
        """Return all endpoints of the monitors that a change replaces.

        A monitor may have lost only one of its endpoints, such as that of
        the first protocol; it still lives at the other one.

        :param addrs: the addresses before the change
        """
        if addrs not in self._replaced:
            self._replaced[addrs] = tuple(
                each for addr in addrs
                if not self.cluster.monmap.leads(addr, self.names)
                for each in self._endpoints(addr)
                if not self.cluster.monmap.leads(each, {}))
        return self._replaced[addrs]

    @functools.cached_property
    def _replaced(self) -> dict[tuple[MonAddr, ...], tuple[MonAddr, ...]]:
        # Thousands of disks have the same few lists of addresses.
        return {}

    def _endpoints(self, addr: MonAddr) -> frozenset[MonAddr]:
        ground = self.of(addr)
        return ground.endpoints if ground else frozenset()

    def _direct(self, addr: MonAddr) -> Optional[Ground]:
        return next((self._table[each] for each in addr.endpoints
                     if each in self._table), None)

    @functools.cached_property
    def _table(self) -> Mapping[MonAddr, Ground]:
        """Return the ground of each endpoint; the best one comes last."""
        table: dict[MonAddr, Ground] = {}
        for addr in self.cluster.stated:
            table.update(self._ground(
                EvidenceKind.STATED, (addr,),
                f'{addr} is stated to be a former monitor'))
        # The latest former monitor at an address counts.
        for former in reversed(self.cluster.former):
            for addr in former.addrs:
                ground = self._ground(EvidenceKind.HISTORY, former.addrs,
                                      f'{addr} was {former}')
                table[addr] = ground[addr]
        for monitor in self.cluster.monmap.monitors:
            table.update(self._ground(
                EvidenceKind.CURRENT_ADDRESS, monitor.addrs, ''))
        return table

    @staticmethod
    def _ground(kind: EvidenceKind, addrs: Iterable[MonAddr],
                words: str) -> dict[MonAddr, Ground]:
        ports = frozenset(each for addr in addrs for each in addr.endpoints)
        return dict.fromkeys(ports, Ground(kind, ports, words))
