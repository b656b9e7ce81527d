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

"""Lines without colour, of any width: for pipes and files."""

from __future__ import annotations

from typing import Sequence, TextIO

from rbd_mon_fix.report import encoding

# A text and its style, in the words of rich; '' for none.
Span = tuple[str, str]


class Plain:
    """A stream that gets every line whole."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._encodable = encoding.encoder(stream)

    def line(self, spans: Sequence[Span], hang: int = 0) -> None:
        """Write one line.

        :param hang: columns by which a folded rest would be indented
        """
        text = encoding.printable(''.join(text for text, _ in spans))
        self._stream.write(f'{self._encodable(text).rstrip()}\n')
