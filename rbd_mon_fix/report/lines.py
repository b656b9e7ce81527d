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

"""Lines of styled text, and the interface of their printers."""

from __future__ import annotations

from typing import Protocol, Sequence

# A text and its style in the syntax of rich; '' for no style.
Span = tuple[str, str]
Line = Sequence[Span]


class Printer(Protocol):
    """Writes lines and tables to a stream."""

    @property
    def width(self) -> int:
        """Return the number of columns of a line."""

    def encodable(self, text: str) -> str:
        """Escape what the stream cannot encode."""

    def whole(self, spans: Line) -> None:
        """Write one line as it is, never folded or cut."""

    def line(self, spans: Sequence[Span], hang: int = 0) -> None:
        """Write one line.

        :param hang: columns by which a terminal indents a folded rest
        """

    def table(self, rows: Sequence[Sequence[Span]]) -> None:
        """Write rows of cells, all of the same length, in columns."""
