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

"""Judge whether running guests are connected to their monitors.

A QEMU process fetches the monmap of its cluster once and follows its updates
from then on. A process that was frozen or cut off while all monitors were
replaced keeps its OSD connections but never finds the new monitors.
"""

from __future__ import annotations

from typing import Iterable, Mapping, Optional, Sequence

from rbd_mon_fix.core import grounds
from rbd_mon_fix.model import monmap
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr

Names = Mapping[str, frozenset[str]]


def judge(peers: Optional[frozenset[MonAddr]],
          clusters: Sequence[Optional[Cluster]], names: Names) -> GuestState:
    """Return whether a guest is connected to each of its clusters.

    :param peers: the remote ends of the guest's connections; None if they
        cannot be read
    :param clusters: the cluster of each disk; None for an unknown cluster
    :param names: the addresses of host names among the right monitors
    """
    if peers is None:
        return GuestState.UNKNOWN
    if lost(peers, clusters, names):
        return GuestState.STRANDED
    return (GuestState.FOLLOWING if clusters and all(map(_known, clusters))
            else GuestState.UNKNOWN)


def lost(peers: Optional[frozenset[MonAddr]],
         clusters: Iterable[Optional[Cluster]], names: Names
         ) -> tuple[str, ...]:
    """Return the names of the clusters that a guest is not connected to.

    :param peers: the remote ends of the guest's connections; None if they
        cannot be read
    :param clusters: the cluster of each disk; None for an unknown cluster
    :param names: the addresses of host names among the right monitors
    """
    if peers is None:
        return ()
    return tuple(dict.fromkeys(
        cluster.name for cluster in filter(_known, clusters)
        if cluster is not None
        and not any(_is_monitor(peer, cluster.monmap.monitors, names)
                    for peer in peers)))


def connected(guest: Guest, clusters: Iterable[Cluster],
              names: Names) -> Optional[tuple[MonAddr, ...]]:
    """Return the monitors that a guest is connected to, right or old.

    Old monitors are those that the guest was launched with.

    :param clusters: all known clusters
    :returns: None if the guest's connections cannot be read
    """
    if guest.peers is None:
        return None
    monitors = [monitor for cluster in clusters
                for monitor in cluster.monmap.monitors]
    launched = [addr for disk in guest.disks for addr in disk.monitors]
    return tuple(sorted(
        (peer for peer in guest.peers
         if _is_monitor(peer, monitors, names)
         or any(_is_at(peer, addr, names) for addr in launched)), key=str))


def by_addresses(disk: RbdDisk, clusters: Iterable[Cluster],
                 names: Names) -> Optional[Cluster]:
    """Return the only cluster that had all addresses of a disk, or None.

    :param clusters: all known clusters, with their former monitors
    """
    addrs = [addr for addr in disk.monitors if not addr.is_placeholder]
    found = [cluster for cluster in clusters
             if grounds.Grounds(cluster, names).of_all(addrs)]
    return found[0] if len(found) == 1 else None


def _known(cluster: Optional[Cluster]) -> bool:
    return cluster is not None and bool(cluster.monmap.monitors)


def _is_monitor(peer: MonAddr, monitors: Iterable[monmap.Monitor],
                names: Names) -> bool:
    return any(_is_at(peer, addr, names)
               for monitor in monitors for addr in monitor.addrs)


def _is_at(peer: MonAddr, addr: MonAddr, names: Names) -> bool:
    """Return whether a peer is the monitor at an address, on any port.

    A config may name one port of a monitor while QEMU uses the other.
    """
    ports = {addr.port, monmap.V1_PORT, monmap.V2_PORT}
    hosts = {addr.host} | set(names.get(addr.host, ()))
    return peer.host in hosts and peer.port in ports
