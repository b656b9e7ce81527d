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

"""Which cephx users of a host may be shielded, and with which monitors.

An override outranks every list of every disk of its user on the host, so one
of a wrong cluster would take all of them down. Doubt leaves a user out.
"""

from __future__ import annotations

import collections
import dataclasses
from typing import Iterator, Mapping, Optional, Sequence, Union

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import V1_PORT
from rbd_mon_fix.model.monmap import V2_PORT
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.shield import Barred
from rbd_mon_fix.model.shield import Obstacle
from rbd_mon_fix.model.shield import Override
from rbd_mon_fix.model.shield import ShieldPlan


@dataclasses.dataclass(frozen=True)
class ImageUse:
    """An RBD image that a document on the host names.

    :param user: cephx user; None without cephx
    :param cluster: name of the cluster by evidence; None if that is not
        certain
    """

    image: str
    user: Optional[str]
    cluster: Optional[str]


@dataclasses.dataclass(frozen=True)
class ConfFacts:
    """What a ceph.conf says, besides the right monitors.

    :param fsid: its own fsid; None if it has none
    :param before: the overrides of its block
    :param others: sections that set an override outside of the block, each
        with the value
    :param unsafe: users whose name a section cannot bear
    """

    fsid: Optional[str] = None
    before: tuple[Override, ...] = ()
    others: Mapping[str, str] = dataclasses.field(default_factory=dict)
    unsafe: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class ShieldRules:
    """The rules that decide which users may be shielded.

    :param clusters: the clusters that the config names
    :param answering: the right endpoints that answer
    :param unreadable: documents of the host that cannot be read, in words
    """

    clusters: Sequence[Cluster]
    answering: frozenset[MonAddr]
    conf: ConfFacts
    uses: Sequence[ImageUse]
    unreadable: Sequence[str] = ()

    def plan(self, wanted: Optional[frozenset[str]] = None) -> ShieldPlan:
        """Return the sections that the ceph.conf should have.

        :param wanted: only these users; None for all users of the images
            and of sections. Other sections stay as they are, unless they
            are not proven
        """
        before = {each.user: each for each in self.conf.before}
        users = ({*before, *(use.user for use in self.uses)}
                 if wanted is None else wanted)
        found = {user: self._judged(user) for user in users}
        proven = {user: each for user, each in before.items()
                  if each.is_proven}
        kept = {**proven, **{each.user: each for each in found.values()
                             if isinstance(each, Override)}}
        return ShieldPlan(
            tuple(kept[user] for user in sorted(kept)),
            tuple(sorted((each for each in found.values()
                          if isinstance(each, Barred)),
                         key=lambda each: each.user or '')))

    def _judged(self, user: Optional[str]) -> Union[Override, Barred]:
        if user is None:
            return Barred(None, Obstacle.NO_USER, (
                'Its section would be that of client.admin, which commands '
                'of administrators read as well.'))
        cluster = self._cluster(user)
        barred = next(self._bars(user, cluster), None)
        if barred:
            return barred
        assert cluster and cluster.fsid
        return Override(user, cluster.fsid, addresses(cluster.monmap))

    def _cluster(self, user: str) -> Optional[Cluster]:
        """Return the only cluster of a user; None if that is not certain.

        Without an image of the user, its section names the cluster.
        """
        used = {use.cluster for use in self.uses if use.user == user}
        fsids = {before.fsid for before in self.conf.before
                 if before.user == user}
        found = [each for each in self.clusters
                 if (each.name in used if used else each.fsid in fsids)]
        return found[0] if len(found) == 1 and None not in used else None

    def _bars(self, user: str, cluster: Optional[Cluster]
              ) -> Iterator[Barred]:
        """Yield the reasons not to shield a user, the firmest first."""
        if user in self.conf.unsafe:
            yield Barred(user, Obstacle.UNSAFE_NAME,
                         'No section of a ceph.conf can bear this name.')
        foreign = self.conf.others.get(f'client.{user}')
        if foreign is not None:
            yield Barred(user, Obstacle.FOREIGN, (
                f'Section [client.{user}] already has mon_host_override = '
                f'{foreign}, which rbd-mon-fix has not written.'))
        yield from self._shared(user)
        unasked = [each.name for each in self.clusters
                   if each.source is not Source.MON_DUMP]
        if unasked and (cluster is None or cluster.name in unasked):
            yield Barred(user, Obstacle.CLAIM, (
                f'{", ".join(unasked)} did not list its monitors itself.'))
        if cluster is None:
            yield Barred(user, Obstacle.UNKNOWN_CLUSTER, (
                'The addresses of its images do not tell their cluster for '
                'certain; status -v tells why.'))
        elif self.unreadable:
            yield Barred(user, Obstacle.UNREADABLE, (
                'Documents that cannot be read may name images of another '
                f'cluster: {", ".join(self.unreadable)}.'))
        else:
            yield from self._doubts(user, cluster)

    def _shared(self, user: str) -> Iterator[Barred]:
        """Yield the reason if two clusters of this host share a user.

        A disk of the other cluster may be attached at any time, so the
        config counts as much as the images.
        """
        names = {use.cluster for use in self.uses
                 if use.user == user and use.cluster}
        names |= {each.name for each in self.clusters
                  if user in {backend.user for backend in each.backends}}
        if len(names) > 1:
            yield Barred(user, Obstacle.SEVERAL_CLUSTERS, (
                f'{" and ".join(sorted(names))} both have this user.'))

    def _doubts(self, user: str, cluster: Cluster) -> Iterator[Barred]:
        """Yield the reasons that lie in the cluster and its monitors."""
        if cluster.fsid is None:
            yield Barred(user, Obstacle.NO_FSID,
                         f'The fsid of {cluster.name} is unknown.')
        fsids = {each.fsid for each in self.clusters}
        if self.conf.fsid is not None and self.conf.fsid not in fsids:
            yield Barred(user, Obstacle.OTHER_FSID, (
                f'The ceph.conf is of fsid {self.conf.fsid}, which no '
                'cluster of the config has.'))
        before = {each.fsid for each in self.conf.before
                  if each.user == user} - {cluster.fsid}
        if before:
            yield Barred(user, Obstacle.OTHER_FSID, (
                f'Its section is of fsid {before.pop()}, but its images are '
                f'of {cluster.name}, fsid {cluster.fsid}. Remove the shield '
                'first.'))
        addrs = addresses(cluster.monmap)
        if not self.answering.intersection(
                endpoint for addr in addrs for endpoint in addr.endpoints):
            yield Barred(user, Obstacle.NO_ANSWER,
                         f'No monitor of {cluster.name} answers.')
        odd = [str(addr) for addr in addrs if addr.is_name or '%' in addr.host]
        if odd:
            # A name that does not resolve stops every start; librados does
            # not fall back to QEMU's list (MonMap::build_initial).
            yield Barred(user, Obstacle.NAMES, (
                f'{", ".join(odd)} is not an IP address.'))


def addresses(monmap: MonMap) -> tuple[MonAddr, ...]:
    """Return the addresses for an override, in rank order.

    Old and new monitors are both in a monmap until the old ones are removed.
    Without a port, librados tries both default ports (src/mon/MonMap.cc,
    ``_add_ambiguous_addr``), which keeps the list short.
    """
    ports: dict[str, list[Optional[int]]] = collections.defaultdict(list)
    for monitor in monmap.monitors:
        for addr in monitor.addrs:
            if not addr.is_placeholder:
                ports[addr.host].append(addr.port)
    return tuple(dict.fromkeys(
        MonAddr(host, None if {V1_PORT, V2_PORT} <= {*found} and
                port in (V1_PORT, V2_PORT) else port)
        for host, found in ports.items() for port in found))
