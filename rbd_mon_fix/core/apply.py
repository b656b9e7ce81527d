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

"""Apply a plan through the stores, journaling each change first."""

from __future__ import annotations

from typing import (
    Callable,
    Collection,
    ContextManager,
    Iterable,
    Iterator,
    Protocol,
    Sequence,
)

from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.store import Store

# Servers whose changes share one journal sync and one transaction per
# database. Nova waits for the rows of a transaction, so batches are small.
BATCH = 50

# Given servers' UUIDs, returns those that Nova is working on.
Busy = Callable[[Collection[str]], Collection[str]]

# Given servers' UUIDs, locks those servers against Nova's users for a block.
Hold = Callable[[Collection[str]], ContextManager[object]]

# Given the number of servers in the next batch, tells whether to write it.
Proceed = Callable[[int], bool]


class ChangeLog(Protocol):
    """A write-ahead log of changes."""

    def begin(self, changes: Iterable[Change]) -> None:
        """Record on disk changes that are about to be made."""

    def end(self, outcomes: Iterable[Outcome]) -> None:
        """Record outcomes; the last outcome of a change counts."""

    def forget(self, changes: Iterable[Change]) -> None:
        """Drop what is kept of changes that get no more outcomes."""


def apply(changes: Sequence[Change], stores: Sequence[Store],
          journal: ChangeLog, busy: Busy, hold: Hold,
          proceed: Proceed = lambda servers: True) -> Iterator[Outcome]:
    """Make the changes of one host and yield the outcomes.

    The stores of a server are written in order. After a change that did
    not succeed, the later changes of that server are not made: somebody
    else may be working on it. If a change has two outcomes, the last counts.

    :param stores: the stores, in the order of writing
    :param busy: asked before and after the writes of stores that do not
        guard against Nova's work themselves
    :param hold: entered around each batch, for ``--lock``
    :param proceed: asked before each batch; changes that are not made have
        no outcome
    :raises Unreachable: a store was lost; the journal has the progress
    """
    for part in batches(changes):
        servers = {change.locator.instance for change in part}
        if not proceed(len(servers)):
            return
        journal.begin(part)
        with hold(servers):
            for outcomes in _Batch(part, busy).put(stores):
                journal.end(outcomes)
                yield from outcomes
        journal.forget(part)


class _Batch:
    """The changes of a batch of servers, and their progress."""

    def __init__(self, changes: Sequence[Change], busy: Busy):
        self._changes = changes
        self._busy = busy
        # Why the later changes of a server are not made, by UUID.
        self._stopped: dict[str, str] = {}
        # Fixed in stores that do not guard against Nova's work.
        self._unguarded: list[Outcome] = []
        self._asked = False

    def put(self, stores: Sequence[Store]) -> Iterator[list[Outcome]]:
        """Write to one store after another; yield the outcomes of each."""
        for store in stores:
            changes = [change for change in self._changes
                       if change.locator.store == store.name]
            if changes:
                yield self._put(store, changes)
        doubted = self._doubted()
        if doubted:
            yield doubted

    def _put(self, store: Store, changes: Sequence[Change]) -> list[Outcome]:
        if not store.guards_busy:
            self._ask()
        todo = [change for change in changes
                if change.locator.instance not in self._stopped]
        left = [Outcome(change.locator, Verdict.CONFLICT,
                        self._stopped[change.locator.instance])
                for change in changes
                if change.locator.instance in self._stopped]
        done = store.put(todo) if todo else []
        self._note(store, done)
        return done + left

    def _doubted(self) -> list[Outcome]:
        """Return new outcomes for servers that became busy during writes.

        An operation that Nova started during the write may have read the
        old XML, or replaced the new XML.
        """
        if not self._unguarded:
            return []
        busy = self._busy({outcome.locator.instance
                           for outcome in self._unguarded})
        return [Outcome(outcome.locator, Verdict.UNVERIFIED,
                        'Nova started to work on the server during the write')
                for outcome in self._unguarded
                if outcome.locator.instance in busy]

    def _ask(self) -> None:
        """Stop servers that became busy; check only once per batch."""
        if self._asked:
            return
        self._asked = True
        for instance in self._busy({change.locator.instance
                                    for change in self._changes}):
            self._stopped.setdefault(instance, 'the server became busy')

    def _note(self, store: Store, done: Sequence[Outcome]) -> None:
        for outcome in done:
            if outcome.verdict is not Verdict.FIXED:
                self._stopped[outcome.locator.instance] = (
                    f'not attempted, because {store.name} was not fixed: '
                    f'{outcome.reason}')
            elif not store.guards_busy:
                self._unguarded.append(outcome)


def batches(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield changes in batches, all changes of a server in one batch."""
    servers: dict[str, list[Change]] = {}
    for change in changes:
        servers.setdefault(change.locator.instance, []).append(change)
    uuids = list(servers)
    for start in range(0, len(uuids), BATCH):
        yield [change for uuid in uuids[start:start + BATCH]
               for change in servers[uuid]]
