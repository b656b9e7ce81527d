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
"""Lines that fit a width: prose, rows and commands of a screen.

A screen breaks its own lines, for pipes and terminals by the same rules.
Names are shortened with ``...``; addresses, UUIDs and commands never are.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterable, Iterator, Sequence

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import braces
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import lines

_GAP = '  '
_DOTS = '...'
# Columns that a shortened text keeps: a UUID's first part with the dots.
_LEAST = 11


@dataclasses.dataclass(frozen=True)
class Sheet:
    """The space for a screen.

    :param width: columns of a line
    :param encodable: escapes the characters that the stream cannot encode
    """

    width: int = 80
    encodable: Callable[[str], str] = str

    def text(self, text: str) -> str:
        """Return a text as it is written."""
        return self.encodable(encoding.printable(text))

    def cut(self, text: str, room: int) -> str:
        """Return a name, shortened to some columns if it is longer.

        However narrow the screen, the start of the name is left.
        """
        room = max(room, _LEAST)
        shown = self.text(text)
        if layout.cells(shown) <= room:
            return shown
        kept = shown[:room]
        while layout.cells(kept) > room - len(_DOTS):
            kept = kept[:-1]
        return kept + _DOTS

    def prose(self, text: str, style: str = '', head: str = '',
              hang: int = 0) -> Iterator[lines.Line]:
        """Yield a text, broken between words.

        :param head: what the first line begins with
        :param hang: columns by which later lines are indented
        """
        line = head
        is_empty = True
        room = max(self.width - max(len(head), hang), _LEAST)
        for word in self._words(text, room):
            joined = f'{line} {word}'
            if not is_empty and layout.cells(joined) > self.width:
                yield [(line, style)]
                line, is_empty = ' ' * hang, True
            line += word if is_empty else f' {word}'
            is_empty = False
        yield [(line, style)]

    def addresses(self, addrs: Iterable[MonAddr], room: int) -> str:
        """Return addresses in brace form if that fits, else one by one."""
        addrs = list(addrs)
        short = braces.addresses(addrs)
        return (short if max(map(len, short.split()), default=0) <= room
                else ' '.join(map(str, addrs)))

    def rows(self, rows: Sequence[Sequence[lines.Span]], indent: int = 2,
             narrow: Sequence[int] = ()) -> Iterator[lines.Line]:
        """Yield rows of cells, all of the same length, in columns.

        :param narrow: the columns that may be shortened, the widest first
        """
        widths = self._widths(rows, indent, narrow)
        for row in rows:
            shown: list[lines.Span] = [(' ' * indent, '')]
            for (text, style), width in zip(row, widths):
                fitting = self.cut(text, width)
                blanks = ' ' * (width - layout.cells(fitting))
                shown += [(fitting, style), (blanks + _GAP, '')]
            yield shown

    def _widths(self, rows: Sequence[Sequence[lines.Span]], indent: int,
                narrow: Sequence[int]) -> list[int]:
        widths = [max(layout.cells(self.text(text)) for text, _ in column)
                  for column in zip(*rows)]
        excess = (indent + sum(widths) + len(_GAP) * (len(widths) - 1)
                  - self.width)
        for _ in range(excess):
            widest = max(narrow, key=lambda column: widths[column], default=0)
            if widths[widest] > _LEAST:
                widths[widest] -= 1
        return widths

    def _words(self, text: str, room: int) -> Iterator[str]:
        """Yield words; one that is longer than a line is broken."""
        for word in self.text(text).split():
            while layout.cells(word) > room:
                part = word[:room]
                while layout.cells(part) > room:
                    part = part[:-1]
                yield part
                word = word[len(part):]
            yield word


def command(label: str, words: str) -> lines.Line:
    """Return the line of a command to type, which is never broken."""
    return [(f'{label}: ', 'bold'), (words, '')]
