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

"""The moves of monitors: which lists were found, and which are right."""

from __future__ import annotations

import collections
import itertools
from typing import Counter, Iterator, Optional, Sequence

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.report import braces
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import style

_INDENT = 4

_Addrs = tuple[MonAddr, ...]
# The name of a cluster, and its right addresses.
_Goal = tuple[str, _Addrs]


class Moves:
    """Counts wrong copies by their cluster, and old and right addresses."""

    def __init__(self) -> None:
        self._clusters: Sequence[Cluster] = ()
        self._answering: Optional[frozenset[MonAddr]] = None
        self._found: dict[_Goal, Counter[_Addrs]] = collections.defaultdict(
            collections.Counter)
        self._servers: Counter[_Goal] = collections.Counter()
        self._restores = False

    def begin(self, clusters: Sequence[Cluster],
              answering: Optional[frozenset[MonAddr]]) -> None:
        """Remember the clusters.

        :param answering: the endpoints that answered; None if none was
            asked
        """
        self._clusters = clusters
        self._answering = answering

    def add(self, copies: Sequence[Copy]) -> None:
        """Count the wrong copies of one server."""
        goals = set()
        for copy in copies:
            self._restores = self._restores or copy.restore is not None
            if copy.cluster and copy.disk and copy.desired:
                goal = copy.cluster, copy.desired
                goals.add(goal)
                self._found[goal][copy.disk.monitors] += 1
        self._servers.update(goals)

    def drawn(self, width: int, most: int) -> Iterator[lines.Line]:
        """Yield the most frequent moves, or the monitors without a move.

        :param most: the number of clusters, and of lists of each
        """
        goals = sorted(self._found, key=lambda goal: -sum(
            self._found[goal].values()))
        for goal in goals[:most]:
            yield from self._moved(goal, width, most)
        left = goals[most:]
        if left:
            copies = sum(sum(self._found[goal].values()) for goal in left)
            yield [(f'  and {sentences.number(len(left), "other cluster")} '
                    f'with {sentences.copies(copies)} (-v)', '')]
        if not goals:
            yield from self._unmoved(width, most)

    def _moved(self, goal: _Goal, width: int,
               most: int) -> Iterator[lines.Line]:
        """Yield the lists that were found, and the right one."""
        name, right = goal
        found = self._found[goal]
        cluster = self._named(name)
        yield [(f'  {name}', 'bold'), (
            f': {sentences.copies(sum(found.values()))}, '
            f'{sentences.number(self._servers[goal], "server")}', '')]
        for old, count in found.most_common(most):
            words, shade = ('', '') if self._restores else whose(cluster, old)
            if len(found) > 1:
                words = '; '.join(filter(None, (
                    sentences.copies(count), words)))
            yield from _list('-', 'red', old, (words, shade), width)
        rest = len(found) - most
        if rest > 0:
            copies = sum(found.values()) - sum(
                count for _, count in found.most_common(most))
            yield [(f'    - {sentences.number(rest, "other list")} in '
                    f'{sentences.copies(copies)} (-v)', 'red')]
        yield from _list('+', 'green', right, whose(cluster, right)
                         if self._restores else self._trust(cluster), width)

    def _unmoved(self, width: int, most: int) -> Iterator[lines.Line]:
        for cluster in self._clusters[:most]:
            yield [(f'  {cluster.name}', 'bold')]
            yield from _list(' ', '', cluster.monmap.addrs,
                             self._trust(cluster), width)
        more = len(self._clusters) - most
        if more > 0:
            yield [(f'  and {sentences.number(more, "other cluster")}: '
                    'rbd-mon-fix monitors', '')]

    def _named(self, name: str) -> Optional[Cluster]:
        return next((each for each in self._clusters if each.name == name),
                    None)

    def _trust(self, cluster: Optional[Cluster]) -> lines.Span:
        """Return where the right monitors come from, and who answers."""
        if cluster is None:
            return '', ''
        if not cluster.monmap.monitors:
            return 'monitors unknown', 'yellow'
        answers, colour = _answers(cluster.monmap.monitors, self._answering)
        return f'from {cluster.origin}, {answers}', colour


def whose(cluster: Optional[Cluster], addrs: Sequence[MonAddr]) -> lines.Span:
    """Return whose the old addresses were, as the history tells it."""
    if cluster is None:
        return '', ''
    names: dict[str, list[str]] = {}
    for addr in addrs:
        former = next((each for each in cluster.former if not set(
            addr.endpoints).isdisjoint(each.addrs)), None)
        if former:
            names.setdefault(former.until[:10], []).append(former.name)
    told = [_former(known, until) for until, known in names.items()]
    if set(addrs) & set(cluster.stated):
        told.append('stated to be former monitors')
    return '; '.join(told), 'dim'


def _former(names: Sequence[str], until: str) -> str:
    known = list(dict.fromkeys(name for name in names if name))
    what = ('former monitors' if not known else f'mon.{known[0]}'
            if len(known) == 1 else f'mon.{{{",".join(known)}}}')
    return f'{what} until {until}' if until else what


def _answers(monitors: Sequence[Monitor],
             answering: Optional[frozenset[MonAddr]]) -> lines.Span:
    if answering is None:
        return 'not asked', 'dim'
    alive = sum(not answering.isdisjoint(monitor.addrs)
                for monitor in monitors)
    if not alive:
        return 'no answer', style.BAD
    if alive < len(monitors):
        return f'{alive} of {len(monitors)} answer', 'yellow'
    return 'all answer', 'dim'


def _list(sign: str, colour: str, addrs: Sequence[MonAddr],
          remark: lines.Span, width: int) -> Iterator[lines.Line]:
    """Yield a list of addresses and a remark, on one line if they fit."""
    told, shade = remark
    room = width - _INDENT - 2
    *shown, last = layout.wrapped(
        braces.addresses(addrs) or 'no address', room, len(addrs) or 1)
    beside = layout.cells(last) + 2 + layout.cells(told) <= room
    signs = itertools.chain([sign], itertools.repeat(' '))
    for line in shown:
        yield [(f'{" " * _INDENT}{next(signs)} {line}', colour)]
    yield [(f'{" " * _INDENT}{next(signs)} {last}', colour),
           (f'  {told}' if told and beside else '', shade)]
    if not beside:
        for line in layout.wrapped(told, room, 2):
            yield [(f'{" " * _INDENT}  {line}', shade)]
