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

"""Doing what a plan says, asking nothing."""

from __future__ import annotations

from typing import (
    Callable,
    Collection,
    ContextManager,
    Iterator,
    Mapping,
    Sequence,
)

from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.store import Store
from rbd_mon_fix.state import journal

# Servers whose changes share one sync of the journal and one transaction a
# database. Nova waits for the rows of a transaction, so it stays short.
BATCH = 50

# Given servers' UUIDs, returns those that Nova has begun to work on.
Busy = Callable[[Collection[str]], Collection[str]]

# Given servers' UUIDs, keeps Nova's users away from them meanwhile.
Hold = Callable[[Collection[str]], ContextManager[object]]

# Given changes that were made, returns what is wrong with some of them.
Complaints = Callable[[Sequence[Change]], Mapping[Locator, str]]


def apply(plan: Plan, stores: Sequence[Store], writer: journal.Writer,
          busy: Busy, hold: Hold) -> Iterator[Outcome]:
    """Make the changes of a plan, server by server, and say what became.

    Of one server the stores are written in their order. Where a change of
    a server does not succeed, its later ones are left alone: somebody is at
    work on it.

    :param stores: in the order of writing
    :param writer: the journal, which knows of each change before it is made
    :param busy: asked again before domains are written, as databases check
        by themselves
    :param hold: entered around each batch, for ``--lock``
    :raises Unreachable: a store was lost; the journal tells how far it came
    """
    for batch in _batches(plan.changes):
        writer.begin(batch)
        stopped: dict[str, str] = {}
        with hold({change.locator.instance for change in batch}):
            for store in stores:
                changes = [change for change in batch
                           if change.locator.store == store.name]
                if changes:
                    outcomes = _put(store, changes, stopped, busy)
                    writer.end(outcomes)
                    yield from outcomes


def _put(store: Store, changes: Sequence[Change], stopped: dict[str, str],
         busy: Busy) -> list[Outcome]:
    """Write what may be written; add the servers that failed to stopped."""
    now_busy = busy({change.locator.instance for change in changes})
    stopped.update({instance: 'the server became busy in between'
                    for instance in now_busy if instance not in stopped})
    left = [Outcome(change.locator, Verdict.CONFLICT,
                    stopped[change.locator.instance])
            for change in changes if change.locator.instance in stopped]
    todo = [change for change in changes
            if change.locator.instance not in stopped]
    done = store.put(todo) if todo else []
    for outcome in done:
        if outcome.verdict is not Verdict.FIXED:
            stopped[outcome.locator.instance] = (
                f'left alone after {store.name}: {outcome.reason}')
    return done + left


def _batches(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Yield the changes of some servers at a time, all of a server's."""
    servers: dict[str, list[Change]] = {}
    for change in changes:
        servers.setdefault(change.locator.instance, []).append(change)
    uuids = list(servers)
    for start in range(0, len(uuids), BATCH):
        yield [change for uuid in uuids[start:start + BATCH]
               for change in servers[uuid]]
