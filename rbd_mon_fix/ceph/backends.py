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

"""Config sections that use RBD, grouped by ceph.conf."""

from __future__ import annotations

import dataclasses
import os
import socket
from typing import Optional

from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.conf import cinder as cinder_conf
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.model import secret
from rbd_mon_fix.model.cluster import Backend


@dataclasses.dataclass(frozen=True)
class PlainCeph:
    """A ceph.conf for a libvirt host without OpenStack.

    :param conf: path; '' for librados's default
    :param cluster_name: None to derive the name from the path
    :param user: cephx user; None for any
    :param secret_uuid: libvirt secret; None for any
    :param pools: the cluster's pools; empty for any
    """

    conf: str
    cluster_name: Optional[str] = None
    user: Optional[str] = None
    secret_uuid: Optional[str] = None
    pools: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Section:
    """One config section that uses RBD.

    :param conf: path to pass to ``ceph``; '' to pass none
    :param flag: cluster name to pass to ``ceph``; None to pass none
    :param cluster_name: the cluster's name in the section
    :param backend: the backend as configured, before Cinder's and Nova's
        rules for a missing secret apply
    """

    conf: str
    flag: Optional[str]
    cluster_name: str
    user: Optional[str]
    backend: Backend

    @property
    def path(self) -> str:
        """Return the path of the ceph.conf that librados reads."""
        return os.path.realpath(
            self.conf or ceph_conf.default_path(self.cluster_name))


@dataclasses.dataclass(frozen=True)
class ClusterConf:
    """All sections that use one ceph.conf under one cluster name."""

    path: str
    cluster_name: str
    sections: tuple[Section, ...]

    @property
    def tag(self) -> str:
        """Return a word that distinguishes clusters of the same name."""
        backend = self.sections[0].backend
        return backend.name or backend.owner


def cluster_confs(nova: Optional[nova_conf.NovaConf],
                  cinder: Optional[cinder_conf.CinderConf],
                  plain: Optional[PlainCeph]) -> tuple[ClusterConf, ...]:
    """Group the RBD sections by ceph.conf: Cinder's first, in its order.

    A Cinder section with replicas also leads to the cluster of each replica:
    failovers decide which cluster has a volume.
    """
    volumes = cinder.backends if cinder else ()
    sections = [_of_cinder(backend) for backend in volumes]
    if nova and nova.images_type == 'rbd':
        sections.append(_of_nova(nova))
    sections += [_of_replica(backend, replica)
                 for backend in volumes for replica in backend.replicas]
    if plain:
        sections += _of_plain(plain)
    grouped: dict[tuple[str, str], tuple[Section, ...]] = {}
    for section in sections:
        key = section.path, section.cluster_name
        grouped[key] = (*grouped.get(key, ()), section)
    return tuple(ClusterConf(path, name, found)
                 for (path, name), found in grouped.items())


def backends(
        section: Section, fsid: Optional[str],
        nova: Optional[nova_conf.NovaConf]) -> tuple[Backend, ...]:
    """Return the backends that documents may name for disks of a section.

    Cinder returns its fsid in place of a missing secret
    (_set_default_secret_uuid in volume/drivers/rbd.py). With older releases,
    which did not, and with a Cinder without cephx, Nova uses its own user
    and secret (virt/libvirt/volume/net.py). Nova's own disks have neither
    user nor secret if nova.conf names no secret
    (virt/libvirt/imagebackend.py).
    """
    backend = section.backend
    if backend.owner == 'libvirt':
        return (backend,)
    if backend.owner == 'nova':
        return (backend if backend.secret_uuid else _without_cephx(backend),)
    fallback = _of_nova(nova).backend if nova else None
    fallbacks = ((dataclasses.replace(fallback, pool=backend.pool),)
                 if fallback and fallback.secret_uuid else ())
    if backend.user is None:
        return (_without_cephx(backend), *fallbacks)
    if backend.secret_uuid:
        return (backend,)
    return (dataclasses.replace(backend, secret_uuid=fsid), *fallbacks)


def _without_cephx(backend: Backend) -> Backend:
    return dataclasses.replace(backend, user=None, secret_uuid=None)


def _of_cinder(backend: cinder_conf.CinderBackend) -> Section:
    return Section(
        backend.ceph_conf, backend.cluster_name, backend.cluster_name,
        backend.user,
        Backend('cinder', backend.name, backend.pool, backend.user,
                backend.secret_uuid, host=backend.host))


def _of_replica(backend: cinder_conf.CinderBackend,
                replica: cinder_conf.Replica) -> Section:
    """Return the section of a replica; its name is the cluster name.

    This follows _get_config_tuple and _connect_to_rados in
    cinder/volume/drivers/rbd.py.
    """
    return Section(
        replica.conf, replica.name, replica.name, replica.user,
        Backend('cinder', backend.name, backend.pool, replica.user,
                replica.secret_uuid, host=backend.host))


def _of_nova(nova: nova_conf.NovaConf) -> Section:
    """Return Nova's section; its path determines the cluster name.

    A nova.conf speaks for its own compute host, by default that of the
    machine (nova/conf/netconf.py).
    """
    path = nova.images_rbd_ceph_conf
    return Section(
        path, None, ceph_conf.cluster_of(path), nova.rbd_user,
        Backend('nova', '', nova.images_rbd_pool, nova.rbd_user,
                nova.rbd_secret_uuid, nova.host or socket.gethostname()))


def _of_plain(plain: PlainCeph) -> list[Section]:
    return [Section(
        plain.conf, plain.cluster_name,
        plain.cluster_name or ceph_conf.cluster_of(plain.conf), plain.user,
        Backend('libvirt', '', pool, plain.user,
                secret.canonical(plain.secret_uuid)))
        for pool in plain.pools or (None,)]
