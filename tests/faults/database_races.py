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

"""Refreshes race with Nova and Cinder, and with each other.

    python -m tests.faults.database_races ENGINE --seconds N

Conductors write the rows of a cell and of Cinder as they please, while
refreshes move all documents from one list of monitors to another. Each round
of a refresh reads the rows and writes through the real stores and a real
journal. The audit of the databases judges what the refreshes say: a document
is "fixed" if, and only if, that refresh wrote it.

Print counts as JSON, and fail if a write was lost or an outcome is false.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import itertools
import json
import multiprocessing
import pathlib
import sys
import tempfile
import time
from typing import Any, Callable, Iterable, Iterator

from tests.cloud import databases as databases_module
from tests.cloud import rows
from tests.cloud import shape
from tests.faults import audit
from tests.faults import foreign
from tests.faults import refreshes
from tests.functional import servers

SERVERS = tuple(shape.Server(f'race-{number}', (shape.stale(f'r{number}'),))
                for number in range(8))
CONDUCTORS = 3
REFRESHES = 2
# Seconds between two looks at the audit.
EPOCH = 60.0
STARTED_WITHIN = 120.0

TABLES = {'nova-bdm': ('cell', 'block_device_mapping'),
          'cinder-attachment': ('cinder', 'volume_attachment')}


@dataclasses.dataclass
class Counts:
    """What happened, and what must not have happened."""

    seconds: float = 0
    rounds: int = 0
    own_writes: int = 0
    foreign_writes: int = 0
    foreign_acts: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter)
    verdicts: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter)
    errors: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter)
    lost_updates: int = 0
    false_fixed: int = 0
    not_told: int = 0
    written_while_busy: int = 0

    @property
    def wrong(self) -> int:
        """Return the number of writes and outcomes that must not be."""
        return (self.lost_updates + self.false_fixed + self.not_told
                + self.written_while_busy)


class Race:
    """A cloud with an audit, on which processes race.

    :param databases: with their schemas, and without rows
    :param folder: for journals
    """

    def __init__(self, databases: databases_module.Databases, folder: str):
        self.counts = Counts()
        self._databases = databases
        self._folder = folder
        self._epochs = itertools.count()
        self._places = {}
        rows.write(databases, SERVERS)
        for store, (name, table) in TABLES.items():
            url = getattr(databases, name)
            audit.install(url, table)
            self._places[store] = foreign.Place(url, table)

    def run(self, seconds: float) -> None:
        """Let all processes race for some time, and judge what they say."""
        epoch = next(self._epochs)
        told = list(_in_processes(
            [(_conduct, self._databases, epoch, number, seconds)
             for number in range(CONDUCTORS)]
            + [(_refresh, self._databases, self._folder, epoch, number,
                seconds) for number in range(REFRESHES)]))
        self.counts.seconds += seconds
        for each in told:
            self.counts.rounds += each.rounds
            self.counts.foreign_acts.update(each.acts)
            self.counts.verdicts.update(each.verdicts)
            self.counts.errors.update(each.errors)
        for store, place in self._places.items():
            judge(self.counts, store, audit.take(place.engine), told)
            place.forget_deleted()

    def close(self) -> None:
        """Close the connections."""
        for place in self._places.values():
            place.engine.dispose()


def judge(counts: Counts, store: str, writes: Iterable[audit.Write],
          told: Iterable[refreshes.Told]) -> None:
    """Count the writes to a store, and what is wrong with them.

    :param writes: all writes that the audit has
    :param told: what the processes say that they wrote
    """
    written: dict[str, collections.Counter[refreshes.Claim]] = (
        collections.defaultdict(collections.Counter))
    for write in writes:
        if write.writer == audit.FOREIGN:
            counts.foreign_writes += 1
            continue
        counts.own_writes += 1
        counts.written_while_busy += not write.idle
        counts.lost_updates += (audit.without_monitors(write.old)
                                != audit.without_monitors(write.new))
        written[write.writer][
            store, write.key, audit.digest(write.old),
            audit.digest(write.new)] += 1
    for each in told:
        fixed = collections.Counter({
            claim: number for claim, number in each.fixed.items()
            if claim[0] == store})
        counts.false_fixed += sum((fixed - written[each.name]).values())
        counts.not_told += sum(
            number for claim, number in (written[each.name] - fixed).items()
            if claim not in each.unknown)


def _conduct(databases: databases_module.Databases, epoch: int, number: int,
             seconds: float) -> refreshes.Told:
    audit.sign(audit.FOREIGN)
    conductor = foreign.Conductor(
        databases.cell, databases.cinder,
        [server.uuid for server in SERVERS[number::CONDUCTORS]],
        refreshes.MONITORS, f'T{epoch}-{number}', 100 * epoch + number)
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        conductor.act()
    return refreshes.Told(audit.FOREIGN, acts=conductor.done)


def _refresh(databases: databases_module.Databases, folder: str, epoch: int,
             number: int, seconds: float) -> refreshes.Told:
    name = f'refresh-{number}'
    audit.sign(name)
    return refreshes.Refresh(
        databases, str(pathlib.Path(folder, f'{epoch}-{number}')), name,
        100 * epoch + number).run(seconds)


def _in_processes(calls: list[tuple[Any, ...]]) -> Iterator[refreshes.Told]:
    """Call functions at the same time, each in a process of its own."""
    context = multiprocessing.get_context('spawn')
    together = context.Barrier(len(calls))
    with context.Pool(len(calls), together.wait, (STARTED_WITHIN,)) as pool:
        for found in [pool.apply_async(function, arguments)
                      for function, *arguments in calls]:
            yield found.get()


ENGINES: dict[str, Callable[[str], Any]] = {
    'sqlite': lambda folder: contextlib.nullcontext(
        servers.SQLite(pathlib.Path(folder))),
    'mariadb': lambda folder: servers.mariadb(),
    'postgresql': lambda folder: servers.postgresql()}


def main() -> int:
    """Race, and return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('engine', choices=ENGINES)
    parser.add_argument('--seconds', type=float, default=60)
    parser.add_argument('--nova-python', required=True, help='interpreter '
                        'with Nova and Cinder: tools/nova_venv.sh')
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, \
            ENGINES[words.engine](folder) as engine:
        databases = engine.create('race_')
        databases_module.migrate(words.nova_python, databases)
        audit.sign(audit.FOREIGN)
        race = Race(databases, folder)
        while race.counts.seconds < words.seconds:
            race.run(min(EPOCH, words.seconds - race.counts.seconds))
            print(json.dumps(vars(race.counts)),
                  file=sys.stderr)
        race.close()
    print(json.dumps({'engine': words.engine,
                      **vars(race.counts)}))
    return 1 if race.counts.wrong or not race.counts.own_writes else 0


if __name__ == '__main__':
    sys.exit(main())
