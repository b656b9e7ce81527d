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

"""``monitors``: the clusters with their present and former monitors."""

from __future__ import annotations

import dataclasses
import datetime
from typing import Optional

from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr


@dataclasses.dataclass(frozen=True)
class MonitorsResult:
    """The clusters that the config names, with their whole history.

    :param answering: the right endpoints that answer; None if none was
        asked
    """

    clusters: tuple[Cluster, ...]
    answering: Optional[frozenset[MonAddr]]


def find_monitors(context: contexts.Context) -> MonitorsResult:
    """Return every cluster that the config names, with its history.

    :raises ConfigError: the config names no cluster, or is unusable
    :raises Unreachable: no monitors are known, and no cluster answers
    """
    context.histories.complete()
    clusters = context.histories.clusters
    answering = context.answering
    if answering is not None:
        clusters = _greeted(clusters)
    return MonitorsResult(tuple(map(_written, clusters)), answering)


def _greeted(clusters: tuple[Cluster, ...]) -> tuple[Cluster, ...]:
    """Add the former addresses at which a Ceph monitor still answers."""
    from rbd_mon_fix.ceph import client
    present = {addr for cluster in clusters
               for monitor in cluster.monmap.monitors
               for addr in monitor.addrs}
    greeting = client.answering({
        addr for cluster in clusters for each in cluster.former
        for addr in each.addrs} - present)
    return tuple(dataclasses.replace(cluster, greeted=frozenset(
        addr for each in cluster.former for addr in each.addrs
        if addr in greeting)) for cluster in clusters)


def _written(cluster: Cluster) -> Cluster:
    if cluster.written:
        return cluster
    now = datetime.datetime.now(datetime.timezone.utc)
    return dataclasses.replace(cluster,
                               written=now.isoformat(timespec='seconds'))
