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

"""``lifeline plan``: the old addresses that bring stranded clients back."""

from __future__ import annotations

import collections
import dataclasses
from typing import Iterator, Mapping, Optional

from rbd_mon_fix.core import lifeline as rules
from rbd_mon_fix.engine import census
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import monitors
from rbd_mon_fix.engine import running_guests
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.lifeline import ClusterLifelines


@dataclasses.dataclass(frozen=True)
class LifelineResult:
    """The stranded clients, and the plan for each cluster that has any.

    :param clusters: all clusters that were looked at
    :param not_judged: the number of guests, watchers and images without an
        answer
    :param censuses: of each cluster, if Ceph was asked
    """

    clusters: tuple[Cluster, ...]
    plans: tuple[ClusterLifelines, ...]
    not_judged: int
    censuses: tuple[census.ClusterCensus, ...] = ()


def lifelines_from_ceph(context: contexts.Context,
                        request: census.CensusRequest) -> LifelineResult:
    """Plan for the stranded clients of images, on all hosts.

    :raises ConfigError: as ``take_census``
    :raises Unreachable: as ``take_census``
    """
    found = census.take_census(context, request)
    stranded = {each.cluster.name: len(
        {report.watcher.client for report in each.watchers
         if report.state is GuestState.STRANDED}) for each in found}
    return LifelineResult(
        tuple(each.cluster for each in found),
        tuple(_plans(context, stranded)),
        sum(len(each.unread) + sum(
            report.state is GuestState.UNKNOWN for report in each.watchers)
            for each in found), found)


def lifelines_on_host(context: contexts.Context,
                      request: selections.ScanRequest,
                      fsid: Optional[str] = None) -> LifelineResult:
    """Plan for the stranded guests of this machine.

    :param fsid: the only cluster to plan for; None for all
    :raises ConfigError: a host is not this machine, or the clusters may not
        be asked
    :raises Unreachable: libvirt, a database or a cluster cannot be reached
    """
    clusters = tuple(cluster for cluster, _ in census.clusters(context, fsid))
    names = {each.name for each in clusters}
    found = running_guests.guests(context, request)
    stranded = collections.Counter(
        name for report in found.guests for name in report.lost
        if name in names)
    return LifelineResult(clusters, tuple(_plans(context, stranded)),
                          found.not_judged)


def _plans(context: contexts.Context, stranded: Mapping[str, int]
           ) -> Iterator[ClusterLifelines]:
    """Yield the plan for each cluster that has stranded clients."""
    if not any(stranded.values()):
        return
    for cluster in monitors.find_monitors(context).clusters:
        count = stranded.get(cluster.name, 0)
        if count:
            yield ClusterLifelines(
                cluster.name, cluster.fsid,
                tuple(each.name for each in cluster.monmap.monitors), count,
                rules.plan(context.histories.epochs(cluster),
                           cluster.monmap, cluster.greeted or ()))
