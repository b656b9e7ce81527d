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

"""The screen of ``monitors``: the clusters, uncertain ones first."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional, Sequence

from rbd_mon_fix.model import cluster as cluster_model
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

Answering = Optional[frozenset[MonAddr]]

_HEADS = {head: f'      {head:9}  '
          for head in ('monitors', 'former', 'stated', 'backends')}
_HANG = 17
# Rows of former monitors of a cluster, the latest first.
_FORMER = 5


def screen(clusters: Sequence[Cluster], answering: Answering,
           view: views.View, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the verdict, each cluster, and whether to go on.

    :param answering: the endpoints that answer; None if none was asked
    """
    doubtful = [each for each in clusters
                if cluster_model.doubt(each, answering)]
    claims = [each for each in doubtful
              if each.is_claim and each.monmap.monitors]
    lost = [each for each in doubtful if each not in claims]
    colour = style.BAD if lost else 'yellow' if claims else 'green'
    yield from sheet.prose(f'{_verdict(len(clusters), len(doubtful))}.',
                           colour)
    if not clusters:
        return
    for cluster in (*lost, *claims, *(
            each for each in clusters if each not in doubtful)):
        yield []
        yield from _cluster(cluster, answering, sheet)
    yield []
    if lost:
        yield from sheet.prose(
            'Do not go on before the monitors of '
            f'{sentences.number(len(lost), "cluster")} are known and '
            'answer.', colour)
        return
    if claims:
        yield from sheet.prose(
            'Go on only if you know that each list from ceph.conf or a file '
            'is right.', colour)
    yield sheets.command('Next' if claims else 'Go on',
                         view.command('status'))


def _verdict(clusters: int, uncertain: int) -> str:
    if not clusters:
        return 'The config names no cluster'
    if clusters == 1:
        return ('The monitors of the only cluster are '
                f'{"not certain" if uncertain else "certain"}')
    if not uncertain:
        return f'The monitors of all {clusters} clusters are certain'
    return (f'The monitors of {uncertain} of {clusters} clusters are not '
            'certain')


def _cluster(cluster: Cluster, answering: Answering,
             sheet: sheets.Sheet) -> Iterator[lines.Line]:
    why = cluster_model.doubt(cluster, answering)
    head, colour = '  ok  ', ''
    if why and cluster.is_claim and cluster.monmap.monitors:
        head, colour = '  ??  ', 'yellow'
    elif why:
        head, colour = '  NO  ', style.BAD
    fsid = f'  fsid {cluster.fsid}' if cluster.fsid else ''
    name = sheet.cut(cluster.name, sheet.width - 6 - layout.cells(fsid))
    yield [(head, colour), (name, 'bold'), (fsid, '')]
    if why:
        yield from sheet.prose(why, colour, ' ' * 6, 6)
    room = sheet.width - _HANG
    if cluster.monmap.monitors:
        addrs = sheet.addresses(cluster.monmap.addrs, room)
        # The origin of a claim is told as the reason for the doubt.
        origin = '' if cluster.is_claim else f'from {cluster.origin}; '
        yield from sheet.prose(
            f'{addrs} ({origin}{_answers(cluster, answering)})', '',
            _HEADS['monitors'], _HANG)
    yield from _former(cluster, sheet)
    names = [':'.join(filter(None, (backend.owner, backend.name)))
             for backend in cluster.backends]
    if names:
        yield from sheet.prose(', '.join(names), '', _HEADS['backends'],
                               _HANG)


def _answers(cluster: Cluster, answering: Answering) -> str:
    monitors = cluster.monmap.monitors
    if answering is None:
        return 'not asked'
    silent = [monitor for monitor in monitors
              if answering.isdisjoint(monitor.addrs)]
    if len(silent) == len(monitors):
        return 'none answers'
    if not silent:
        return 'the only one answers' if len(monitors) == 1 else (
            f'all {len(monitors)} answer')
    names = ', '.join(str(monitor.addr) for monitor in silent)
    verb = 'does' if len(silent) == 1 else 'do'
    return f'{names} {verb} not answer'


def _former(cluster: Cluster, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the former monitors, a row for each time at which some left."""
    groups: dict[tuple[object, ...], list[FormerMonitor]] = {}
    for each in cluster.former:
        groups.setdefault((each.last, each.until), []).append(each)
    for alike in list(groups.values())[:_FORMER]:
        yield from _row('former', [addr for each in alike
                                   for addr in each.addrs],
                        _when(alike), cluster, sheet)
    if len(groups) > _FORMER:
        yield from sheet.prose(
            f'and {len(groups) - _FORMER} earlier changes (-f csv lists '
            'all)', 'dim', ' ' * _HANG, _HANG)
    known = {addr for each in cluster.former for addr in each.addrs}
    stated = [addr for addr in cluster.stated if addr not in known]
    if stated:
        yield from _row('stated', stated, 'as the config states', cluster,
                        sheet)


def _when(alike: Sequence[FormerMonitor]) -> str:
    last, until = alike[0].last, alike[0].until[:10]
    words = []
    if last:
        words.append(f'epochs {min(each.first for each in alike)}-{last}')
    if until:
        words.append(f'until {until}')
    return ', '.join(words) or 'time unknown'


def _row(head: str, addrs: Sequence[MonAddr], when: str, cluster: Cluster,
         sheet: sheets.Sheet) -> Iterator[lines.Line]:
    by_port = sorted(addrs, key=lambda addr: addr.port or 0)
    shown = sheet.addresses(by_port, sheet.width - _HANG)
    answers, colour = _former_answers(addrs, cluster.greeted)
    yield from sheet.prose(f'{shown} ({when}; {answers})', colour,
                           _HEADS[head], _HANG)


def _former_answers(addrs: Iterable[MonAddr],
                    greeted: Answering) -> tuple[str, str]:
    """Return which former monitors answer, which they should not."""
    if greeted is None:
        return 'not asked', ''
    alive = [str(addr) for addr in addrs if addr in greeted]
    if not alive:
        return 'no answer', ''
    verb, those = (('answers', 'that address') if len(alive) == 1
                   else ('answer', 'these addresses'))
    return (f'{" ".join(alive)} still {verb}: disks with {those} are left '
            'alone', 'yellow')
