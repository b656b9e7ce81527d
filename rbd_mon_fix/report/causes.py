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

"""Causes, each told once with what it concerns."""

from __future__ import annotations

import collections
from typing import Counter, Iterator

from rbd_mon_fix.report import layout
from rbd_mon_fix.report import lines

_INDENT = 4


class Causes:
    """Counts subjects by cause, and remembers the first ones of each.

    :param named: the number of subjects to remember
    """

    def __init__(self, named: int) -> None:
        self._named = named
        self._counts: Counter[str] = collections.Counter()
        self._first: dict[str, list[tuple[str, str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._counts)

    def add(self, cause: str, host: str, subject: str) -> None:
        """Count a subject on a host for a cause."""
        self._counts[cause] += 1
        first = self._first.setdefault(cause, [])
        if len(first) < self._named:
            first.append((host, subject))

    def drawn(self, width: int, most: int,
              several: bool) -> Iterator[lines.Line]:
        """Yield the most frequent causes: the subjects, then the cause.

        :param most: the number of causes
        :param several: whether to name the hosts
        """
        for cause, count in self._counts.most_common(most):
            *first, last = (f'{host}  {subject}' if several else subject
                            for host, subject in self._first[cause])
            for subject in first:
                yield [(f'  {layout.shortened(subject, width - 2)}', '')]
            more = count - len(first) - 1
            others = f', and {more:,} more' if more else ''
            last = layout.shortened(last, width - 2 - len(others))
            yield [(f'  {last}{others}', '')]
            for line in layout.wrapped(cause, width - _INDENT, 2):
                yield [(f'{" " * _INDENT}{line}', '')]
        more = len(self._counts) - most
        if more > 0:
            causes = 'cause' if more == 1 else 'causes'
            yield [(f'  and {more:,} other {causes} (-v shows each copy)',
                    '')]
