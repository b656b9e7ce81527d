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

"""Reasons to refuse a run as a whole, before anything is written."""

from __future__ import annotations

from typing import Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Plan


class Guard:
    """Collect the plans of a run one by one, and judge them as a whole.

    :param max_changes: the most documents a run may change; None for any
    """

    def __init__(self, max_changes: Optional[int]):
        self.changes = 0
        self._max_changes = max_changes
        self._touched: set[str] = set()
        self._shrunk: Optional[exceptions.Refused] = None

    def add(self, plan: Plan) -> None:
        """Count a plan."""
        self.changes += len(plan.changes)
        for change in plan.changes:
            for edit in change.edits:
                self._touched.add(edit.cluster)
                if self._shrunk is None and _shrinks(edit):
                    self._shrunk = _refuse_shrunk(change, edit)

    def check(self, clusters: Sequence[Cluster],
              answering: Optional[frozenset[MonAddr]],
              known: cluster_identity.Fsids, known_file: str) -> None:
        """Refuse plans that look like a mistake.

        :param answering: the right endpoints that answered; None if no
            endpoint was asked
        :param known: the fsid that each backend led to before
        :param known_file: the file with those fsids, for the message
        :raises Refused: with the reason, and a hint
        """
        self._check_size()
        if self._shrunk is not None:
            raise self._shrunk
        check_clusters(
            [cluster for cluster in clusters
             if cluster.name in self._touched],
            tuple(cluster_identity.swaps(clusters, known)), answering,
            known_file)

    def _check_size(self) -> None:
        if (self._max_changes is not None
                and self.changes > self._max_changes):
            raise exceptions.Refused(
                f'{self.changes} documents would be changed, more than '
                f'--max-changes {self._max_changes}.',
                'Look at them with --dry-run, then raise the limit.')


def check_clusters(touched: Sequence[Cluster],
                   swaps: Sequence[cluster_identity.Swap],
                   answering: Optional[frozenset[MonAddr]],
                   known_file: str) -> None:
    """Refuse clusters whose monitors look wrong, or do not answer.

    :param swaps: the backends that lead to another cluster than before
    :param answering: as for ``Guard.check``
    :param known_file: as for ``Guard.check``
    :raises Refused: with the reason, and a hint
    """
    for cluster in touched:
        _check_identity(cluster, swaps, known_file)
        if answering is not None:
            _check_answers(cluster, answering)


def _shrinks(edit: Edit) -> bool:
    return not edit.new or len(edit.new) == 1 < len(edit.old)


def _refuse_shrunk(change: Change, edit: Edit) -> exceptions.Refused:
    return exceptions.Refused(
        f'The monitor list of cluster {edit.cluster} has only '
        f'{len(edit.new)} monitor(s), but {edit.image} of server '
        f'{change.locator.instance} has {len(edit.old)}.',
        "Check the output of 'rbd-mon-fix monitors' and ceph.conf: a list "
        'that shrank to one monitor is usually a mistake.')


def _check_identity(cluster: Cluster, swaps: Sequence[cluster_identity.Swap],
                    known_file: str) -> None:
    for swap in swaps:
        if swap.cluster != cluster.name:
            continue
        backend = swap.backend
        name = ' '.join(filter(None, (backend.owner, backend.name)))
        raise exceptions.Refused(
            f'Backend {name} (pool {backend.pool or "any"}) used the cluster '
            f'with fsid {swap.before} in earlier runs, but now uses '
            f'{swap.now}.',
            'Check its ceph.conf: the monitors there may be those of '
            'another cluster. If the cluster really was replaced, remove '
            f"the backend's entry from {known_file}, or the whole file, and "
            'run this again.')


def _check_answers(cluster: Cluster, answering: frozenset[MonAddr]) -> None:
    if not any(addr in answering for monitor in cluster.monmap.monitors
               for addr in monitor.addrs):
        raise exceptions.Refused(
            f'None of the right monitors of cluster {cluster.name} answers: '
            f'{", ".join(map(str, cluster.monmap.addrs))}.',
            'Check the monitors and the network from this host. If this host '
            'cannot reach Ceph by design, use --offline to skip the check.')
