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

"""Find the monitors of clusters with ``ceph mon dump`` or a ceph.conf."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
from typing import Iterable, Iterator, Optional, Sequence, Union

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import backends as ceph_backends
from rbd_mon_fix.ceph import client as ceph
from rbd_mon_fix.ceph import conf as ceph_conf
from rbd_mon_fix.ceph import mon_dump
from rbd_mon_fix.clients import commands
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.cluster import Way
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.monmap import MonMap

_NOTHING = MonMap(())
_PREFERENCE = (Source.MON_DUMP, Source.CEPH_CONF, Source.NONE)


@dataclasses.dataclass(frozen=True)
class Discovery:
    """The monitors found with one or more ceph.confs of one cluster.

    :param error: why no monitors were found; None otherwise
    :param epoch: the monmap that the cluster returned; None without answer
    :param way: the ``ceph`` arguments that worked; None if none did
    :param written: when the ceph.conf was written, ISO 8601; '' for a list
        that the cluster returned
    :param remarks: warnings about these monitors, to be logged with the
        final name of the cluster
    """

    confs: tuple[ceph_backends.ClusterConf, ...]
    fsid: Optional[str]
    source: Source
    monmap: MonMap
    error: Optional[exceptions.RbdMonFixError] = None
    epoch: Optional[MonEpoch] = None
    way: Optional[Way] = None
    written: str = ''
    remarks: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the cluster's name in the config."""
        return self.confs[0].cluster_name

    @property
    def tag(self) -> str:
        """Return a word that distinguishes clusters of the same name."""
        return self.fsid[:8] if self.fsid else self.confs[0].tag


def from_cluster(conf: ceph_backends.ClusterConf,
                 running: commands.Running) -> Discovery:
    """Ask a cluster for its monitors; fall back to its ceph.conf.

    :param running: the commands that end together with these
    """
    stated = from_conf(conf)
    answer = _dump(conf, running)
    if isinstance(answer, exceptions.Unreachable):
        return stated if stated.error else dataclasses.replace(
            stated, remarks=(f'using the monitors in {conf.path}: {answer}',))
    dump, way = answer
    if stated.fsid not in (None, dump.fsid):
        return _nothing(conf, None, exceptions.ConfigError(
            f'{conf.path} has the fsid {stated.fsid}, but the cluster that '
            f'answers has {dump.fsid}.', 'Correct the fsid or the mon_host '
            'in that file: one of them belongs to another cluster.'))
    remarks = (('skipping monitors that have no address yet: '
                + ', '.join(dump.pending),) if dump.pending else ())
    return Discovery((conf,), dump.fsid, Source.MON_DUMP, dump.monmap,
                     epoch=dump.epoch, way=way, remarks=remarks)


def from_conf(conf: ceph_backends.ClusterConf) -> Discovery:
    """Read the monitors from ceph.conf."""
    fsid = None
    try:
        stated = ceph_conf.load(
            conf.path, conf.cluster_name, conf.sections[0].user)
        fsid = stated.fsid
        return Discovery((conf,), fsid, Source.CEPH_CONF, stated.monmap(),
                         written=_modified(conf.path))
    except exceptions.ConfigError as e:
        return _nothing(conf, fsid, e)


def _modified(path: str) -> str:
    """Return when a file was last written, ISO 8601; '' if it is gone."""
    try:
        seconds = os.stat(path).st_mtime
    except OSError:
        return ''
    return datetime.datetime.fromtimestamp(
        seconds, datetime.timezone.utc).isoformat(timespec='seconds')


def _dump(conf: ceph_backends.ClusterConf, running: commands.Running
          ) -> Union[tuple[mon_dump.MonDump, Way], exceptions.Unreachable]:
    """Run ``ceph mon dump`` as each section would, until one succeeds.

    :returns: the first failure if none succeeds
    """
    failures: list[exceptions.Unreachable] = []
    for way in _ways(conf):
        try:
            return mon_dump.parse(ceph.mon_dump(
                way.conf, way.flag, way.user, bypass=way.bypass,
                running=running)), way
        except exceptions.Unreachable as e:
            failures.append(e)
    return failures[0]


def _ways(conf: ceph_backends.ClusterConf) -> Iterator[Way]:
    """Yield the ways of the sections, then those around an override.

    An override whose monitors are all gone hides the monitors of ``mon_host``
    (MonMap::build_initial in src/mon/MonMap.cc), and only the cluster can
    tell by which to replace it.
    """
    ways = dict.fromkeys(Way(section.conf, section.flag, section.user)
                         for section in conf.sections)
    yield from ways
    for way in ways:
        with contextlib.suppress(exceptions.ConfigError):
            if ceph_conf.load(conf.path, conf.cluster_name,
                              way.user).has_override:
                yield dataclasses.replace(way, bypass=True)


def _nothing(conf: ceph_backends.ClusterConf, fsid: Optional[str],
             error: exceptions.RbdMonFixError) -> Discovery:
    return Discovery((conf,), fsid, Source.NONE, _NOTHING, error)


def merged(discoveries: Iterable[Discovery]) -> list[Discovery]:
    """Merge discoveries by fsid; prefer the cluster's own answer."""
    groups: dict[object, list[Discovery]] = {}
    for found in discoveries:
        key = found.fsid or found.confs
        groups.setdefault(key, []).append(found)
    return [_united(group) for group in groups.values()]


def _united(group: Sequence[Discovery]) -> Discovery:
    best = min(group, key=lambda each: _PREFERENCE.index(each.source))
    others = [other.confs[0].path for other in group
              if other.source is best.source is Source.CEPH_CONF
              and not best.monmap.is_current(other.monmap.addrs)]
    remarks = ((f'using the monitors in {best.confs[0].path}, not the '
                f'different ones in {", ".join(others)}',) if others else ())
    return dataclasses.replace(
        best, remarks=(*best.remarks, *remarks),
        confs=tuple(conf for found in group for conf in found.confs))


def unasked(conf: ceph_backends.ClusterConf) -> Discovery:
    """Read only the fsid from ceph.conf, and leave the monitors out."""
    try:
        fsid = ceph_conf.load(conf.path, conf.cluster_name,
                              conf.sections[0].user).fsid
    except exceptions.ConfigError as error:
        return _nothing(conf, None, error)
    return Discovery((conf,), fsid, Source.NONE, _NOTHING)
