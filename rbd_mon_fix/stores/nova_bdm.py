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

"""Nova's cell database: ``block_device_mapping.connection_info``.

Operations that rebuild a server's XML (start, hard reboot, boot of the
host) use the column unchanged (nova/virt/block_device.py).
"""

from __future__ import annotations

import functools
import re
from typing import Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.clients.database import swapping
from rbd_mon_fix.documents import connection_info
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record


class NovaBdmStore:
    """The store ``nova-bdm``."""

    name = 'nova-bdm'
    guards_busy = True

    def __init__(self, cell: nova.Cell):
        self._cell = cell

    def scan(self, scope: Scope) -> Iterator[Record]:
        """Yield a record for each rbd volume of the servers in the scope."""
        if not scope.instances:
            return
        for row in self._cell.block_devices(scope.host, min(scope.instances),
                                            max(scope.instances)):
            if row.instance in scope.instances:
                record = self._record(scope.host, row)
                if record is not None:
                    yield record

    def get(self, locator: Locator) -> Record:
        """Read one row again."""
        row = self._cell.block_device(_row_id(locator.key))
        if row is None or row.instance != locator.instance:
            raise exceptions.Gone('The row was deleted.')
        record = self._record(locator.host, row)
        if record is None:
            raise exceptions.Gone('The row no longer describes an RBD volume.')
        return record

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Write rows that have not changed, in one transaction."""
        swapped = self._cell.swap([_swap(change) for change in changes])
        return list(map(_outcome, changes, swapped))

    def _record(self, host: str,
                row: nova.BlockDeviceMapping) -> Optional[Record]:
        record = functools.partial(
            Record, Locator(self.name, host, row.instance, str(row.id)),
            attachment=row.attachment_id, volume_id=row.volume_id,
            disk=_disk(row.device_name))
        try:
            document = connection_info.ConnectionInfo.parse(
                row.connection_info)
        except exceptions.Unreadable as error:
            return record(None, unreadable=error.message)
        return None if document is None else record(document)


def _row_id(key: str) -> int:
    """Return a row id; journals of old runs have no checksums."""
    if not re.fullmatch('[0-9]{1,18}', key):
        raise exceptions.Gone('There is no such row.')
    return int(key)


def _swap(change: Change) -> nova.CompareAndSwap:
    record = change.record
    assert record.document is not None
    row = nova.BlockDeviceMapping(
        int(record.locator.key), record.locator.instance, record.volume_id,
        record.attachment, None, record.document.text)
    return nova.CompareAndSwap(row, record.locator.host, change.document.text)


def _outcome(change: Change, swapped: swapping.Swapped[
        nova.BlockDeviceMapping]) -> Outcome:
    if not swapped.written:
        return Outcome(change.locator, Verdict.CONFLICT, swapped.fate.value)
    after = swapped.after
    if after is None or after.connection_info != change.document.text:
        return Outcome(change.locator, Verdict.UNVERIFIED,
                       'the stored text differs from the text that was '
                       'written')
    return Outcome(change.locator, Verdict.FIXED)


def _disk(device_name: Optional[str]) -> Optional[str]:
    return device_name.rpartition('/')[2] if device_name else None
