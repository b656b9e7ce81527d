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

"""``monitors``: the clusters that the config names."""

from __future__ import annotations

import functools
from typing import Any, Iterator, Optional, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.model import cluster as clusters
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import monitors_screen
from rbd_mon_fix.report import schema

COLUMNS = ('cluster', 'fsid', 'source', 'name', 'monitor', 'answers',
           'epochs', 'until', 'backends')


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    columns = consoles.columns(conf, COLUMNS)
    with engine.Context(conf) as context:
        found = engine.find_monitors(context)
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            monitors_screen.screen, found.clusters, found.answering,
            consoles.view(conf)))
    else:
        listing.write(
            conf.command.format, out, columns,
            [row for cluster in found.clusters for row in (
                *_rows(cluster, found.answering), *_former(cluster))],
            schema.document(clusters=[
                schema.cluster(cluster, found.answering)
                for cluster in found.clusters]))
    return exit_codes.of_look(
        any(clusters.doubt(cluster, found.answering)
            for cluster in found.clusters), None)


def _rows(cluster: Cluster, answering: Optional[frozenset[MonAddr]]
          ) -> Iterator[dict[str, Any]]:
    for monitor in cluster.monmap.monitors or (None,):
        yield _row(cluster, monitor.name if monitor else '',
                   str(monitor.addr) if monitor else None,
                   clusters.answers(monitor, answering))


def _former(cluster: Cluster) -> Iterator[dict[str, Any]]:
    for each in cluster.former:
        answers = (
            'not asked' if cluster.greeted is None
            else 'no' if cluster.greeted.isdisjoint(each.addrs) else 'yes')
        yield _row(cluster, each.name, ' '.join(map(str, each.addrs)),
                   answers, f'{each.first}-{each.last}' if each.last else None,
                   each.until or 'former')


def _row(cluster: Cluster, name: str, monitor: Optional[str], answers: str,
         epochs: Optional[str] = None, until: Optional[str] = None
         ) -> dict[str, Any]:
    return {'cluster': cluster.name, 'fsid': cluster.fsid,
            'source': cluster.source.value, 'name': name or None,
            'monitor': monitor, 'answers': answers, 'epochs': epochs,
            'until': until,
            'backends': [':'.join(filter(None, (backend.owner, backend.name)))
                         for backend in cluster.backends]}
