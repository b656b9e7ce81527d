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

"""Comparison of the plans of a run with a saved plan."""

from __future__ import annotations

from typing import Container, Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import digest as digests
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.saved_plan import PlannedChange
from rbd_mon_fix.model.saved_plan import PlannedCluster
from rbd_mon_fix.model.saved_plan import SavedPlan

# A refusal names so many differences, and counts the others.
NAMED = 3


class Comparison:
    """Finds everything that is not as a saved plan says.

    All copies of a server are in the same plan.
    """

    def __init__(self, saved: SavedPlan):
        self._saved = saved
        self._changes = {change.locator: change for change in saved.changes}
        self._missing = set(self._changes)
        self._differences: list[str] = []
        self._count = 0

    def add(self, plan: Plan) -> None:
        """Compare the next plan of the run."""
        found = {change.locator for change in plan.changes}
        self._missing -= found
        for words in self.unplanned(plan.changes):
            self._note(words)
        for copy in plan.copies:
            if copy.locator in self._missing:
                self._note_missing(self._changes[copy.locator], copy)

    def unplanned(self, changes: Sequence[Change]) -> Iterator[str]:
        """Tell which changes are not exactly in the saved plan."""
        for change in map(digests.planned, changes):
            planned = self._changes.get(change.locator)
            if planned is None:
                yield (f'{_place(change)} is to be changed too, but is not '
                       'in the plan')
            elif planned.before != change.before:
                yield f'{_place(change)} has changed since'
            elif planned.after != change.after:
                yield f'{_place(change)} would get other addresses'

    def check(self, clusters: Sequence[Cluster],
              lost: Container[str]) -> None:
        """Refuse a run whose plans, all together, are not the saved one.

        :param clusters: the clusters of today
        :param lost: the hosts that could not be scanned
        :raises Refused: with the first differences
        """
        moved = [words for cluster in self._saved.clusters
                 for words in _moved(cluster, clusters)]
        gone = [change for change in self._saved.changes
                if change.locator in self._missing]
        told = [*moved, *self._differences, *(
            f'{_place(change)} {_why_gone(change, lost)}'
            for change in gone[:NAMED])][:NAMED]
        more = len(moved) + self._count + len(gone) - len(told)
        if told:
            raise exceptions.Refused(
                f'The plan {self._saved.digest} no longer holds: '
                f'{"; ".join(told)}{f"; and {more} more" if more else ""}.',
                'Nothing was changed. Make a new plan with "rbd-mon-fix '
                'refresh --dry-run --save-plan FILE", and look at it.')

    def _note_missing(self, change: PlannedChange, copy: Copy) -> None:
        """Tell why a change is no longer made, if this copy tells it."""
        if copy.device in {edit.disk for edit in change.edits}:
            self._missing.remove(change.locator)
            self._note(f'{_place(change)} {_why_not(copy)}')

    def _note(self, words: str) -> None:
        self._count += 1
        if len(self._differences) < NAMED:
            self._differences.append(words)


def _place(change: PlannedChange) -> str:
    where = change.locator
    disks = ', '.join(edit.disk or edit.image for edit in change.edits)
    return (f'{where.store} {disks} of server {where.instance} on '
            f'{where.host}')


def _why_not(copy: Copy) -> str:
    if copy.skip is not None:
        return f'is left alone now ({copy.skip.value})'
    # A wrong copy that is not left alone would be changed.
    return 'is right already'


def _why_gone(change: PlannedChange, lost: Container[str]) -> str:
    return ('was not reached' if change.locator.host in lost
            else 'no longer exists')


def _moved(planned: PlannedCluster, clusters: Sequence[Cluster]
           ) -> Iterator[str]:
    found: Optional[Cluster] = next(
        (each for each in clusters if each.name == planned.name), None)
    if found is None:
        yield f'no config leads to cluster {planned.name} now'
    elif found.fsid != planned.fsid:
        yield (f'cluster {planned.name} had fsid {planned.fsid}, and now has '
               f'{found.fsid}')
    elif found.monmap.addrs != planned.monitors:
        yield (f'the right monitors of cluster {planned.name} were '
               f'{_listed(planned.monitors)}, and now are '
               f'{_listed(found.monmap.addrs)}')


def _listed(addrs: Sequence[MonAddr]) -> str:
    return ', '.join(map(str, addrs)) or 'unknown'
