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

"""The digest of a plan: equal plans have equal digests."""

from __future__ import annotations

import hashlib
import json
from typing import Iterable

from rbd_mon_fix.model.disk import device_of
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.record import fingerprint
from rbd_mon_fix.model.saved_plan import PlannedChange
from rbd_mon_fix.model.saved_plan import PlannedEdit


class Digest:
    """Computes the digest of changes, and keeps none of them."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, changes: Iterable[PlannedChange]) -> None:
        """Add the next changes, in the order of the plan."""
        for change in changes:
            where = change.locator
            # JSON tells where each field ends, whatever it holds.
            self._hash.update(json.dumps([
                where.store, where.host, where.instance, where.key,
                change.before, change.after]).encode() + b'\n')

    def __str__(self) -> str:
        """Return the first 32 bits, such as ``3f9c-11aa``.

        They are for people to compare, and protect against no forgery.
        """
        digits = self._hash.hexdigest()
        return f'{digits[:4]}-{digits[4:8]}'


def of(changes: Iterable[PlannedChange]) -> str:
    """Return the digest of a whole plan."""
    digest = Digest()
    digest.add(changes)
    return str(digest)


def planned(change: Change) -> PlannedChange:
    """Return a change with fingerprints in place of its documents."""
    record = change.record
    assert record.document is not None
    return PlannedChange(
        change.locator, fingerprint(record.document),
        fingerprint(change.document), tuple(
            PlannedEdit(record.disk or device_of(edit.disk),
                        edit.image, edit.cluster, edit.old, edit.new)
            for edit in change.edits))
