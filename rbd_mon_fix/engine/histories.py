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

import dataclasses
import os
from typing import Sequence

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import history as ceph_history
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
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
        self._clusters = {cluster.name: self._remembered(cluster)
                          for cluster in clusters}

    @property
    def clusters(self) -> tuple[Cluster, ...]:
        """Return the clusters with the history known so far."""
        return tuple(self._clusters.values())

    def complete(self) -> None:
        """Query all clusters for all missing epochs."""
        for name in list(self._clusters):
            self._extend(name)

    def _remembered(self, cluster: Cluster) -> Cluster:
        if cluster.fsid is None or cluster.former:
            return cluster
        history = kept.load(self._folder, cluster.fsid)
        return _with(cluster, history.merged(
            [cluster.epoch] if cluster.epoch else []))

    def _extend(self, name: str) -> None:
        cluster = self._clusters[name]
        if (not self._ask or cluster.way is None or cluster.epoch is None
                or cluster.fsid is None):
            return
        history = kept.load(self._folder, cluster.fsid).merged(
            [cluster.epoch])
        known = {each.epoch for each in history.epochs}
        numbers = [number for number in range(cluster.epoch.epoch, 0, -1)
                   if number not in known]
        found: list[MonEpoch] = []
        try:
            found.extend(ceph_history.epochs(cluster.way, numbers))
        except exceptions.Unreachable as error:
            LOG.warning('Some or all former monitors of cluster %s are '
                        'unknown: %s', name, error)
        history = history.merged(found)
        self._clusters[name] = _with(cluster, history)
        if found and os.path.isdir(self._folder):
            kept.save(self._folder, cluster.fsid, history)


def _with(cluster: Cluster, history: MonHistory) -> Cluster:
    return dataclasses.replace(cluster, former=history.former,
                               span=history.span)
