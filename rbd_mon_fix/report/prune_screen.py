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

"""The screen of ``journal prune``: the runs that were kept, and why."""

from __future__ import annotations

from typing import Iterator, Sequence

from rbd_mon_fix.model.run import Pruned
from rbd_mon_fix.report import groups
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets


def screen(pruned: Sequence[Pruned],
           sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the number of runs removed, and those kept by the reason.

    :param pruned: the runs that are older than those to keep
    """
    if not pruned:
        yield from sheet.prose('No run is older than those to keep.')
        return
    kept: dict[str, list[str]] = {}
    for each in pruned:
        if each.kept:
            kept.setdefault(each.kept, []).append(each.run.id)
    count = sum(map(len, kept.values()))
    removed = sentences.number(len(pruned) - count, 'run')
    yield from sheet.prose(f'{removed} removed, {count} kept.')
    yield from groups.show([groups.Cause(
        f'{len(runs)} kept: {reason}', 'yellow', [],
        [[(run, '')] for run in runs], 'run')
        for reason, runs in kept.items()], (), sheet)
