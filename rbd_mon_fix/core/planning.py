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

"""Judge the copies in records, and plan changes for the wrong ones."""

from __future__ import annotations

import dataclasses
import functools
from typing import Iterable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix.core import config_evidence
from rbd_mon_fix.core import config_file
from rbd_mon_fix.core import impact
from rbd_mon_fix.core import ownership
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import device_of
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason

Names = Mapping[str, frozenset[str]]


@dataclasses.dataclass(frozen=True)
class Knowledge:
    """Everything that judging needs besides the records.

    :param instances: the servers of the records by UUID
    :param ownership: the clusters of disks
    :param names: the addresses of host names in documents
    :param unmanaged: True to change guests that Nova does not know, too
    :param moving: volumes that Cinder is moving, each with the kind of move;
        Cinder is about to replace their attachments
    :param stores: the stores in which each server has a record, by UUID
    :param nova: the version of the nova-compute service of each host
    :param answering: the right endpoints that answer; None if none was asked
    """

    instances: Mapping[str, Instance]
    ownership: ownership.Ownership
    names: Names
    unmanaged: bool = False
    moving: Mapping[str, str] = dataclasses.field(default_factory=dict)
    stores: Mapping[str, frozenset[str]] = dataclasses.field(
        default_factory=dict)
    nova: Mapping[str, int] = dataclasses.field(default_factory=dict)
    answering: Optional[frozenset[MonAddr]] = None

    def state(self, disk: RbdDisk, cluster: Optional[Cluster]) -> State:
        """Compare the addresses of a disk with those of its cluster."""
        if cluster is None or not cluster.monmap.monitors:
            return State.UNKNOWN_CLUSTER
        key = disk.monitors, disk.ragged, cluster.name
        if key not in self._states:
            self._states[key] = compare(disk, cluster.monmap, self.names)
        return self._states[key]

    @functools.cached_property
    def _states(self) -> dict[tuple[tuple[MonAddr, ...], bool, str], State]:
        # Thousands of disks have the same few lists of addresses.
        return {}


def plan(records: Iterable[Record], known: Knowledge) -> Plan:
    """Judge every copy, and plan changes that fix the wrong ones.

    Pure: the same records and knowledge give the same plan.
    """
    copies: list[Copy] = []
    changes: list[Change] = []
    for record in records:
        found = list(_judge(record, known))
        copies += found
        change = _change(record, found)
        if change is not None:
            changes.append(change)
    return Plan(tuple(copies), tuple(changes))


def judged(records: Iterable[Record], known: Knowledge) -> Plan:
    """Judge every copy; the plan has no changes, which take time to make."""
    return Plan(tuple(copy for record in records
                      for copy in _judge(record, known)), ())


def _judge(record: Record, known: Knowledge) -> Iterator[Copy]:
    instance = known.instances[record.locator.instance]
    if record.document is None:
        yield Copy(record.locator, instance, None, record.disk, None, (),
                   State.UNREADABLE,
                   _skip(record, instance, State.UNREADABLE, known),
                   note=record.unreadable or '')
        return
    if config_file.holds(record) and not config_file.can_be_judged(
            known.ownership):
        return
    for disk in record.document.disks:
        yield judge(record, disk, instance, known)
    for bad in record.document.unreadable:
        shown = RbdDisk(bad.key, bad.image, None, None, (), '')
        yield Copy(record.locator, instance, shown, bad.key, None, (),
                   State.UNREADABLE,
                   _skip(record, instance, State.UNREADABLE, known),
                   note=bad.reason)


def judge(record: Record, disk: RbdDisk, instance: Instance,
          known: Knowledge) -> Copy:
    """Judge one disk of a record."""
    cluster, evidence, state = _compared(record, disk, known)
    skip = _skip(record, instance, state, known)
    moving = known.moving.get(config_evidence.volume_of(record, disk) or '')
    if moving and state is not State.CURRENT and skip is None:
        skip = SkipReason.BUSY
    # A server never starts from a copy left behind on another host.
    fails = () if skip is SkipReason.OTHER_HOST else breaks(
        record, disk, instance, known, state, cluster)
    return Copy(
        record.locator, instance, disk, record.disk or device_of(disk.key),
        cluster.name if cluster else None,
        cluster.monmap.addrs if cluster else (), state, skip, fails,
        _note(moving if skip else None, cluster, evidence, record, state),
        evidence, live=_live(record, disk))


