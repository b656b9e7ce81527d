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

"""An in-memory document and store that keep the contracts of the model."""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterable, Mapping, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import UnreadableDisk
from rbd_mon_fix.model.history import FormerMonitor
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record

HOST = 'cmp1'
OLD = '10.0.0.1:6789,10.0.0.2:6789,10.0.0.3:6789'
NEW = '10.1.0.1:6789,10.1.0.2:6789,10.1.0.3:6789'


def addrs(words: str) -> tuple[MonAddr, ...]:
    """Return the addresses of a comma-separated list."""
    return tuple(map(MonAddr.parse, filter(None, words.split(','))))


def monmap(words: str = NEW) -> MonMap:
    """Return monitors that listen on v2 next to the given address."""
    return MonMap(tuple(
        Monitor('', addr, (MonAddr(addr.host, 3300), addr))
        for addr in addrs(words)))


def cluster(name: str = 'ceph', monitors: str = NEW,
            backends: Sequence[Backend] = (), fsid: Optional[str] = None,
            former: str = OLD) -> Cluster:
    """Return a cluster whose monitors moved on 2026-11-20."""
    return Cluster(name, fsid, Source.MON_DUMP, monmap(monitors),
                   tuple(backends), tuple(
        FormerMonitor(name, (addr,), 1, 3, '2026-11-20T02:00:00Z')
        for name, addr in zip('abcdefgh', addrs(former))), span=(1, 4))


def uuid(number: int) -> str:
    return f'{number:08x}-0000-4000-8000-000000000000'


@dataclasses.dataclass(frozen=True)
class Sheet:
    """A document with one disk per line: key, image, user, secret, monitors.

    A line that begins with ``#`` holds no disk; monitors that begin with
    ``!`` cannot be parsed.
    """

    text: str

    @property
    def disks(self) -> tuple[RbdDisk, ...]:
        return tuple(
            RbdDisk(key, image, user or None, secret or None, addrs(words),
                    words)
            for key, image, user, secret, words in self._lines()
            if not words.startswith('!'))

    @property
    def unreadable(self) -> tuple[UnreadableDisk, ...]:
        return tuple(UnreadableDisk(key, image, words[1:])
                     for key, image, _, _, words in self._lines()
                     if words.startswith('!'))

    def spell(self, disk: RbdDisk, monitors: tuple[MonAddr, ...]) -> str:
        return ','.join(map(str, monitors))

    def edited(self, verbatims: Mapping[str, str]) -> Sheet:
        lines = []
        for line in self.text.splitlines():
            head, _, _ = line.rpartition(' ')
            words = verbatims.get(line.split(' ')[0])
            lines.append(line if words is None else f'{head} {words}')
        return Sheet('\n'.join(lines))

    def _lines(self) -> Iterable[list[str]]:
        return [line.split(' ') for line in self.text.splitlines()
                if not line.startswith('#')]


def sheet(*monitors: str) -> Sheet:
    """Return a document with disks vda, vdb ... that have these monitors."""
    return Sheet('\n'.join(
        f'vd{letter} volumes/volume-{letter} cinder S {words}'
        for letter, words in zip('abcdef', monitors)))


def locator(store: str, server: int, host: str = HOST) -> Locator:
    return Locator(store, host, uuid(server), f'{store}/{server}')


def record(where: Locator, document: Optional[Sheet] = None,
           **fields: object) -> Record:
    return dataclasses.replace(Record(where, document or sheet(OLD)),
                               **fields)


def instances(*numbers: int, **fields: object) -> dict[str, Instance]:
    return {uuid(number): dataclasses.replace(
        Instance(uuid(number), HOST, vm_state='stopped'), **fields)
        for number in numbers}


class MemoryStore:
    """A store that keeps texts by locator.

    :param during: called with each change right before the store reads the
        text; may alter the texts, or raise
    """

    def __init__(self, name: str, texts: Mapping[Locator, str],
                 during: Callable[[Change], None] = lambda change: None,
                 guards_busy: bool = True):
        self.name = name
        self.guards_busy = guards_busy
        self.texts = dict(texts)
        self.during = during
        self.puts: list[list[Locator]] = []

    def scan(self, scope: Scope) -> list[Record]:
        return [Record(where, Sheet(text))
                for where, text in self.texts.items()
                if where.host == scope.host
                and where.instance in scope.instances]

    def get(self, where: Locator) -> Record:
        if where not in self.texts:
            raise exceptions.Gone('There is none.')
        return Record(where, Sheet(self.texts[where]))

    def put(self, changes: Sequence[Change]) -> list[Outcome]:
        self.puts.append([change.locator for change in changes])
        return [self._put(change) for change in changes]

    def _put(self, change: Change) -> Outcome:
        self.during(change)
        assert change.record.document is not None
        where = change.locator
        if self.texts.get(where) != change.record.document.text:
            return Outcome(where, Verdict.CONFLICT, 'changed in between')
        self.texts[where] = change.document.text
        return Outcome(where, Verdict.FIXED)
