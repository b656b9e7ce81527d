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

"""The former monitors of clusters, from --journal-dir and from Ceph."""

from __future__ import annotations

from concurrent import futures
import dataclasses
import functools
import os
from typing import Callable, Iterable, Sequence

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import history as ceph_history
from rbd_mon_fix.core import grounds
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.state import histories as kept

LOG = logging.getLogger(__name__)


class Histories:
    """Clusters with their former monitors.

    :param clusters: the clusters that the config names
    :param folder: the journal directory, where earlier runs stored epochs
    :param ask: False if clusters must not be queried
    """

    def __init__(self, clusters: Sequence[Cluster], folder: str, ask: bool):
        self._folder = folder
        self._ask = ask
        # Clusters that have nothing more to tell.
        self._exhausted: set[str] = set()
        # What the folder has of each cluster, by fsid; each file is read, and
        # warned of, once.
        self._kept: dict[str, MonHistory] = {}
        self._clusters = {cluster.name: self._remembered(cluster)
                          for cluster in clusters}

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters with the history known so far."""
        return tuple(self._clusters.values())

    def epochs(self, cluster: Cluster) -> MonHistory:
        """Return the epochs of a cluster that are known so far."""
        known = self._kept.get(cluster.fsid or '', MonHistory())
        return known.merged([cluster.epoch] if cluster.epoch else [])

    def explain(self, addrs: Iterable[MonAddr],
                names: grounds.Names) -> None:
        """Query clusters for the epochs that tell whose some addresses are.

        A single cluster is asked until every address is found. One of
        several clusters may have been given an address of another, so they
        are asked for all epochs.

        :param names: the addresses of host names
        """
        if len(self._clusters) > 1:
            self.complete()
            return
        for name, cluster in list(self._clusters.items()):
            known = grounds.Grounds(cluster, names)
            strange = [addr for addr in addrs
                       if not addr.is_placeholder and known.of(addr) is None]
            if strange:
                self._extend(name, functools.partial(
                    _all_found, strange, names))

    def complete(self) -> None:
        """Query all clusters for all missing epochs, side by side."""
        with futures.ThreadPoolExecutor(len(self._clusters) or 1) as pool:
            list(pool.map(lambda name: self._extend(name, lambda epoch: False),
                          list(self._clusters)))

    def _remembered(self, cluster: Cluster) -> Cluster:
        """Return a cluster with what earlier runs learned about it."""
        if cluster.fsid is None:
            return cluster
        history = kept.load(self._folder, cluster.fsid)
        self._kept[cluster.fsid] = history
        if cluster.epoch:
            return _with(cluster, history.merged([cluster.epoch]))
        told = {frozenset(each.addrs) for each in cluster.former}
        spans = [span for span in (cluster.span, history.span) if span]
        return dataclasses.replace(
            cluster, former=(*cluster.former, *(
                each for each in history.before(cluster.monmap)
                if frozenset(each.addrs) not in told)),
            span=(min(span[0] for span in spans),
                  max(span[1] for span in spans)) if spans else None)

    def _extend(self, name: str, enough: Callable[[MonEpoch], bool]) -> None:
        """Query a cluster for missing epochs, the newest first.

        :param enough: whether no more epochs are needed after this one
        """
        cluster = self._clusters[name]
        if (not self._ask or name in self._exhausted or cluster.way is None
                or cluster.epoch is None or cluster.fsid is None):
            return
        history = self._kept[cluster.fsid].merged([cluster.epoch])
        found: list[MonEpoch] = []
        failure = None
        try:
            for each in ceph_history.epochs(
                    cluster.way, _missing(history, cluster.epoch.epoch)):
                found.append(each)
                # No gap may remain between known epochs.
                if enough(each) and each.epoch < history.epochs[0].epoch:
                    break
            else:
                self._exhausted.add(name)
        except exceptions.Unreachable as error:
            self._exhausted.add(name)
            failure = error
        if failure:
            LOG.warning('Some or all former monitors of cluster %s are '
                        'unknown: %s', name, failure)
        history = history.merged(found)
        self._kept[cluster.fsid] = history
        self._clusters[name] = _with(cluster, history)
        if found and os.path.isdir(self._folder):
            kept.save(self._folder, cluster.fsid, history)


def _missing(history: MonHistory, last: int) -> list[int]:
    """Return the unknown epochs, latest first."""
    known = {each.epoch for each in history.epochs}
    return [number for number in range(last, 0, -1) if number not in known]


def _all_found(strange: list[MonAddr], names: grounds.Names,
               epoch: MonEpoch) -> bool:
    """Drop the addresses of an epoch; return whether none is left."""
    strange[:] = [addr for addr in strange
                  if not epoch.monmap.leads(addr, names)]
    return not strange


def _with(cluster: Cluster, history: MonHistory) -> Cluster:
    return dataclasses.replace(cluster, former=history.former,
                               span=history.span)
