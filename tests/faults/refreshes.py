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

"""Refreshes that go on and on, through the real stores and a real journal."""

from __future__ import annotations

import collections
import contextlib
import dataclasses
import datetime
import random
import time
from typing import Iterator, Mapping, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import cinder as cinder_database
from rbd_mon_fix.clients.database import engine as engines
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.core import apply
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.state import journal as journals
from rbd_mon_fix.stores import cinder_attachment
from rbd_mon_fix.stores import nova_bdm
from tests.cloud import databases as databases_module
from tests.cloud import shape
from tests.faults import audit
from tests.faults import foreign

MONITORS = (shape.ALPHA.old, shape.ALPHA.new)

# Store, row, and what the write replaced and left.
Claim = tuple[str, str, str, str]


@dataclasses.dataclass
class Told:
    """What one process did, and what it says about it."""

    name: str
    rounds: int = 0
    acts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    verdicts: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter)
    fixed: collections.Counter[Claim] = dataclasses.field(
        default_factory=collections.Counter)
    unknown: set[Claim] = dataclasses.field(default_factory=set)
    errors: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter)


class Refresh:
    """The rounds of one process that refreshes."""

    def __init__(self, databases: databases_module.Databases, folder: str,
                 name: str, seed: int):
        self._told = Told(name)
        self._random = random.Random(seed)
        self._cell = nova.Cell(engines.Database(databases.cell, 'cell'))
        self._stores = (
            nova_bdm.NovaBdmStore(self._cell),
            cinder_attachment.CinderAttachmentStore(cinder_database.Cinder(
                engines.Database(databases.cinder, 'Cinder'))))
        self._seed = seed
        journal = journals.Journal(folder, lambda: datetime.datetime.now(
            datetime.timezone.utc))
        journal.prepare()
        self._journal = journal.start('refresh', ['cmp1'], [])

    def run(self, seconds: float) -> Told:
        """Refresh again and again."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self._told.rounds += 1
            target = MONITORS[(self._told.rounds + self._seed) % 2]
            changes = list(self._changes(tuple(
                MonAddr.parse(f'{address}:6789') for address in target)))
            time.sleep(self._random.choice([0, self._random.uniform(
                0, foreign.PAUSE)]))
            self._write(changes)
        self._journal.close()
        return self._told

    def _changes(self, monitors: tuple[MonAddr, ...]) -> Iterator[Change]:
        """Read all documents; yield what has other monitors."""
        for batch in self._cell.instances('cmp1', [], 100):
            scope = Scope('cmp1', batch)
            before: tuple[Record, ...] = ()
            for store in self._stores:
                found = tuple(store.scan(scope))
                before += found
                scope = dataclasses.replace(scope, before=before)
                for record in found:
                    yield from self._change(record, monitors)

    @staticmethod
    def _change(record: Record, monitors: tuple[MonAddr, ...]
                ) -> Iterator[Change]:
        assert record.document is not None, record.unreadable
        for disk in record.document.disks:
            if disk.monitors != monitors:
                new = record.document.spell(disk, monitors)
                yield Change(record, record.document.edited({disk.key: new}), (
                    Edit(disk.key, disk.image, 'a', disk.monitors, monitors,
                         disk.verbatim, new),))

    def _write(self, changes: Sequence[Change]) -> None:
        claims = {change.locator: (
            change.locator.store, change.locator.key,
            audit.digest(change.record.document.text),
            audit.digest(change.document.text)) for change in changes}
        told: dict[object, Outcome] = {}
        try:
            for outcome in apply.apply(
                    changes, self._stores, self._journal, lambda uuids: (),
                    lambda uuids: contextlib.nullcontext()):
                told[outcome.locator] = outcome
        except exceptions.RbdMonFixError as error:
            self._told.errors[error.message] += 1
            self._told.unknown.update(claims[locator] for locator in claims
                                      if locator not in told)
        for locator, outcome in told.items():
            self._told.verdicts[outcome.verdict.value] += 1
            if outcome.verdict is Verdict.FIXED:
                self._told.fixed[claims[locator]] += 1
