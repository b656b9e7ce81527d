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
from typing import Iterator, Optional

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
        clusters = tuple(_with_others(each, answering)
                         for each in greeted(clusters))
    return MonitorsResult(tuple(map(_written, clusters)), answering)


def _with_others(cluster: Cluster,
                 answering: frozenset[MonAddr]) -> Cluster:
    """Add former addresses at which monitors of other clusters answer."""
    others = frozenset(addr for addr in answering.intersection(_past(cluster))
                       if not cluster.monmap.leads(addr, {}))
    return dataclasses.replace(
        cluster, greeted=(cluster.greeted or frozenset()) | others)


def greeted(clusters: tuple[Cluster, ...]) -> tuple[Cluster, ...]:
    """Add the former and stated addresses at which a monitor answers.

    An address of a present monitor of any of these clusters is not asked:
    whose it is, is known.
    """
    from rbd_mon_fix.ceph import client
    past = [frozenset(addr for addr in _past(cluster) if not any(
        each.monmap.leads(addr, {}) for each in clusters))
        for cluster in clusters]
    greeting = client.answering(frozenset().union(*past))
    return tuple(dataclasses.replace(cluster, greeted=addrs & greeting)
                 for cluster, addrs in zip(clusters, past))


def _past(cluster: Cluster) -> Iterator[MonAddr]:
    for each in cluster.former:
        yield from each.addrs
    yield from cluster.stated


def _written(cluster: Cluster) -> Cluster:
    if cluster.written:
        return cluster
    now = datetime.datetime.now(datetime.timezone.utc)
    return dataclasses.replace(cluster,
                               written=now.isoformat(timespec='seconds'))
