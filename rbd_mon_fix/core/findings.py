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

"""Which addresses are right where nothing can be written."""

from __future__ import annotations

from typing import Optional, Sequence

from rbd_mon_fix.core import planning
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr

Addrs = tuple[MonAddr, ...]


def right_ones(monitors: Addrs, owner: Optional[Cluster],
               clusters: Sequence[Cluster],
               names: planning.Names) -> Optional[Addrs]:
    """Return the right addresses in place of some that are not.

    They are in order when each leads to a monitor: which monitors, and how
    many of them, is their author's choice.

    :param owner: the cluster that they are said to be of, where one is
    :param names: what host names among them resolve to
    :returns: None where nothing is wrong, or nothing can be told; empty
        where they lead to no cluster that is known
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
