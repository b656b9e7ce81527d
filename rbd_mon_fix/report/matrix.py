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

"""A matrix of the operations that would fail on a host's servers."""

from __future__ import annotations

import collections
from typing import Counter, Iterable, Sequence

from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import style

# Further servers are counted, but not listed: nobody reads more, and a
# report's memory does not grow with the host.
_MAX_ROWS = 200
_NAME_LENGTH = 20
_UUID_LENGTH = 8
_INDENT = '    '
_FAILS, _WORKS = 'fails', '-'


class Matrix:
    """The servers of one host on which an operation would fail."""

    def __init__(self) -> None:
        self._listed: list[tuple[str, frozenset[Operation]]] = []
        self._servers = 0
        self._counts: Counter[Operation] = collections.Counter()

    def add(self, instance: Instance,
            operations: Sequence[Operation]) -> None:
        """Add a server, unless no operation would fail."""
        if not operations:
            return
        self._servers += 1
        self._counts.update(operations)
        if len(self._listed) < _MAX_ROWS:
            self._listed.append((_label(instance), frozenset(operations)))

    def rows(self) -> list[list[lines.Span]]:
        """Return the headings, a row for each server, and the sums.

        An operation that would fail on no server has no column. The list
        is empty if nothing would fail.
        """
        if not self._listed:
            return []
        shown = [each for each in Operation if self._counts[each]]
        more = self._servers - len(self._listed)
        return [
            _row('', (each.value for each in shown)),
            *(_row(label, (_FAILS if each in failing else _WORKS
                           for each in shown))
              for label, failing in self._listed),
            *([_row(f'and {more} more', ('' for _ in shown))] if more
              else []),
            _row(sentences.number(self._servers, 'server'),
                 (str(self._counts[each]) for each in shown))]


def _row(label: str, cells: Iterable[str]) -> list[lines.Span]:
    return [(f'{_INDENT}{label}', ''),
            *((cell, style.of(cell)) for cell in cells)]


def _label(instance: Instance) -> str:
    """Return the name of a server, shortened to fit a column."""
    name = encoding.printable(instance.name)
    if not name:
        return instance.uuid
    short = (name if len(name) <= _NAME_LENGTH
             else f'{name[:_NAME_LENGTH - 3]}...')
    return f'{instance.uuid[:_UUID_LENGTH]}  {short}'
