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

"""The running guests of this machine, and whether they still follow."""

from __future__ import annotations

import collections
import functools
import itertools
from typing import Any, Iterable, Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import connectivity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import scan as surveys
from rbd_mon_fix.inventory import local_host
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy


class Watch:
    """Judges running guests by the clusters of their servers' copies.

    Of other hosts it takes no notice, which costs nothing there.
    """

    def __init__(self, site: contexts.Context):
        self._site = site
        # The clusters that the copies of an image name, of each server.
        self._named: dict[tuple[str, str], set[Optional[str]]] = (
            collections.defaultdict(set))
        self._hosts: dict[str, str] = {}

    @functools.cached_property
    def guests(self) -> list[Guest]:
        """Return the QEMU processes of this machine."""
        from rbd_mon_fix.qemu import processes
        return processes.running()

    def add(self, copies: Sequence[Copy]) -> None:
        """Take in all copies of one server."""
        where = copies[0].locator
        if not local_host.is_here(self._site, where.host):
            return
        if where.instance not in {guest.instance for guest in self.guests}:
            return
        self._hosts[where.instance] = where.host
        for copy in copies:
            if copy.disk is not None:
                self._named[where.instance, copy.disk.image].add(copy.cluster)

    def stranded(self) -> list[str]:
        """Return the servers, of those taken in, that are stranded."""
        if not self._hosts:
            return []
        return sorted(
            guest.instance for guest in self.guests
            if guest.instance in self._hosts
            and self.state(guest, self.disks(guest)) is GuestState.STRANDED)

    def state(self, guest: Guest, disks: Sequence[RbdDisk]) -> GuestState:
        """Judge a guest.

        :param disks: those that it has now
        """
        return connectivity.judge(
            guest.peers, [self._cluster(guest, disk) for disk in disks],
            self._names)

    def connected(self, guest: Guest) -> Optional[tuple[MonAddr, ...]]:
        """Return the monitors that a guest is connected to."""
        return connectivity.connected(guest, self._site.clusters, self._names)

    def disks(self, guest: Guest) -> tuple[RbdDisk, ...]:
        """Return the disks that a guest has now, as libvirt knows them.

        One that was detached is on the command line still; one that was
        attached is not.
        """
        from rbd_mon_fix.clients import libvirt
        from rbd_mon_fix.documents import domain_xml
        try:
            live = self._hypervisor(guest).live_xml(guest.instance or '')
            return domain_xml.DomainXML.parse(live).disks
        except (exceptions.Unreachable, exceptions.Unreadable,
                exceptions.Gone, libvirt.Declined):
            return guest.disks

    def _hypervisor(self, guest: Guest) -> Any:
        return self._site.hypervisor(
            self._hosts.get(guest.instance or '', ''))

    def _cluster(self, guest: Guest, disk: RbdDisk) -> Optional[Cluster]:
        """Return the cluster that all copies agree on, or None."""
        named = self._named.get((guest.instance or '', disk.image))
        if not named:
            return connectivity.by_user_and_pool(disk, self._site.clusters)
        [name, *others] = named
        return None if others else next(
            (cluster for cluster in self._site.clusters
             if cluster.name == name), None)

    @functools.cached_property
    def _names(self) -> connectivity.Names:
        return surveys.names_of(addr.host for addr in itertools.chain(
            _right(self._site.clusters), _launched(self.guests))
            if addr.is_name)


def _right(clusters: Iterable[Cluster]) -> Iterator[MonAddr]:
    return (addr for cluster in clusters
            for monitor in cluster.monmap.monitors for addr in monitor.addrs)


def _launched(guests: Iterable[Guest]) -> Iterator[MonAddr]:
    return (addr for guest in guests for disk in guest.disks
            for addr in disk.monitors)
