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

"""What the hook knows: old and right monitors of each cluster.

The file is read by the script, which knows nothing of this package, so its
form is ``VERSION``'s for good. It holds addresses and names, no secrets.
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
    """What tells a disk's cluster: its pool, cephx user and secret."""

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

    :param monitors: the right ones, in the order of writing; empty where
        they are not known any more, and the hook does nothing
    :param addresses: every one that its disks were ever seen with
    :param disks: the identities of its disks
    """

    name: str
    fsid: Optional[str]
    monitors: tuple[MonAddr, ...] = ()
    addresses: frozenset[MonAddr] = frozenset()
    disks: frozenset[Identity] = frozenset()

    def is_of(self, cluster: Cluster) -> bool:
        """Tell whether this is of that cluster: a name is nobody's own."""
        if self.fsid and cluster.fsid:
            return self.fsid == cluster.fsid
        return self.name == cluster.name


@dataclasses.dataclass(frozen=True)
class Sighting:
    """Addresses that a disk of a cluster was seen with.

    :param cluster: the cluster's name
    :param identity: None where it was not noted
    """

    cluster: str
    addresses: tuple[MonAddr, ...]
    identity: Optional[Identity] = None


def learn(clusters: Sequence[Cluster], sightings: Iterable[Sighting],
          before: Iterable[Known]) -> tuple[Known, ...]:
    """Return what is known after a run.

    Nothing that was known is forgotten, so that an image saved long ago is
    still mended. But of a cluster that the config does not name any more,
    nobody knows the right monitors.

    :param clusters: those whose right monitors can be relied on
    :param before: what was known
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
    # A plain host's backend stands for any disk, which is not to know it.
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
    """Return the content of the file.

    :param written: when, ISO 8601
    """
    return json.dumps({'version': VERSION, 'written': written, 'clusters': [
        {'name': each.name, 'fsid': each.fsid,
         'monitors': list(map(str, each.monitors)),
         'known': sorted(map(str, each.addresses)),
         'disks': sorted(map(dataclasses.asdict, each.disks), key=str)}
        for each in known]}, indent=1).encode() + b'\n'


def loads(content: bytes) -> tuple[tuple[Known, ...], str]:
    """Read the content of the file, and when it was written.

    :raises Unreadable: it is not what ``dumps`` wrote
    """
    try:
        document = json.loads(content.decode())
        if document['version'] != VERSION:
            raise exceptions.Unreadable('it is of another version')
        return (tuple(map(_known, document['clusters'])),
                str(document['written']))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise exceptions.Unreadable(
            'it is not what rbd-mon-fix writes') from error


def _known(words: dict[str, Any]) -> Known:
    return Known(
        words['name'], words['fsid'],
        tuple(map(MonAddr.parse, words['monitors'])),
        frozenset(map(MonAddr.parse, words['known'])),
        frozenset(Identity(**disk) for disk in words['disks']))
