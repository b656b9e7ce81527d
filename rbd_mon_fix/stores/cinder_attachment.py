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

"""Cinder's database: ``volume_attachment.connection_info``.

API users read the column, and so does Nova when it refreshes an attachment.
Rows are only updated, never added: at the next reboot, Nova deletes an
attachment that it does not know (nova/compute/manager.py, from 28 on).
"""

from __future__ import annotations

import functools
from typing import Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import cinder
from rbd_mon_fix.clients.database import swapping
from rbd_mon_fix.documents import connection_info
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record


class CinderAttachmentStore:
    """The store ``cinder-attachment``."""

    name = 'cinder-attachment'
    guards_busy = True

    def __init__(self, database: cinder.Cinder):
        self._cinder = database

    def scan(self, scope: Scope) -> Iterator[Record]:
        """Yield a record for each rbd attachment of the scope's servers.

        Records of Nova's block device mappings name the attachments; for a
        mapping without an attachment id, volume and server identify the
        row. Without such records, every attachment of the servers is read.
        """
        for row, instance in self._rows(scope):
            record = self._record(scope.host, instance, row)
            if record is not None:
                yield record

    def get(self, locator: Locator) -> Record:
        """Read one row again."""
        rows = self._cinder.attachments(ids=[locator.key])
        if not rows:
            raise exceptions.Gone('The attachment was deleted.')
        record = self._record(locator.host, locator.instance, rows[0])
        if record is None:
            raise exceptions.Gone(
                'The attachment no longer describes an RBD volume.')
        return record

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        """Write rows that have not changed, in one transaction."""
        swapped = self._cinder.swap([
            (_row(change), change.document.text) for change in changes])
        return list(map(_outcome, changes, swapped))

    def _rows(self, scope: Scope
              ) -> Iterator[tuple[cinder.VolumeAttachment, str]]:
        if scope.before is None:
            for row in self._cinder.attachments(instances=scope.instances):
                yield row, str(row.instance)
            return
        mapped = [record for record in scope.before if record.volume_id]
        ids = {record.attachment: record.locator.instance
               for record in mapped if record.attachment}
        old = {(record.volume_id, record.locator.instance)
               for record in mapped if not record.attachment}
        rows = self._cinder.attachments(
            ids=ids, instances={instance for _, instance in old})
        for row in rows:
            if row.id in ids:
                yield row, ids[row.id]
            elif row.instance and (row.volume_id, row.instance) in old:
                yield row, row.instance

    def _record(self, host: str, instance: str,
                row: cinder.VolumeAttachment) -> Optional[Record]:
        record = functools.partial(
            Record, Locator(self.name, host, instance, row.id),
            attachment=row.id, volume_id=row.volume_id)
        try:
            document = connection_info.ConnectionInfo.parse(
                row.connection_info)
        except exceptions.Unreadable as error:
            return record(None, unreadable=error.message)
        return None if document is None else record(document)


def _row(change: Change) -> cinder.VolumeAttachment:
    record = change.record
    assert record.document is not None and record.volume_id is not None
    return cinder.VolumeAttachment(record.locator.key, record.volume_id,
                                   None, record.document.text)


def _outcome(change: Change, swapped: swapping.Swapped[
        cinder.VolumeAttachment]) -> Outcome:
    if not swapped.written:
        return Outcome(change.locator, Verdict.CONFLICT, swapped.fate.value)
    after = swapped.after
    if after is None or after.connection_info != change.document.text:
        return Outcome(change.locator, Verdict.UNVERIFIED,
                       'the stored text differs from the text that was '
                       'written')
    return Outcome(change.locator, Verdict.FIXED)
