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

import dataclasses
from typing import Iterable, Iterator, Mapping, Optional

from rbd_mon_fix.core import planning
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import device_of
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Operation
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
         instances: Mapping[str, Instance],
         known: Optional[planning.Knowledge] = None) -> Plan:
    """Plan the inverse of the changes that a run made.

    A disk is rolled back only if it still has the monitors that the run
    wrote; later changes elsewhere in the document stay. A disk with other
    monitors than those before or after the run is left alone. The copies are
    judged as they are today, which decides nothing.

    :param records: the current record of each locator; None if it is gone
    :param instances: the servers by UUID
    :param known: None if the clusters are unknown
    """
    copies: list[Copy] = []
    changes: list[Change] = []
    for entry in entries:
        if not is_made(entry):
            continue
        record = records[entry.locator]
        edits = [edit.inverse() for edit in entry.edits]
        judged = [_judge(entry.locator, record, edit,
                         instances[entry.locator.instance], known)
                  for edit in edits]
        copies += judged
        changes += _change(record, edits, judged)
    return Plan(tuple(copies), tuple(changes))


def _judge(locator: Locator, record: Optional[Record], edit: Edit,
           instance: Instance, known: Optional[planning.Knowledge]) -> Copy:
    disk = _disk(record, edit)
    if record is None or disk is None:
        return Copy(
            locator, instance, None,
            record.disk if record and record.disk
            else device_of(edit.disk),
            edit.cluster, edit.new, State.UNREADABLE,
            _why_no_disk(record, edit), restore=True)
    restore = disk.verbatim != edit.new_verbatim
    return dataclasses.replace(
        _today(record, disk, instance, known), cluster=edit.cluster,
        desired=edit.new, restore=restore,
        skip=_skip(record, disk, edit, instance) if restore else None,
        breaks_after=_breaks_after(record, disk, edit, instance, known))


def _today(record: Record, disk: RbdDisk, instance: Instance,
           known: Optional[planning.Knowledge]) -> Copy:
    """Return the copy as it is; without clusters, nothing tells its state."""
    if known is not None:
        return planning.judge(record, disk, instance, known)
    return Copy(record.locator, instance, disk,
                record.disk or device_of(disk.key), None, (),
                State.UNKNOWN_CLUSTER)


def _breaks_after(record: Record, disk: RbdDisk, edit: Edit,
                  instance: Instance, known: Optional[planning.Knowledge]
                  ) -> tuple[Operation, ...]:
    """Return the operations that would fail with the addresses before."""
    if known is None:
        return ()
    cluster, _ = known.ownership.of(record, disk)
    if cluster is None or not cluster.monmap.monitors:
        return ()
    then = dataclasses.replace(disk, monitors=edit.new)
    return planning.breaks(
        record, then, instance, known,
        planning.compare(then, cluster.monmap, known.names), cluster)


def _skip(record: Record, disk: RbdDisk, edit: Edit,
          instance: Instance) -> Optional[SkipReason]:
    if disk.monitors != edit.old:
        return SkipReason.CHANGED
    if instance.host != record.locator.host:
        return SkipReason.OTHER_HOST
    if record.skip is not None:
        return record.skip
    return SkipReason.BUSY if instance.busy else None


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
    todo = tuple(edit for edit, copy in zip(edits, copies) if copy.due)
    if todo and record is not None and record.document is not None:
        yield Change(record, record.document.edited(
            {edit.disk: edit.new_verbatim for edit in todo}), todo,
            copies[0].instance.name)


def _disk(record: Optional[Record], edit: Edit) -> Optional[RbdDisk]:
    if record is None or record.document is None:
        return None
    for disk in record.document.disks:
        if (disk.key, disk.image) == (edit.disk, edit.image):
            return disk
    return None
