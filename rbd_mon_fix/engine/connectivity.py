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

"""The running guests of this machine and the monitors they follow."""

from __future__ import annotations

import collections
import functools
import itertools
import logging
from typing import Iterable, Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import connectivity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import judging
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.stores import ceph_conf

LOG = logging.getLogger(__name__)


class Watch:
    """Judges running guests by the clusters of their servers' copies.

    Copies on other hosts are ignored and cost nothing. Any local user can
    start a process that looks like a guest, so a process that is not a
    running domain of this libvirt is not judged.

    :param host: the name of this machine, if known before the first copies
    """

    def __init__(self, context: contexts.Context, host: str = ''):
        self._context = context
        self._host = host
        # The clusters that copies name, by server and image.
        self._named: dict[tuple[str, str], set[Optional[str]]] = (
            collections.defaultdict(set))
        self._servers: set[str] = set()

    @functools.cached_property
    def guests(self) -> list[Guest]:
        """Return the QEMU processes of this machine."""
        from rbd_mon_fix.qemu import processes
        return processes.running()

    def add(self, copies: Sequence[Copy]) -> None:
        """Record all copies of one server."""
        where = copies[0].locator
        if not self._context.local_host.is_here(where.host):
            return
        if where.instance not in {guest.instance for guest in self.guests}:
            return
        self._host = where.host
        self._servers.add(where.instance)
        for copy in copies:
            # The host's ceph.conf tells what is read next, not what runs.
            if copy.disk is not None and (
                    copy.locator.store != ceph_conf.CephConfStore.name):
                self._named[where.instance, copy.disk.image].add(copy.cluster)

    def launched_with(self, guest: Guest) -> tuple[MonAddr, ...]:
        """Return the addresses on a guest's command line, each once."""
        return tuple(dict.fromkeys(_launched([guest])))

    def stranded(self) -> list[str]:
        """Return the UUIDs of recorded servers that are stranded."""
        return sorted(
            guest.instance for guest in (self.guests if self._servers else ())
            if guest.instance in self._servers
            and self.state(guest, self.disks(guest)) is GuestState.STRANDED)

    def state(self, guest: Guest, disks: Sequence[RbdDisk]) -> GuestState:
        """Return the state of a guest.

        :param disks: the disks that the guest has now
        """
        if not self.is_domain(guest):
            return GuestState.UNKNOWN
        return connectivity.judge(
            guest.peers, [self._cluster(guest, disk) for disk in disks],
            self._names)

    def lost(self, guest: Guest, disks: Sequence[RbdDisk]
             ) -> tuple[str, ...]:
        """Return the clusters of which a guest has lost the monitors.

        :param disks: the disks that the guest has now
        """
        if not self.is_domain(guest):
            return ()
        return connectivity.lost(
            guest.peers, [self._cluster(guest, disk) for disk in disks],
            self._names)

    def connected(self, guest: Guest) -> Optional[tuple[MonAddr, ...]]:
        """Return the monitors that a guest is connected to."""
        return connectivity.connected(guest, self._context.clusters,
                                      self._names)

    def disks(self, guest: Guest) -> tuple[RbdDisk, ...]:
        """Return the current disks of a guest according to libvirt.

        The command line still lists detached disks, and does not list disks
        that were attached later.
        """
        from rbd_mon_fix.clients import libvirt
        from rbd_mon_fix.documents import domain_xml
        try:
            live = self._context.hypervisor(self._host).live_xml(
                guest.instance or '')
            return domain_xml.DomainXML.parse(live).disks
        except (exceptions.Unreachable, exceptions.Unreadable,
                exceptions.Gone, libvirt.Declined):
            return guest.disks

    def is_domain(self, guest: Guest) -> bool:
        """Return whether a process is a running domain of this libvirt."""
        return guest.instance in self._running

    @functools.cached_property
    def _running(self) -> set[str]:
        """Return the running domains; none if libvirt is unreachable."""
        try:
            return self._context.hypervisor(self._host).running()
        except exceptions.Unreachable as error:
            LOG.debug('Running guests cannot be judged: %s', error.message)
            return set()

    def _cluster(self, guest: Guest, disk: RbdDisk) -> Optional[Cluster]:
        """Return the cluster that all copies agree on, or None."""
        named = self._named.get((guest.instance or '', disk.image))
        if not named:
            return connectivity.by_addresses(
                disk, self._context.histories.clusters, self._names)
        [name, *others] = named
        return None if others else next(
            (cluster for cluster in self._context.clusters
             if cluster.name == name), None)

    @functools.cached_property
    def _names(self) -> connectivity.Names:
        return judging.names(addr.host for addr in itertools.chain(
            _right(self._context.clusters),
            _launched(filter(self.is_domain, self.guests)))
            if addr.is_name)


def _right(clusters: Iterable[Cluster]) -> Iterator[MonAddr]:
    return (addr for cluster in clusters
            for monitor in cluster.monmap.monitors for addr in monitor.addrs)


def _launched(guests: Iterable[Guest]) -> Iterator[MonAddr]:
    return (addr for guest in guests for disk in guest.disks
            for addr in disk.monitors)
