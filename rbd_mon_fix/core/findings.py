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

"""The right addresses for places that cannot be written."""

from __future__ import annotations

from typing import Optional, Sequence

from rbd_mon_fix.core import planning
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr

Addrs = tuple[MonAddr, ...]


def right_ones(monitors: Addrs, owner: Optional[Cluster],
               clusters: Sequence[Cluster],
               names: planning.Names) -> Optional[Addrs]:
    """Return the right addresses to replace wrong ones.

    Addresses are right if each leads to a monitor: the author chose which
    monitors, and how many, to name.

    :param owner: the cluster that the addresses should lead to, if known
    :param names: the addresses of host names among ``monitors``
    :returns: None if nothing is wrong, or nothing is known; empty if the
        addresses do not lead to exactly one known cluster
    """
    judges = [cluster for cluster in clusters if cluster.monmap.monitors]
    cluster = owner or _led_to(monitors, judges, names)
    if not monitors or not judges:
        return None
    if cluster is None:
        return ()
    if not cluster.monmap.monitors or all(
            cluster.monmap.leads(addr, names) for addr in monitors):
        return None
    return cluster.monmap.addrs


def _led_to(monitors: Addrs, clusters: Sequence[Cluster],
            names: planning.Names) -> Optional[Cluster]:
    found = [cluster for cluster in clusters
             if any(cluster.monmap.leads(addr, names) for addr in monitors)]
    return found[0] if len(found) == 1 else None
