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

"""Servers against operations: what would fail on one host."""

from __future__ import annotations

import collections
from typing import Counter, Iterator, Sequence

from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import plain
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import style

# More are counted, but not listed: nobody reads them, and a report keeps
# no more in memory on a larger host.
_MOST = 200
_NAME = 20
_SHORT = 8
_NO, _YES = '-', 'fails'


class Matrix:
    """The servers of one host on which some operation would fail."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, frozenset[Operation]]] = []
        self._servers = 0
        self._counts: Counter[Operation] = collections.Counter()

    def add(self, instance: Instance,
            operations: Sequence[Operation]) -> None:
        """Take in a server; one on which nothing would fail is left out."""
        if not operations:
            return
        self._servers += 1
        self._counts.update(operations)
        if len(self._rows) < _MOST:
            self._rows.append((_label(instance), frozenset(operations)))

    def lines(self, host: str) -> Iterator[list[plain.Span]]:
        """Yield the head, a line for each server, and the sums.

        Operations that would fail nowhere have no column.
        """
        if not self._rows:
            return
        shown = [each for each in Operation if self._counts[each]]
        sums = sentences.number(self._servers, 'server')
        width = max(len(sums), *(len(label) for label, _ in self._rows))
        yield [('  ', ''), (f'What would fail on {host} now', 'bold')]
        yield _line('', [each.value for each in shown], shown, width)
        for label, failing in self._rows:
            yield _line(label, [_YES if each in failing else _NO
                                for each in shown], shown, width)
        if self._servers > len(self._rows):
            yield [(f'    and {self._servers - len(self._rows)} more', '')]
        yield _line(sums, [str(self._counts[each]) for each in shown], shown,
                    width)


def _label(instance: Instance) -> str:
    """Return what a person knows a server by, short enough for a column."""
    name = encoding.printable(instance.name)
    if not name:
        return instance.uuid
    short = name if len(name) <= _NAME else f'{name[:_NAME - 3]}...'
    return f'{instance.uuid[:_SHORT]}  {short}'


def _line(label: str, cells: Sequence[str], shown: Sequence[Operation],
          width: int) -> list[plain.Span]:
    return [(f'    {label.ljust(width)}', ''),
            *((f'  {cell.ljust(len(each.value))}', style.of(cell))
              for cell, each in zip(cells, shown))]
