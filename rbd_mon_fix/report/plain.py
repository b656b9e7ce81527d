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
    """A printer for a stream that is not a terminal.

    :param width: columns of a line; 0 for 80, on which readers of pipes and
        files count, or what the variable COLUMNS says
    """

    def __init__(self, stream: TextIO, width: int = 0):
        self._stream = stream
        self.width = width or shutil.get_terminal_size((80, 24)).columns
        self.encodable = encoding.encoder(stream)

    def whole(self, spans: lines.Line) -> None:
        """Write one line as it is."""
        self.line(spans)

    def line(self, spans: Sequence[lines.Span], hang: int = 0) -> None:
        """Write one line.

        :param hang: not used: the line is not folded
        """
        self._write(''.join(self._text(span) for span in spans))

    def table(self, rows: Sequence[Sequence[lines.Span]]) -> None:
        """Write one line for each row, its cells padded to columns."""
        texts = [[self._text(cell) for cell in row] for row in rows]
        widths = [max(map(len, column)) for column in zip(*texts)]
        for row in texts:
            self._write(_GAP.join(
                cell.ljust(width) for cell, width in zip(row, widths)))

    def _text(self, span: lines.Span) -> str:
        text, _ = span
        return self.encodable(encoding.printable(text))

    def _write(self, line: str) -> None:
        self._stream.write(f'{line.rstrip()}\n')
