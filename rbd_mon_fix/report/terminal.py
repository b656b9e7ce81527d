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

"""Coloured lines, folded between words, for terminals."""

from __future__ import annotations

from typing import Sequence, TextIO

import rich.cells
import rich.console
import rich.table
import rich.text

from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import lines

_GAP = 2


class Terminal:
    """A printer for a terminal; rich heeds NO_COLOR, TERM and COLUMNS."""

    def __init__(self, stream: TextIO):
        self._console = rich.console.Console(
            file=stream, highlight=False, markup=False, emoji=False)
        self.encodable = encoding.encoder(stream)

    @property
    def width(self) -> int:
        """Return the number of columns of the terminal."""
        return self._console.width

    def whole(self, spans: lines.Line) -> None:
        """Write one line as it is, never folded or cut."""
        text = rich.text.Text().join(map(self._text, spans))
        text.rstrip()
        self._console.print(text, soft_wrap=True)

    def line(self, spans: Sequence[lines.Span], hang: int = 0) -> None:
        """Write one line, folded if it is wider than the terminal.

        :param hang: columns by which the folded rest is indented
        """
        text = rich.text.Text().join(map(self._text, spans))
        text.rstrip()
        if text.cell_len <= self._console.width:
            self._console.print(text, soft_wrap=True)
            return
        first, *rest = text.wrap(self._console, self._console.width - hang)
        self._console.print(first, soft_wrap=True)
        for line in rest:
            line.pad_left(hang)
            self._console.print(line, soft_wrap=True)

    def table(self, rows: Sequence[Sequence[lines.Span]]) -> None:
        """Write a table, its cells folded between words.

        Words stay whole, so that a UUID can be copied. If the longest
        words of all columns do not fit, the table is wider than the
        terminal.
        """
        texts = [[self._text(cell) for cell in row] for row in rows]
        table = rich.table.Table.grid(padding=(0, _GAP, 0, 0))
        needed = -_GAP
        for column in zip(*texts):
            word = max(map(_longest_word, column))
            width = max(text.cell_len for text in column)
            table.add_column(min_width=word, no_wrap=word == width)
            needed += word + _GAP
        for row in texts:
            table.add_row(*row)
        # Below this width rich drops columns.
        if needed > self._console.width:
            table.width = needed
        self._console.print(table, crop=False)

    def _text(self, span: lines.Span) -> rich.text.Text:
        text, style = span
        return rich.text.Text(
            self.encodable(encoding.printable(text)), style)


def _longest_word(text: rich.text.Text) -> int:
    # Text.__rich_measure__ is not used: it stops at the terminal's width.
    return max(map(rich.cells.cell_len, text.plain.split()), default=0)