def _live(record: Record, disk: RbdDisk) -> Optional[tuple[MonAddr, ...]]:
    return next((live.monitors for live in
                 (record.live.disks if record.live else ())
                 if (live.key, live.image) == (disk.key, disk.image)), None)


def _compared(record: Record, disk: RbdDisk, known: Knowledge
              ) -> tuple[Optional[Cluster], Evidence, State]:
    """Return a disk's cluster and why, and how its addresses compare."""
    if config_file.holds(record):
        cluster, evidence = config_file.cluster_of(record, disk,
                                                   known.ownership)
        return cluster, evidence, config_file.state(record, disk, cluster,
                                                    known.ownership)
    cluster, evidence = known.ownership.of(record, disk)
    return cluster, evidence, known.state(disk, cluster)


def breaks(record: Record, disk: RbdDisk, instance: Instance,
           known: Knowledge, state: State, cluster: Optional[Cluster]
           ) -> tuple[Operation, ...]:
    """Return the operations that would fail because of a copy.

    :param state: how the addresses of the disk compare with the right ones
    """
    right = cluster.monmap if cluster else None
    if config_file.holds(record) and config_file.works(record, disk, cluster):
        return ()
    if not impact.leads_nowhere(state, disk, right, known.names,
                                known.answering):
        return ()
    return impact.breaks(record.locator.store, disk, impact.Server(
        instance, known.stores.get(instance.uuid, frozenset()),
        record.document is not None and any(
            each.is_root_of(instance.uuid) for each in record.document.disks),
        known.nova.get(record.locator.host)))


def _note(moving: Optional[str], cluster: Optional[Cluster],
          evidence: Evidence, record: Record, state: State) -> str:
    if moving:
        return f'Cinder is moving the volume ({moving}).'
    if config_file.holds(record) and state is not State.CURRENT:
        return (config_file.advice(record.path) if cluster
                else f'{record.path}: {evidence.detail}')
    return evidence.detail if cluster is None else ''


def compare(disk: RbdDisk, right: MonMap, names: Names) -> State:
    """Compare the addresses of a disk with the right addresses.

    :param names: the addresses of host names in documents
    """
    if right.is_current(disk.monitors) and not disk.ragged:
        return State.CURRENT
    if any(right.leads(addr, names) for addr in disk.monitors):
        return State.DRIFTED
    return State.STALE


def _skip(record: Record, instance: Instance, state: State,
          known: Knowledge) -> Optional[SkipReason]:
    """Return the most important reason to skip a copy, or None."""
    if state is State.CURRENT:
        return None
    if instance.managed and instance.host != record.locator.host:
        return SkipReason.OTHER_HOST
    if not instance.managed and not known.unmanaged:
        return SkipReason.UNMANAGED
    if record.skip is not None:
        return record.skip
    if state is State.UNKNOWN_CLUSTER:
        return SkipReason.UNKNOWN_CLUSTER
    if state is State.UNREADABLE:
        return SkipReason.UNREADABLE
    return SkipReason.BUSY if instance.busy else None


def _change(record: Record, copies: Sequence[Copy]) -> Optional[Change]:
    edits = tuple(_edit(record, copy) for copy in copies if copy.due)
    if not edits:
        return None
    assert record.document is not None
    document = record.document.edited(
        {edit.disk: edit.new_verbatim for edit in edits})
    return Change(record, document, edits, copies[0].instance.name)


def _edit(record: Record, copy: Copy) -> Edit:
    assert copy.disk and copy.cluster and record.document
    return Edit(copy.disk.key, copy.disk.image, copy.cluster,
                copy.disk.monitors, copy.desired, copy.disk.verbatim,
                record.document.spell(copy.disk, copy.desired),
                copy.disk.user, copy.disk.secret_uuid, str(copy.evidence))
