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

"""The clusters of the disks of a running guest, from all copies of them."""

from __future__ import annotations

from typing import Collection, Iterator, Sequence

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.rescue import DiskClaim
from rbd_mon_fix.model.rescue import Refusal

LIVE = 'live-domain'


def claims(copies: Sequence[Copy], lost: Collection[str]
           ) -> Iterator[DiskClaim]:
    """Yield the disks whose clusters a guest has lost, and unknown ones.

    :param copies: all copies of the guest; those of its live XML are the
        disks that it has now
    :param lost: the names of the clusters of which it has lost the monitors
    """
    for copy in copies:
        disk = copy.disk
        if copy.locator.store != LIVE or disk is None:
            continue
        same = [each for each in copies
                if each.disk is not None and each.disk.image == disk.image]
        names = {each.cluster for each in same}
        target = disk.key.partition('/')[0]
        if names == {copy.cluster} and copy.cluster is not None:
            if copy.cluster in lost:
                yield DiskClaim(target, disk.image, copy.cluster,
                                disk.monitors, copy.desired)
        else:
            yield DiskClaim(
                target, disk.image, None, disk.monitors, (), next(
                    (each.note for each in same if each.note),
                    'its copies do not all tell the same cluster.'))


def of_server(copies: Sequence[Copy], host: str) -> Iterator[Refusal]:
    """Yield the reasons of Nova and libvirt against touching a guest.

    :param host: this machine, as Nova names it
    """
    for copy in copies:
        if copy.locator.store == LIVE and copy.disk is None:
            yield Refusal(None, 'The XML of the running guest cannot be read: '
                          f'{copy.note}.')
    server = copies[0].instance
    if server.busy:
        yield Refusal(None, 'Nova is working on the server '
                      f'({server.task_state or server.vm_state}).')
    if server.managed and server.host != host:
        yield Refusal(None, f'Nova has the server on host {server.host}.')


def of_clusters(clusters: Sequence[Cluster], lost: Collection[str],
                answering: Collection[MonAddr]) -> Iterator[Refusal]:
    """Yield the clusters without a majority of monitors that answer.

    QEMU stands still while librados looks for a monitor: three at once, for
    three seconds (mon_client_hunt_parallel and mon_client_hunt_interval in
    Ceph's src/common/options), then the next ones.
    """
    for cluster in clusters:
        monitors = cluster.monmap.monitors
        count = sum(not set(monitor.addrs).isdisjoint(answering)
                    for monitor in monitors)
        if cluster.name in lost and 2 * count <= len(monitors):
            yield Refusal(None, f'{count} of {len(monitors)} monitors of '
                          f'{cluster.name} answer from here, no majority.')
