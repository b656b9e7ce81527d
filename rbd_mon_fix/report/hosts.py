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

"""A line for each host of a fleet, worst first."""

from __future__ import annotations

import collections
from typing import Counter, Iterator, Mapping, Sequence

from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import Host
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import style

# How many hosts are listed without --all.
_MOST = 20
_LOST, _SERVERS = 'LOST', 'SERVERS'
_FIXED, _NOT_FIXED = 'FIXED', 'NOT FIXED'
_STALE, _DRIFTED = 'STALE', 'DRIFTED'
_ALONE, _DOUBTFUL = 'LEFT ALONE', 'NOT JUDGED'
# What makes a host worse than another one, most important first.
_WORST = (_LOST, _DOUBTFUL, _NOT_FIXED, _STALE, _ALONE, _DRIFTED)
_COLOURS = {_LOST: style.BAD, _NOT_FIXED: style.BAD, _DOUBTFUL: 'magenta',
            _STALE: 'red', _DRIFTED: 'yellow'}


class Fleet:
    """Counts the copies and changes of each host.

    :param everything: whether to list all hosts
    """

    def __init__(self, everything: bool) -> None:
        self._everything = everything
        self._counts: dict[str, Counter[str]] = {}

    def add(self, host: str, copies: Sequence[Copy],
            outcomes: Outcomes) -> None:
        """Count one server of a host."""
        counts = self._counts.setdefault(host, collections.Counter())
        changes = {} if outcomes is None else {
            copy.locator: outcome_of(copy, outcomes)
            for copy in copies if copy.due}
        for outcome in changes.values():
            fixed = outcome is not None and outcome.verdict is Verdict.FIXED
            counts[_FIXED if fixed else _NOT_FIXED] += 1
        counts.update(filter(None, (
            _word(copy) for copy in copies
            if outcomes is None or not copy.due)))

    def __len__(self) -> int:
        return len(self._counts)

    def names(self) -> list[str]:
        """Return the hosts, in order."""
        return list(self._counts)

    def drawn(self, known: Mapping[str, Host],
              width: int) -> Iterator[lines.Line]:
        """Yield a heading, the hosts that need attention, and a count.

        :param known: what a power failure would cost on each host
        """
        rows = [(name, self._row(name, known.get(name, Host())))
                for name in self._counts]
        ill = [each for each in rows if any(
            each[1][word] for word in _WORST)]
        ill.sort(key=lambda row: tuple(-row[1][word] for word in _WORST))
        shown = [*ill, *(each for each in rows if each not in ill)
                 ] if self._everything else ill[:_MOST]
        if shown:
            yield from _table(shown, width)
        rest = []
        if len(ill) > len(shown):
            rest.append(f'{len(shown)} worst of {len(ill):,} shown '
                        '(--all, -f csv).')
        well = len(rows) - len(ill)
        if well and not self._everything:
            is_are = 'is' if well == 1 else 'are'
            rest.append(f'{sentences.number(well, "host")} {is_are} in '
                        'order.')
        if rest:
            yield [(f'  {" ".join(rest)}', '')]

    def _row(self, name: str, host: Host) -> Counter[str]:
        counts = collections.Counter(self._counts[name])
        counts[_SERVERS] = host.servers
        counts[_LOST] = host.lost
        return counts


def _word(copy: Copy) -> str:
    if copy.not_judged:
        return _DOUBTFUL
    if not copy.amiss:
        return ''
    if copy.skip not in (None, SkipReason.READ_ONLY, SkipReason.CONFIG_FILE):
        return _ALONE
    return _STALE if copy.state is State.STALE else _DRIFTED


def _table(rows: Sequence[tuple[str, Counter[str]]],
           width: int) -> Iterator[lines.Line]:
    columns = [_SERVERS, *(
        column for column in (_LOST, _STALE, _DRIFTED, _FIXED, _NOT_FIXED,
                              _ALONE, _DOUBTFUL)
        if any(counts[column] for _, counts in rows))]
    wide = [max(len(column), *(len(f'{counts[column]:,}')
                               for _, counts in rows))
            for column in columns]
    room = width - 2 - sum(wide) - 2 * len(wide)
    names = [layout.shortened(name, max(room, 8)) for name, _ in rows]
    first = max(map(layout.cells, (*names, 'HOST')))
    yield [(f'  {"HOST".ljust(first)}', 'bold'),
           *((f'  {column.rjust(size)}', 'bold')
             for column, size in zip(columns, wide))]
    for name, (_, counts) in zip(names, rows):
        yield [(f'  {layout.padded(name, first)}', ''),
               *((f'  {counts[column]:,}'.rjust(size + 2),
                  _COLOURS.get(column, '') if counts[column] else 'dim')
                 for column, size in zip(columns, wide))]
