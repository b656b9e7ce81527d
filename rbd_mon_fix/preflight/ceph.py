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

"""Checks of Ceph: quorum, fsid and each right monitor."""

from __future__ import annotations

from concurrent import futures
import functools
from typing import Iterator, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import backends as ceph_backends
from rbd_mon_fix.ceph import client as ceph
from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.ceph import mon_dump
from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.preflight import check as checking
from rbd_mon_fix.preflight import config
from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.preflight.check import Works
from rbd_mon_fix.state import known_clusters


def checks(context: contexts.Context) -> Iterator[Check]:
    """Yield a line for each config and user, each cluster, each monitor."""
    yield from checking.guarded('ceph', 'quorum', _quorums(context))
    learnt = checking.tried('ceph', 'right monitors', lambda: _learn(context))
    if learnt.works is Works.NO:
        yield learnt
        return
    for cluster in context.clusters:
        yield checking.tried('ceph', f'fingerprint of {cluster.name}',
                             functools.partial(_fingerprint, context, cluster))
        yield from checking.guarded('ceph', f'monitors of {cluster.name}',
                                    _monitors(context, cluster))


def _quorums(context: contexts.Context) -> Iterator[Check]:
    if context.conf.offline:
        yield checking.not_asked('ceph', 'quorum', '--offline is set.')
        return
    ways = list(dict.fromkeys(
        (each, section.conf, section.flag, section.user)
        for each in config.ceph_sites(context)
        for section in each.sections))
    with futures.ThreadPoolExecutor(max(1, len(ways))) as threads:
        yield from threads.map(lambda way: _quorum(*way), ways)


def _quorum(ceph_site: ceph_backends.ClusterConf, conf: str,
            flag: Optional[str], user: Optional[str]) -> Check:
    subject = f'{ceph_site.path} as {user or "the default user"}'
    return checking.tried('ceph', subject,
                          lambda: _answer(ceph_site, conf, flag, user))


def _answer(ceph_site: ceph_backends.ClusterConf, conf: str,
            flag: Optional[str], user: Optional[str]) -> str:
    """Query the monmap, which only a cluster with a quorum returns."""
    dump = mon_dump.parse(ceph.mon_dump(conf, flag, user))
    stated = ceph_conf.load(ceph_site.path, ceph_site.cluster_name,
                            user).fsid
    if stated not in (None, dump.fsid):
        raise exceptions.ConfigError(
            f'{ceph_site.path} has the fsid {stated}, but the cluster that '
            f'answers has {dump.fsid}.', 'Correct the fsid or the mon_host '
            'in that file: one of them belongs to another cluster.')
    return (f'The cluster has a quorum, {len(dump.monmap.monitors)} monitors '
            f'and the fsid {dump.fsid}.')


def _learn(context: contexts.Context) -> str:
    return f'{len(context.clusters)} clusters'


def _fingerprint(context: contexts.Context, cluster: Cluster) -> str:
    folder = context.conf.journal_dir
    known = known_clusters.load(folder)
    for swap in cluster_identity.swaps(context.clusters, known):
        if swap.cluster == cluster.name:
            raise exceptions.Refused(
                f'A backend of this cluster used fsid {swap.before} in '
                f'earlier runs, but now uses {swap.now}.',
                'refresh would refuse to run. Check ceph.conf; the earlier '
                f'fsid is recorded in {known_clusters.path(folder)}.')
    if any(cluster_identity.identity(backend) in known
           for backend in cluster.backends):
        return ('This is the same cluster as in earlier runs: '
                f'{cluster.fsid}.')
    return 'No run has recorded this cluster yet; refresh will.'


def _monitors(context: contexts.Context, cluster: Cluster) -> Iterator[Check]:
    if not cluster.monmap.monitors:
        yield Check('ceph', f'monitors of {cluster.name}', Works.NO,
                    'The monitors are unknown, so disks would be left alone.',
                    'Correct ceph.conf, or name the cluster in a '
                    '--monitors-file.')
    answering = context.answering
    for monitor in cluster.monmap.monitors:
        subject = f'monitor {monitor.addr} of {cluster.name}'
        if answering is None:
            yield checking.not_asked('ceph', subject, '--offline is set.')
        elif answering & set(monitor.addrs):
            yield Check('ceph', subject, Works.YES, 'The monitor answers.')
        else:
            yield Check('ceph', subject, Works.NO,
                        'The monitor does not answer from here.',
                        'Check that the monitor is running and reachable '
                        'from this host.')
