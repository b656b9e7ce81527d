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

"""A line for each server: its state, what would fail, and its copies."""

from __future__ import annotations

import collections
from typing import Counter, Iterator, NamedTuple, Sequence

from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import HANDED_ON
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import breaks_left
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import style

# The digits of a UUID that are shown: the fewest that are unique.
_DIGITS = (8, 13, 18, 23, 36)
_SHORT = {Operation.HARD_REBOOT: 'hard', Operation.SOFT_REBOOT: 'soft',
          Operation.LIVE_MIGRATE: 'live'}
_NAME, _STATE = 40, 24
_RESTORED = 'restored'
# The columns that give way on a narrow terminal, counted from the last, and
# what each of them keeps: name, state, copies, operations, host.
_LEAST = {-4: 12, -3: 8, -1: 14, -2: 14, -6: 8}


class Listed(NamedTuple):
    """A server in a list.

    :param changed: whether the plan changes one of its records
    """

    host: str
    uuid: str
    name: str
    state: str
    failing: tuple[Operation, ...]
    copies: str
    severity: int
    changed: bool


class Servers:
    """Lists the servers that need attention, worst first; counts the others.

    ``stores`` counts the changes by store.

    :param everything: whether to list the others too
    :param most: how many servers to list at most on several hosts
    """

    def __init__(self, kind: schema.Kind, everything: bool, most: int):
        self.in_order = 0
        self.stores: Counter[str] = collections.Counter()
        self._kind = kind
        self._everything = everything
        self._most = most
        self._rows: list[Listed] = []
        self._hosts: set[str] = set()
        self._too_many = False

    def add(self, instance: Instance, copies: Sequence[Copy],
            outcomes: Outcomes) -> None:
        """Add one server."""
        self.stores.update(locator.store for locator in {
            copy.locator: None for copy in copies if copy.due})
        well = not self._is_news(copies, outcomes)
        self.in_order += well
        self._hosts.add(copies[0].locator.host)
        if self._too_many or well and not self._everything:
            return
        self._rows.append(self._row(instance, copies, outcomes))
        if len(self._hosts) > 1 and len(self._rows) > self._most:
            self._too_many = True
            self._rows.clear()

    def drawn(self, width: int) -> Iterator[lines.Line]:
        """Yield a heading and the servers, unless there are too many."""
        if self._rows:
            rows = sorted(self._rows, key=lambda row: (
                row.host, -len(row.failing), -row.severity))
            yield from self._table(rows, width)

    def _is_news(self, copies: Sequence[Copy], outcomes: Outcomes) -> bool:
        if self._kind is schema.Kind.DRY_RUN and any(
                copy.due for copy in copies):
            return True
        return not HANDED_ON.issuperset(breaks_left(copies, outcomes)) or any(
            (copy.amiss or copy.due) and not _is_fixed(copy, outcomes)
            or copy.skip in (SkipReason.CHANGED, SkipReason.GONE)
            for copy in copies)

    def _row(self, instance: Instance, copies: Sequence[Copy],
             outcomes: Outcomes) -> Listed:
        words = self._words(copies, outcomes)
        return Listed(
            copies[0].locator.host, instance.uuid,
            encoding.printable(instance.name),
            instance.task_state or instance.vm_state or '-',
            breaks_left(copies, outcomes),
            sentences.enumerate_counts(words) or 'in order',
            max(map(style.severity, words), default=0),
            any(copy.due for copy in copies))

    def _words(self, copies: Sequence[Copy],
               outcomes: Outcomes) -> dict[str, int]:
        """Count changes by outcome or store, and other copies by state."""
        changes = {copy.locator: copy for copy in copies if copy.due}
        rest = [copy for copy in copies if copy.amiss and not copy.due]
        if self._kind is schema.Kind.STATUS:
            rest, changes = [copy for copy in copies if copy.amiss], {}
        words = collections.Counter(
            self._word(copy, outcomes) for copy in changes.values())
        words.update(_reason(copy) for copy in rest)
        if outcomes is not None and len(words) > 1:
            words.pop(Verdict.FIXED.value, None)
            words.pop(_RESTORED, None)
        return dict(sorted(words.items(), key=lambda each:
                           -style.severity(each[0])))

    def _word(self, copy: Copy, outcomes: Outcomes) -> str:
        if outcomes is None:
            return 'to change'
        outcome = outcome_of(copy, outcomes)
        if outcome is None:
            return 'not made'
        if (self._kind is schema.Kind.ROLLBACK
                and outcome.verdict is Verdict.FIXED):
            return _RESTORED
        return outcome.verdict.value

    def _table(self, rows: Sequence[Listed],
               width: int) -> Iterator[lines.Line]:
        digits = _digits([row.uuid for row in rows])
        fails = ('STILL FAILS' if self._kind is schema.Kind.REFRESH
                 else 'WOULD FAIL')
        heads = ['SERVER', '', 'IS', fails, 'COPIES'
                 if self._kind is schema.Kind.STATUS else 'CHANGES']
        cells = [[row.uuid[:digits], layout.shortened(row.name, _NAME),
                  layout.shortened(row.state, _STATE), _operations(row),
                  row.copies] for row in rows]
        least = {**_LEAST}
        if len(self._hosts) > 1:
            heads = ['HOST', *heads]
            cells = [[row.host, *texts] for row, texts in zip(rows, cells)]
        else:
            del least[-6]
        head, *texts = layout.fitted([heads, *cells], width - 4, least)
        yield [(f'    {"  ".join(head)}', 'bold')]
        for row, text in zip(rows, texts):
            yield self._line(row, text)

    def _line(self, row: Listed, text: Sequence[str]) -> lines.Line:
        *before, failing, copies = text
        mark = ' '
        if self._kind is schema.Kind.DRY_RUN:
            mark = '~' if row.changed else '!'
        return [(f'  {mark} {"  ".join(before)}  ', ''),
                (failing, style.BAD if row.failing else ''),
                (f'  {copies}', style.of_severity(row.severity))]


def _is_fixed(copy: Copy, outcomes: Outcomes) -> bool:
    outcome = outcome_of(copy, outcomes)
    return outcome is not None and outcome.verdict is Verdict.FIXED


def _reason(copy: Copy) -> str:
    """Return why a copy was left alone, or its state."""
    if copy.skip in (None, SkipReason.READ_ONLY, SkipReason.CONFIG_FILE):
        shield = (' (shielded)' if copy.shielded
                  and copy.state is State.STALE else '')
        return f'{copy.state.value}{shield}'
    return str(copy.skip.value)


def _operations(row: Listed) -> str:
    return ' '.join(_SHORT.get(each, each.value)
                    for each in row.failing) or '-'


def _digits(uuids: Sequence[str]) -> int:
    return next((digits for digits in _DIGITS if len(
        {uuid[:digits] for uuid in uuids}) == len(set(uuids))), _DIGITS[-1])
