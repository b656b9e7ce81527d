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

"""Reasons to refuse a plan as a whole, before anything is written."""

from __future__ import annotations

from typing import Iterable, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Plan


def check(plan: Plan, clusters: Iterable[Cluster],
          answering: Optional[frozenset[MonAddr]],
          max_changes: Optional[int], known: cluster_identity.Fsids,
          known_file: str) -> None:
    """Refuse a plan that smells of a mistake.

    :param answering: the right endpoints that answered; None where none
        was asked
    :param max_changes: documents that may be changed at most
    :param known: the fsid that each backend led to before
    :param known_file: where that is kept, for the operator
    :raises Refused: with the reason, and what to do
    """
    check_size(plan, max_changes)
    _check_maps(plan)
    touched = {edit.cluster for change in plan.changes
               for edit in change.edits}
    for cluster in clusters:
        if cluster.name not in touched:
            continue
        _check_fingerprint(cluster, known, known_file)
        if answering is not None:
            _check_answers(cluster, answering)


def check_size(plan: Plan, max_changes: Optional[int]) -> None:
    """Refuse more changes than the operator expects.

    :raises Refused: there are more
    """
    if max_changes is not None and len(plan.changes) > max_changes:
        raise exceptions.Refused(
            f'{len(plan.changes)} documents would be changed, more than '
            f'--max-changes {max_changes}.',
            'Look at them with --dry-run, then raise the limit.')


def _check_maps(plan: Plan) -> None:
    for change in plan.changes:
        for edit in change.edits:
            if not edit.new or len(edit.new) == 1 < len(edit.old):
                raise exceptions.Refused(
                    f'Cluster {edit.cluster} would have {len(edit.new)} '
                    f'monitor(s), while {edit.image} of server '
                    f'{change.locator.instance} names {len(edit.old)}.',
                    "Check 'rbd-mon-fix monitors' and the ceph.conf: a map "
                    'that shrank to one monitor is mostly a mistake.')


def _check_fingerprint(cluster: Cluster, known: cluster_identity.Fsids,
                       known_file: str) -> None:
    for swap in cluster_identity.swaps([cluster], known):
        backend = swap.backend
        name = ' '.join(filter(None, (backend.owner, backend.name)))
        raise exceptions.Refused(
            f'Backend {name} (pool {backend.pool or "any"}) led to the '
            f'cluster with fsid {swap.before}, and leads to {swap.now} now.',
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
            'Check them and the network from here; --offline does not ask, '
            'for hosts that cannot reach Ceph.')
