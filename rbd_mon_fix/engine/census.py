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

"""``guests --from-ceph`` and ``gate``: the watchers and their sessions."""

from __future__ import annotations

import dataclasses
import time
from typing import Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import commands
from rbd_mon_fix.ceph import sessions
from rbd_mon_fix.ceph import watchers
from rbd_mon_fix.core import census as rules
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.model.census import Image
from rbd_mon_fix.model.census import Reading
from rbd_mon_fix.model.census import WatcherReport
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Way

# Seconds between two readings. A client whose monitor has stopped finds
# another one within mon_client_hunt_interval, 3 seconds
# (src/common/options).
APART = 5.0


@dataclasses.dataclass(frozen=True)
class CensusRequest:
    """What a census looks at.

    :param fsid: the only cluster; None for all that the config names
    :param leaving: the names of the monitors that will be removed
    """

    fsid: Optional[str] = None
    leaving: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class ClusterCensus:
    """The watchers of the images of a cluster.

    :param monitors: the names of all its present monitors
    :param leaving: those that will be removed
    :param silent: why a monitor that stays did not tell its clients
    :param unread: why the watchers of an image are unknown
    """

    cluster: Cluster
    monitors: tuple[str, ...]
    leaving: tuple[str, ...]
    watchers: tuple[WatcherReport, ...]
    silent: Mapping[str, str]
    unread: Mapping[Image, str]


def take_census(context: contexts.Context, request: CensusRequest
                ) -> tuple[ClusterCensus, ...]:
    """Ask the clusters for the watchers of their images, and their sessions.

    No compute host is contacted, and nothing is changed.

    :raises ConfigError: the clusters may not be asked, or the config or the
        request names a cluster, a pool or a monitor that does not exist
    :raises Unreachable: a cluster does not answer, or refuses the user
    """
    admins = {cluster: commands.Administrator(
        cluster.name, way, context.conf.ceph.admin_user)
        for cluster, way in clusters(context, request.fsid)}
    present = {cluster: sessions.monitors(admin, cluster.fsid)
               for cluster, admin in admins.items()}
    leaving = _leaving(request.leaving, present)
    return tuple(_of_cluster(cluster, admin, present[cluster],
                             leaving[cluster])
                 for cluster, admin in admins.items())


def clusters(context: contexts.Context, fsid: Optional[str]
             ) -> list[tuple[Cluster, Way]]:
    """Return the clusters to ask, each with the way to it.

    :param fsid: the only cluster; None for all that the config names
    :raises ConfigError: the clusters may not be asked, or there is no such
        cluster
    :raises Unreachable: a cluster does not answer
    """
    if context.conf.offline or context.conf.monitors_file:
        raise exceptions.ConfigError(
            'Only the clusters themselves know their clients, and the '
            'monitors that they had.',
            'Run it without --offline and --monitors-file, where Ceph can be '
            'reached.')
    chosen = [each for each in context.clusters if fsid in (None, each.fsid)]
    if not chosen:
        raise exceptions.ConfigError(
            f'The config names no cluster with the fsid {fsid}.',
            "'rbd-mon-fix monitors' shows those that it names.")
    found = [(each, each.way) for each in chosen]
    for cluster, way in found:
        if way is None:
            raise exceptions.Unreachable(
                f'Cluster {cluster.name} did not answer "ceph mon dump".',
                'Correct its ceph.conf, or choose another cluster with '
                '--fsid.')
    return [(cluster, way) for cluster, way in found if way is not None]


def _leaving(names: tuple[str, ...], present: Mapping[
        Cluster, tuple[str, ...]]) -> dict[Cluster, tuple[str, ...]]:
    """Return which of some monitors are in each cluster.

    :raises ConfigError: a name is in no cluster or in several, or no monitor
        of a cluster stays
    """
    for name in names:
        having = [cluster for cluster, known in present.items()
                  if name in known]
        if not having:
            raise exceptions.ConfigError(
                f'There is no monitor {name}. The monitors are '
                + '; '.join(', '.join(known) for known in present.values())
                + '.', 'Name monitors as "ceph mon rm" does.')
        if len(having) > 1:
            raise exceptions.ConfigError(
                f'Several clusters have a monitor {name}.',
                'Choose one with --fsid: ' + ', '.join(
                    str(cluster.fsid) for cluster in having) + '.')
    for cluster, known in present.items():
        if {*known} <= {*names}:
            raise exceptions.ConfigError(
                f'No monitor of cluster {cluster.name} would stay.',
                'Name only the monitors that will be removed.')
    return {cluster: tuple(name for name in known if name in names)
            for cluster, known in present.items()}


def _of_cluster(cluster: Cluster, admin: commands.Administrator,
                monitors: tuple[str, ...], leaving: tuple[str, ...]
                ) -> ClusterCensus:
    images = watchers.images(admin, _pools(cluster, admin))
    first = _read(admin, images, monitors)
    suspicious = rules.suspicious(first, leaving)
    second = None
    if suspicious:
        time.sleep(APART)
        # A monitor that leaves may be stopped already: no second wait for it.
        stopped = {*first.silent} & {*leaving}
        second = _read(admin, tuple(suspicious), tuple(
            name for name in sessions.monitors(admin, cluster.fsid)
            if name not in stopped))
    readings = [reading for reading in (first, second) if reading]
    silent = {name: why for reading in readings
              for name, why in reading.silent.items() if name not in leaving}
    unread = {image: why for reading in readings
              for image, why in reading.unread.items()}
    return ClusterCensus(cluster, monitors, leaving,
                         rules.judge(first, second, leaving), silent, unread)


def _pools(cluster: Cluster, admin: commands.Administrator
           ) -> tuple[str, ...]:
    """Return the pools of a cluster that the config names; else all."""
    named = {backend.pool for backend in cluster.backends}
    if not named or None in named:
        return watchers.pools(admin)
    return tuple(sorted(pool for pool in named if pool is not None))


def _read(admin: commands.Administrator, images: tuple[Image, ...],
          monitors: tuple[str, ...]) -> Reading:
    """Read the watchers first: who opens an image has a session before."""
    found, unread = watchers.of_images(admin, images)
    known, silent = sessions.clients(admin, monitors)
    return Reading(found, known, silent, unread)
