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

"""The knowledge file of the hook: old and right monitors of each cluster.

The script that reads the file imports nothing of this package, so the format
of a ``VERSION`` never changes. The file holds addresses and names, no
secrets.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Iterable, Optional, Sequence, Union

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Edit

VERSION = 1


@dataclasses.dataclass(frozen=True)
class Identity:
    """A disk's pool and cephx identity, which identify its cluster."""

    pool: str
    user: Optional[str]
    secret_uuid: Optional[str]

    @classmethod
    def of(cls, disk: Union[RbdDisk, Edit]) -> Identity:
        """Return a disk's identity."""
        return cls(disk.pool, disk.user, disk.secret_uuid)


@dataclasses.dataclass(frozen=True)
class Known:
    """One cluster as the hook knows it.

    :param monitors: the right monitors, in the order to write them; empty
        if no longer known, and then the hook changes nothing
    :param addresses: all addresses that the cluster's disks have ever had
    :param disks: the identities of the cluster's disks
    """

    name: str
    fsid: Optional[str]
    monitors: tuple[MonAddr, ...] = ()
    addresses: frozenset[MonAddr] = frozenset()
    disks: frozenset[Identity] = frozenset()

    def is_of(self, cluster: Cluster) -> bool:
        """Tell whether this is the cluster; fsids outrank names."""
        if self.fsid and cluster.fsid:
            return self.fsid == cluster.fsid
        return self.name == cluster.name


@dataclasses.dataclass(frozen=True)
class Sighting:
    """Addresses that a disk of a cluster had.

    :param cluster: the cluster's name
    :param identity: None if it was not recorded
    """

    cluster: str
    addresses: tuple[MonAddr, ...]
    identity: Optional[Identity] = None


def learn(clusters: Sequence[Cluster], sightings: Iterable[Sighting],
          before: Iterable[Known]) -> tuple[Known, ...]:
    """Return the clusters that the hook should know after a run.

    No address is forgotten, so the hook still corrects an image saved long
    ago. A cluster that the config no longer names loses its monitors,
    because the right ones are unknown.

    :param clusters: clusters whose monitors are reliable
    :param before: the clusters that the hook knew
    """
    seen, old = list(sightings), list(before)
    return (*(_learn(cluster, [each for each in seen
                               if each.cluster == cluster.name],
                     [each for each in old if each.is_of(cluster)])
              for cluster in clusters),
            *(dataclasses.replace(each, monitors=()) for each in old
              if not any(each.is_of(cluster) for cluster in clusters)))


def _learn(cluster: Cluster, seen: Sequence[Sighting],
           before: Sequence[Known]) -> Known:
    addresses = [each.addresses for each in seen]
    addresses += [tuple(each.addresses) for each in before]
    addresses += [monitor.addrs for monitor in cluster.monmap.monitors]
    # A plain libvirt host's backend owns any disk, so it identifies none.
    backends = frozenset(
        Identity(backend.pool, backend.user, backend.secret_uuid)
        for backend in cluster.backends
        if backend.pool and backend.owner != 'libvirt')
    return Known(
        cluster.name, cluster.fsid, cluster.monmap.addrs,
        frozenset().union(*addresses), backends.union(
            *(each.disks for each in before),
            {each.identity for each in seen if each.identity}))


def dumps(known: Iterable[Known], written: str) -> bytes:
    """Return the content of the knowledge file.

    :param written: the time, ISO 8601
    """
    return json.dumps({'version': VERSION, 'written': written, 'clusters': [
        {'name': each.name, 'fsid': each.fsid,
         'monitors': list(map(str, each.monitors)),
         'known': sorted(map(str, each.addresses)),
         'disks': sorted(map(dataclasses.asdict, each.disks), key=str)}
        for each in known]}, indent=1).encode() + b'\n'


def loads(content: bytes) -> tuple[tuple[Known, ...], str]:
    """Return the clusters of a knowledge file, and when it was written.

    :raises Unreadable: ``dumps`` did not write this content
    """
    try:
        document = json.loads(content.decode())
        if document['version'] != VERSION:
            raise exceptions.Unreadable('the file has another version')
        return (tuple(map(_known, document['clusters'])),
                str(document['written']))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise exceptions.Unreadable(
            'rbd-mon-fix did not write this file') from error


def _known(fields: dict[str, Any]) -> Known:
    return Known(
        fields['name'], fields['fsid'],
        tuple(map(MonAddr.parse, fields['monitors'])),
        frozenset(map(MonAddr.parse, fields['known'])),
        frozenset(Identity(**disk) for disk in fields['disks']))
