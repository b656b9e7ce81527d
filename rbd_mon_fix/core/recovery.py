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

"""Recover the outcomes of an interrupted run from the stores."""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterable, Iterator, Mapping

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import fingerprint
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run


def settle(entries: Iterable[Entry],
           get: Callable[[Locator], Record]) -> Iterator[Outcome]:
    """Yield the outcomes of changes whose run was cut off.

    If the store still has the old document, the change was not made; if it
    has the new document, the change was made. Any other document may include
    the change and a later one by somebody else; a rollback must check it.

    :param get: reads a record again
    :raises Unreachable: a store cannot be reached
    """
    for entry in entries:
        yield _settle(entry, get)


def settled(run: Run,
            get: Callable[[Locator], Record]) -> Run:
    """Return a run with the outcomes of all changes; write nothing.

    :param get: reads a record again
    :raises Unreachable: a store cannot be reached
    """
    found = {outcome.locator: outcome
             for outcome in settle(run.unsettled, get)}
    return dataclasses.replace(run, entries=tuple(
        dataclasses.replace(entry, verdict=found[entry.locator].verdict,
                            reason=found[entry.locator].reason)
        if entry.verdict is None else entry for entry in run.entries))


def in_words(run: Run, settled: Mapping[Verdict, int]) -> str:
    """Tell how many changes of a run that was cut off were written.

    :param settled: the number of settled changes, by outcome
    """
    made = (run.summary.outcomes.get(Verdict.FIXED, 0)
            + settled.get(Verdict.FIXED, 0))
    not_made = settled.get(Verdict.FAILED, 0)
    changed = settled.get(Verdict.UNVERIFIED, 0)
    words = (f'{made} {"change was" if made == 1 else "changes were"} '
             f'written, {not_made} {"was" if not_made == 1 else "were"} not '
             'made')
    if changed:
        words += (f', and {changed} '
                  f'{"document has" if changed == 1 else "documents have"} '
                  'changed since')
    return words


def _settle(entry: Entry,
            get: Callable[[Locator], Record]) -> Outcome:
    if entry.old_hash == entry.new_hash:
        return Outcome(entry.locator, Verdict.UNVERIFIED,
                       'the rescue was cut off, and no document tells how '
                       'far it came')
    try:
        document = get(entry.locator).document
    except exceptions.Gone:
        document = None
    found = fingerprint(document) if document is not None else None
    if found == entry.new_hash:
        return Outcome(entry.locator, Verdict.FIXED,
                       'found in the store after the run was cut off')
    if found == entry.old_hash:
        return Outcome(entry.locator, Verdict.FAILED,
                       'the run was cut off before the write')
    return Outcome(entry.locator, Verdict.UNVERIFIED,
                   'the run was cut off, and the document has changed since')
