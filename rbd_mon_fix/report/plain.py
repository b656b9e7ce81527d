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

"""Lines without colour or folding, for pipes and files."""

from __future__ import annotations

import shutil
from typing import Sequence, TextIO

from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import lines

_GAP = '  '


class Plain:
    """A printer for a stream that is not a terminal."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._encodable = encoding.encoder(stream)

    @property
    def width(self) -> int:
        """Return 80, or what the variable COLUMNS says."""
        return shutil.get_terminal_size((80, 24)).columns

    def line(self, spans: Sequence[lines.Span], hang: int = 0) -> None:
        """Write one line.

        :param hang: not used: the line is not folded
        """
        self._write(''.join(self._text(span) for span in spans))

    def whole(self, text: str) -> None:
        """Write a line."""
        self.line([(text, '')])

    def table(self, rows: Sequence[Sequence[lines.Span]]) -> None:
        """Write one line for each row, its cells padded to columns."""
        texts = [[self._text(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*texts)]
        for row in texts:
            self._write(_GAP.join(
                cell.ljust(width) for cell, width in zip(row, widths)))

    def _text(self, span: lines.Span) -> str:
        text, _ = span
        return self._encodable(encoding.printable(text))

    def _write(self, line: str) -> None:
        self._stream.write(f'{line.rstrip()}\n')
