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

"""Plan the rollback of a run."""

from __future__ import annotations

from typing import Iterable, Iterator, Mapping, Optional

from rbd_mon_fix.core import planning
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.run import Entry


def is_made(entry: Entry) -> bool:
    """Return whether a run made a change, or may have made it.

    For a change that may have been made, ``plan`` compares the document.
    """
    return entry.verdict in (Verdict.FIXED, Verdict.UNVERIFIED)


def plan(entries: Iterable[Entry],
         records: Mapping[Locator, Optional[Record]],
         instances: Mapping[str, Instance]) -> Plan:
    """Plan the inverse of the changes that a run made.

    A disk is rolled back only if it still has the monitors that the run
    wrote; later changes elsewhere in the document stay. A disk with other
    monitors than those before or after the run is left alone.

    :param records: the current record of each locator; None if it is gone
    :param instances: the servers by UUID
    """
    copies: list[Copy] = []
    changes: list[Change] = []
    for entry in entries:
        if not is_made(entry):
            continue
        record = records[entry.locator]
        edits = [edit.inverse() for edit in entry.edits]
        judged = list(_judge(entry.locator, record, edits,
                             instances[entry.locator.instance]))
        copies += judged
        changes += _change(record, edits, judged)
    return Plan(tuple(copies), tuple(changes))


def _judge(locator: Locator, record: Optional[Record], edits: list[Edit],
           instance: Instance) -> Iterator[Copy]:
    for edit in edits:
        disk = _disk(record, edit)
        state, skip = _state(disk, edit, record, instance, locator)
        device = ((record.disk if record else None)
                  or planning.device_of(edit.disk))
        yield Copy(locator, instance, disk, device, edit.cluster, edit.new,
                   state, skip)


def _state(disk: Optional[RbdDisk], edit: Edit, record: Optional[Record],
           instance: Instance, locator: Locator
           ) -> tuple[State, Optional[SkipReason]]:
    if disk is None:
        return State.UNREADABLE, _why_no_disk(record, edit)
    if disk.verbatim == edit.new_verbatim:
        return State.CURRENT, None
    target = MonMap(tuple(Monitor('', addr, (addr,)) for addr in edit.new))
    state = planning.compare(disk, target, {})
    state = State.DRIFTED if state is State.CURRENT else state
    if disk.monitors != edit.old:
        return state, SkipReason.CHANGED
    if instance.host != locator.host:
        return state, SkipReason.OTHER_HOST
    if record is not None and record.skip is not None:
        return state, record.skip
    return state, SkipReason.BUSY if instance.busy else None


def _why_no_disk(record: Optional[Record], edit: Edit) -> SkipReason:
    """Return whether a missing disk is gone or cannot be read."""
    if record is None:
        return SkipReason.GONE
    document = record.document
    if document is None or edit.disk in {
            bad.key for bad in document.unreadable}:
        return SkipReason.UNREADABLE
    return SkipReason.GONE


def _change(record: Optional[Record], edits: list[Edit],
            copies: list[Copy]) -> Iterator[Change]:
    todo = tuple(edit for edit, copy in zip(edits, copies)
                 if copy.wrong and copy.skip is None)
    if todo and record is not None and record.document is not None:
        yield Change(record, record.document.edited(
            {edit.disk: edit.new_verbatim for edit in todo}), todo)


def _disk(record: Optional[Record], edit: Edit) -> Optional[RbdDisk]:
    if record is None or record.document is None:
        return None
    for disk in record.document.disks:
        if (disk.key, disk.image) == (edit.disk, edit.image):
            return disk
    return None
