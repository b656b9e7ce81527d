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

"""Runs and their changes, as read from the journal."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import Mapping, Optional

from rbd_mon_fix.model import disk
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator

# The command of a run that rescued a guest. It changes no document, so the
# fingerprints of its only entry are the same.
RESCUE = 'rescue'


class Condition(str, enum.Enum):
    """How much of a run its journal file tells."""

    WHOLE = 'whole'
    # Some lines cannot be read; the others can be relied on.
    DAMAGED = 'damaged'
    # The file has a newer format, so nothing of it is read.
    NEWER = 'newer version'


@dataclasses.dataclass(frozen=True)
class Entry:
    """One change of a run, and its outcome.

    :param verdict: None if the run was cut off before the verdict
    :param number: the number of the change in the journal
    :param name: the name of the server; '' if the journal lacks it
    :param device: the device, if the document itself names none
    """

    locator: Locator
    edits: tuple[Edit, ...]
    old_hash: str
    new_hash: str
    verdict: Optional[Verdict]
    reason: str
    number: int = 0
    name: str = ''
    device: Optional[str] = None

    def device_of(self, edit: Edit) -> Optional[str]:
        """Return the device of a disk, as other reports name it."""
        return self.device or disk.device_of(edit.disk)


@dataclasses.dataclass(frozen=True)
class RunSummary:
    """One run as recorded in the journal, with its changes counted only.

    :param started: UTC, ISO 8601
    :param undoes: the run that this one rolled back
    :param outcomes: number of changes by outcome; None if it is not known
    :param finished: False if the run was cut off
    :param replaced: the addresses that the run was to replace, by the fsid
        of the cluster
    """

    id: str
    command: str
    hosts: tuple[str, ...]
    started: str
    undoes: Optional[str]
    outcomes: Mapping[Optional[Verdict], int]
    finished: bool
    condition: Condition = Condition.WHOLE
    replaced: Mapping[str, frozenset[MonAddr]] = dataclasses.field(
        default_factory=dict)

    @property
    def changes(self) -> int:
        """Return the number of changes."""
        return sum(self.outcomes.values())


@dataclasses.dataclass(frozen=True)
class Pruned:
    """An old run whose file was removed, or was kept for a reason.

    :param kept: the reason; None if the file was removed
    """

    run: RunSummary
    kept: Optional[str]


@dataclasses.dataclass(frozen=True)
class Run:
    """One run as recorded in the journal.

    :param started: UTC, ISO 8601
    :param undoes: the run that this one rolled back
    :param finished: False if the run was cut off
    :param locked: servers that the run locked and did not unlock
    """

    id: str
    command: str
    hosts: tuple[str, ...]
    started: str
    undoes: Optional[str]
    entries: tuple[Entry, ...]
    finished: bool
    locked: frozenset[str]
    condition: Condition = Condition.WHOLE
    fsids: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def summary(self) -> RunSummary:
        """Return the run with its changes counted."""
        return RunSummary(
            self.id, self.command, self.hosts, self.started, self.undoes,
            collections.Counter(entry.verdict for entry in self.entries),
            self.finished, self.condition, self.replaced)

    @property
    def replaced(self) -> dict[str, frozenset[MonAddr]]:
        """Return the addresses to replace, by the fsid of the cluster."""
        found: dict[str, frozenset[MonAddr]] = {}
        for entry in self.entries:
            for edit in entry.edits:
                fsid = self.fsids.get(edit.cluster)
                if fsid:
                    found[fsid] = found.get(fsid, frozenset()).union(edit.old)
        return found

    @property
    def unsettled(self) -> tuple[Entry, ...]:
        """Return the changes without a known outcome."""
        return tuple(entry for entry in self.entries
                     if entry.verdict is None)
