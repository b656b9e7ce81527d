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

"""Ceph clusters as the config of Cinder and Nova describes them."""

from __future__ import annotations

import dataclasses
import enum
from typing import Optional

from rbd_mon_fix.model.disk import Access
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap


class Source(str, enum.Enum):
    """The source of the right monitors of a cluster."""

    MON_DUMP = 'mon-dump'
    CEPH_CONF = 'ceph.conf'
    MONITORS_FILE = 'monitors-file'
    NONE = 'none'


@dataclasses.dataclass(frozen=True)
class VolumeService:
    """The service of Cinder that has a volume.

    ``volumes.host`` is ``host@section#pool``
    (cinder/volume/volume_utils.py, ``extract_host``).

    :param host: ``backend_host`` or ``host`` of the cinder.conf
    :param section: name of the backend; '' for a service without backends
    """

    host: str
    section: str

    def __str__(self) -> str:
        return f'{self.host}@{self.section}' if self.section else self.host


@dataclasses.dataclass(frozen=True)
class Backend:
    """A config section that defines access to RBD.

    :param owner: 'cinder', 'nova', or 'libvirt' for a host without either
    :param name: Cinder's backend (section) name; '' for other owners
    :param pool: the RBD pool; None for any pool
    :param user: the cephx user; None for any user, or without cephx
    :param secret_uuid: libvirt's secret; None if the config names no secret
    :param host: the host that the config speaks for: that of
        ``volumes.host``, or Nova's compute host; None for any
    """

    owner: str
    name: str
    pool: Optional[str]
    user: Optional[str]
    secret_uuid: Optional[str]
    host: Optional[str] = None

    def matches(self, access: Access) -> bool:
        """Return whether a disk has this backend's pool, user and secret.

        On a host without OpenStack, what the operator did not state matches
        any disk.
        """
        if self.pool not in (None, access.pool):
            return False
        identity = [(self.user, access.user),
                    (self.secret_uuid, access.secret_uuid)]
        return all(ours == seen or ours is None and self.owner == 'libvirt'
                   for ours, seen in identity)

    def serves(self, service: VolumeService) -> bool:
        """Return whether this backend's config is that of a service."""
        return (self.owner == 'cinder' and self.name == service.section
                and self.host in (None, service.host))


@dataclasses.dataclass(frozen=True)
class Way:
    """The ``ceph`` arguments with which a cluster answered.

    :param conf: path of ceph.conf; '' for librados's default
    :param flag: cluster name to pass to ``ceph``; None to pass none
    :param user: cephx user; None for librados's default
    :param bypass: ignore ``mon_host_override`` in the ceph.conf
    """

    conf: str
    flag: Optional[str]
    user: Optional[str]
    bypass: bool = False


@dataclasses.dataclass(frozen=True)
class Cluster:
    """A Ceph cluster and its right monitors.

    :param name: unique within a run; the name of the cluster if possible
    :param fsid: None if it is unknown
    :param source: the source of the monitors
    :param monmap: empty if the monitors are unknown
    :param backends: the config sections that lead to this cluster
    :param former: the former monitors, latest first
    :param greeted: the former addresses that still answer; None if none was
        contacted
    :param stated: addresses of former monitors, stated by the operator
    :param span: the first and last epoch of the known history; None if no
        epoch is known
    :param written: when the monitors were listed, ISO 8601; '' if unknown
    :param first_source: the source that a monitors file names; '' if none
    :param epoch: the cluster's own monmap; None if it did not answer
    :param way: the ``ceph`` arguments that worked; None if none did
    """

    name: str
    fsid: Optional[str]
    source: Source
    monmap: MonMap
    backends: tuple[Backend, ...]
    former: tuple[FormerMonitor, ...] = ()
    greeted: Optional[frozenset[MonAddr]] = None
    stated: tuple[MonAddr, ...] = ()
    span: Optional[tuple[int, int]] = None
    written: str = ''
    first_source: str = ''
    epoch: Optional[MonEpoch] = None
    way: Optional[Way] = None

    @property
    def origin(self) -> str:
        """Return where the monitors come from, and when they were listed."""
        words = [self.source.value]
        if self.first_source:
            words[0] += f' ({self.first_source})'
        if self.is_claim and self.written:
            words.append(f'written {self.written}')
        return ', '.join(words)

    @property
    def is_claim(self) -> bool:
        """Return whether the monitors were not listed by the cluster."""
        return self.source in (Source.CEPH_CONF, Source.MONITORS_FILE)


def doubt(cluster: Cluster, answering: Optional[frozenset[MonAddr]]) -> str:
    """Return why a list of monitors is not certain, or ''."""
    monitors = cluster.monmap.monitors
    if not monitors:
        return f'The monitors of {cluster.name} are unknown.'
    if cluster.is_claim:
        return (f'The monitors of {cluster.name} come from {cluster.origin}, '
                'not from the cluster itself.')
    if answering is not None and all(answering.isdisjoint(monitor.addrs)
                                     for monitor in monitors):
        return f'None of the monitors of {cluster.name} answers.'
    return ''


def answers(monitor: Optional[Monitor],
            answering: Optional[frozenset[MonAddr]]) -> str:
    """Return ``yes``, ``no``, or ``not asked``."""
    if monitor is None or answering is None:
        return 'not asked'
    return 'yes' if answering & set(monitor.addrs) else 'no'
