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

"""The clusters that the config names, and their right monitors."""

from __future__ import annotations

import collections
import dataclasses
from typing import Optional, Sequence

from oslo_log import log as logging

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import backends as ceph_backends
from rbd_mon_fix.ceph import discovery
from rbd_mon_fix.ceph import monitors_file
from rbd_mon_fix.ceph import search as searches
from rbd_mon_fix.conf import cinder as cinder_conf
from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.model.cluster import Cluster

LOG = logging.getLogger(__name__)

PlainCeph = ceph_backends.PlainCeph


def learn(nova: Optional[nova_conf.NovaConf],
          cinder: Optional[cinder_conf.CinderConf],
          plain: Optional[PlainCeph],
          given: Optional[monitors_file.MonitorsFile],
          search: Optional[searches.Search]) -> tuple[Cluster, ...]:
    """Return the clusters that the config names, with their monitors.

    The monitors come from ``ceph mon dump`` or, if that fails, from
    ceph.conf, with a warning; with a monitors file, only from that file. A
    cluster whose monitors are unknown stays in the result without monitors:
    no other cluster may claim its disks.

    :param plain: the ceph.conf of a host without OpenStack
    :param given: the monitors file; None without one
    :param search: asks these clusters; None to use ceph.conf instead
    :raises ConfigError: the config names no cluster, the monitors file is
        invalid, or no monitors are known because of a ceph.conf
    :raises Unreachable: no monitors are known because no cluster answers
    """
    confs = ceph_backends.cluster_confs(nova, cinder, plain)
    if given:
        return _by_file(given.clusters(), confs, nova)
    if not confs:
        raise exceptions.ConfigError(
            'The config names no Ceph cluster.',
            'Give a cinder.conf with an RBD backend, a nova.conf with '
            'images_type = rbd, a ceph.conf, or a --monitors-file.')
    found = discovery.merged(
        search.found() if search else map(discovery.from_conf, confs))
    errors = [each.error for each in found if each.error]
    if len(errors) == len(found):
        raise errors[0]
    clusters = _clusters(found, nova)
    for cluster, each in zip(clusters, found):
        _warn(cluster.name, each)
    return clusters


def _warn(name: str, each: discovery.Discovery) -> None:
    """Warn about a cluster by the name that reports use."""
    for remark in each.remarks:
        LOG.warning('Cluster %s: %s', name, remark)
    if each.error:
        LOG.warning('Cluster %s: the monitors of %s are unknown, so its '
                    'disks are left alone: %s', name, each.confs[0].path,
                    each.error)


def _clusters(found: Sequence[discovery.Discovery],
              nova: Optional[nova_conf.NovaConf],
              taken: Sequence[str] = ()) -> tuple[Cluster, ...]:
    return tuple(
        _with_backends(
            Cluster(name, each.fsid, each.source, each.monmap, (),
                    written=each.written, epoch=each.epoch, way=each.way),
            each, nova)
        for name, each in zip(_names(found, taken), found))


def _with_backends(cluster: Cluster, each: discovery.Discovery,
                   nova: Optional[nova_conf.NovaConf]) -> Cluster:
    backends = dict.fromkeys(cluster.backends)
    for conf in each.confs:
        for section in conf.sections:
            backends.update(dict.fromkeys(
                ceph_backends.backends(section, cluster.fsid, nova)))
    return dataclasses.replace(cluster, backends=tuple(backends))


def _names(found: Sequence[discovery.Discovery],
           taken: Sequence[str]) -> list[str]:
    """Return unique names, with the fsid or the first backend as suffix."""
    counts = collections.Counter(
        [*taken, *(each.name for each in found)])
    names: list[str] = []
    for each in found:
        name = each.name
        if counts[name] > 1:
            name = f'{name}-{each.tag}'
        base, number = name, 1
        while name in names or name in taken:
            number += 1
            name = f'{base}-{number}'
        names.append(name)
    return names


def _by_file(clusters: tuple[Cluster, ...],
             confs: Sequence[ceph_backends.ClusterConf],
             nova: Optional[nova_conf.NovaConf]) -> tuple[Cluster, ...]:
    """Take the monitors from a file, and the backends from the config."""
    found = discovery.merged(discovery.unasked(conf) for conf in confs)
    known = {cluster.name: cluster for cluster in clusters}
    strangers = []
    for each, name in _matches(found, clusters):
        if name:
            known[name] = _with_backends(known[name], each, nova)
        else:
            strangers.append(each)
    unnamed = _clusters(strangers, nova, tuple(known))
    for cluster, each in zip(unnamed, strangers):
        LOG.warning('Cluster %s: the monitors file does not name the cluster '
                    'of %s, so its disks are left alone%s', cluster.name,
                    each.confs[0].path, f': {each.error}' if each.error
                    else '.')
    return (*known.values(), *unnamed)


def _matches(found: Sequence[discovery.Discovery], clusters: Sequence[Cluster]
             ) -> list[tuple[discovery.Discovery, Optional[str]]]:
    """Match by fsid; by name if one side has no fsid and the match is unique.

    Clusters with different fsids never match, even with the same name.
    """
    by_fsid = {cluster.fsid: cluster.name
               for cluster in clusters if cluster.fsid}
    sure = [by_fsid.get(each.fsid or '') for each in found]
    guesses = [None if name else _namesake(each, clusters)
               for each, name in zip(found, sure)]
    claims = collections.Counter([*sure, *guesses])
    return [(each, name or (guess if claims[guess] == 1 else None))
            for each, name, guess in zip(found, sure, guesses)]


def _namesake(each: discovery.Discovery,
              clusters: Sequence[Cluster]) -> Optional[str]:
    return next((cluster.name for cluster in clusters
                 if cluster.name == each.name
                 and None in (cluster.fsid, each.fsid)), None)
