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

"""Detection of backends that suddenly lead to another cluster.

The fsid of a cluster never changes. A backend that leads to another fsid
than before more often has a wrong ceph.conf than a new cluster, and its
disks must not get the monitors of that other cluster.
"""

from __future__ import annotations

import dataclasses
from typing import Iterable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source

# The fsid that each backend led to, by the identity of the backend.
Fsids = Mapping[Backend, str]


@dataclasses.dataclass(frozen=True)
class Swap:
    """A backend that leads to another cluster than before.

    :param before: the fsid that the backend led to before
    :param now: the fsid that the backend leads to now
    """

    backend: Backend
    cluster: str
    before: str
    now: str


def identity(backend: Backend) -> Backend:
    """Return the part of a backend that survives a swap of its cluster.

    If no secret is configured, Cinder uses the fsid of its cluster instead
    (_set_default_secret_uuid in volume/drivers/rbd.py), so the secret may
    change with the cluster. The host is dropped because the config need not
    set it. The section name identifies a Cinder backend well enough.
    """
    backend = dataclasses.replace(backend, host=None)
    if backend.owner == 'cinder':
        return dataclasses.replace(backend, secret_uuid=None)
    return backend


def swaps(clusters: Sequence[Cluster], known: Fsids) -> Iterator[Swap]:
    """Yield the backends whose fsid differs from the recorded one.

    The fsid may come from the cluster, ceph.conf or the monitors file. A
    cluster without an fsid never counts as a swap. A replicated backend
    leads to several clusters; one of them must have the recorded fsid.

    :param clusters: all clusters
    :param known: the recorded fsids
    """
    fsids: dict[Backend, set[Optional[str]]] = {}
    for cluster in clusters:
        for backend in cluster.backends:
            fsids.setdefault(identity(backend), set()).add(cluster.fsid)
    for cluster in clusters:
        for backend in cluster.backends:
            before = known.get(identity(backend))
            if cluster.fsid and before and (
                    fsids[identity(backend)].isdisjoint({before, None})):
                yield Swap(backend, cluster.name, before, cluster.fsid)


def learnt(clusters: Iterable[Cluster], known: Fsids) -> dict[Backend, str]:
    """Return the known fsids plus those that clusters reported themselves.

    Known fsids stay: only the operator may remove them. An fsid from
    ceph.conf or the monitors file is not recorded.
    """
    said: dict[Backend, str] = {}
    for cluster in clusters:
        fsid = _said(cluster)
        if not fsid:
            continue
        for backend in cluster.backends:
            # The first cluster of a replicated backend is the primary.
            said.setdefault(identity(backend), fsid)
    return {**said, **known}


def _said(cluster: Cluster) -> Optional[str]:
    return cluster.fsid if cluster.source is Source.MON_DUMP else None
