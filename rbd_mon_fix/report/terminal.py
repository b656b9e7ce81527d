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

"""Lines in colour, folded between words: for terminals."""

from __future__ import annotations

from typing import Sequence, TextIO

import rich.console
import rich.text

from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import plain


class Terminal:
    """A terminal; rich heeds NO_COLOR, TERM and COLUMNS."""

    def __init__(self, stream: TextIO):
        self._console = rich.console.Console(
            file=stream, highlight=False, markup=False, emoji=False)
        self._encodable = encoding.encoder(stream)

    def line(self, spans: Sequence[plain.Span], hang: int = 0) -> None:
        """Write one line, folded where it is too long.

        :param hang: columns by which the folded rest is indented
        """
        text = rich.text.Text()
        for words, style in spans:
            text.append(self._encodable(encoding.printable(words)), style)
        text.rstrip()
        if text.cell_len <= self._console.width:
            self._console.print(text, soft_wrap=True)
            return
        first, *rest = text.wrap(self._console, self._console.width - hang)
        self._console.print(first, soft_wrap=True)
        for line in rest:
            line.pad_left(hang)
            self._console.print(line, soft_wrap=True)
