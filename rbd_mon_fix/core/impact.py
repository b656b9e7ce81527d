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

"""Predict which operations fail because they read a stale copy."""

from __future__ import annotations

import dataclasses
import functools
from typing import Collection, Iterable, Mapping, NamedTuple, Optional

from rbd_mon_fix.core import readers
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import Record

Names = Mapping[str, frozenset[str]]


@dataclasses.dataclass(frozen=True)
class Server:
    """The properties of a server that decide what its operations read.

    :param stores: the stores in which it was found to have a record
    :param own_root: whether its root disk is Nova's own
    :param nova: the version of the nova-compute service on its host, as in
        nova/objects/service.py; None if it is not known
    """

    instance: Instance
    stores: frozenset[str] = frozenset()
    own_root: bool = False
    nova: Optional[int] = None

    def kind_of(self, disk: RbdDisk) -> readers.DiskKind:
        """Return the kind of one of the server's disks."""
        if not self.instance.managed:
            return readers.DiskKind.PLAIN
        return (readers.DiskKind.OWN if disk.is_own_of(self.instance.uuid)
                else readers.DiskKind.VOLUME)


def breaks(store: str, disk: RbdDisk,
           server: Server) -> tuple[Operation, ...]:
    """Return the operations that read a copy, and fail if it leads nowhere.

    If the state of the server is unknown, all operations are possible.

    :param store: name of the store of the copy
    :param disk: the disk of the copy
    """
    return _of_kind(_Kind(
        store, server.kind_of(disk), server.instance.vm_state,
        server.instance.task_state, server.stores, server.own_root,
        server.nova))


class _Kind(NamedTuple):
    """All that decides which operations read a copy."""

    store: str
    disk: readers.DiskKind
    vm_state: Optional[str]
    task_state: Optional[str]
    stores: frozenset[str]
    own_root: bool
    nova: Optional[int]


# Thousands of copies are of the same few kinds.
@functools.lru_cache(maxsize=1024)
def _of_kind(kind: _Kind) -> tuple[Operation, ...]:
    found = {row.operation for row in readers.ROWS if _applies(row, kind)}
    return tuple(each for each in Operation if each in found)


def _applies(row: readers.Reader, kind: _Kind) -> bool:
    """Return whether a copy has the properties that a row asks for."""
    return (row.store == kind.store and kind.disk in row.kinds
            and _is_possible(row, kind)
            and row.unless.isdisjoint(kind.stores)
            and (kind.own_root or not row.own_root)
            and _is_of_release(row, kind.nova))


def _is_possible(row: readers.Reader, kind: _Kind) -> bool:
    if kind.vm_state is None:
        return True
    return kind.vm_state in row.states and (
        not row.tasks or kind.task_state in row.tasks)


def _is_of_release(row: readers.Reader, nova: Optional[int]) -> bool:
    """Return whether a row holds for a version of nova-compute.

    If the version is unknown, the older rule holds.
    """
    if nova is None:
        return row.since is None
    return ((row.since is None or nova >= row.since)
            and (row.until is None or nova < row.until))


def leads_nowhere(state: State, disk: RbdDisk, right: Optional[MonMap],
                  names: Names, answering: Optional[Collection[MonAddr]]
                  ) -> bool:
    """Return whether no monitor can be reached with a disk's addresses.

    One living address among dead ones is enough for librados.

    :param right: the monitors of the disk's cluster
    :param answering: the right endpoints that answer; None if none was asked
    """
    if state is not State.DRIFTED or right is None or answering is None:
        return state is State.STALE
    return not any(endpoint in answering for addr in disk.monitors
                   for endpoint in right.led_to(addr, names))


def found_in(records: Iterable[Record], instances: Mapping[str, Instance]
             ) -> dict[str, frozenset[str]]:
    """Return the stores in which each server has a record on its host."""
    stores: dict[str, set[str]] = {}
    for record in records:
        where = record.locator
        if instances[where.instance].host == where.host:
            stores.setdefault(where.instance, set()).add(where.store)
    return {uuid: frozenset(names) for uuid, names in stores.items()}
