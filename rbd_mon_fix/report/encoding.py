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

"""Conversion of values to text that streams and terminals accept."""

from __future__ import annotations

import re
from typing import Callable, TextIO

_FORMULA = ('=', '+', '-', '@', '\t', '\r')
_PLAIN = re.compile(r'[-+]?[0-9]*(?:\.[0-9]+)?')


def encoder(stream: TextIO) -> Callable[[str], str]:
    """Return a function that escapes what a stream cannot encode."""
    codec = getattr(stream, 'encoding', None) or 'utf-8'

    def encodable(text: str) -> str:
        if text.isascii():
            return text
        return text.encode(codec, 'backslashreplace').decode(codec)

    return encodable


def printable(text: str) -> str:
    """Escape everything but printable characters and blanks.

    Users choose the names of their servers. A name must not move the
    cursor, colour the screen, forge a line, or turn the direction of the
    text. Escaped are C0 and C1 control characters, format characters such as
    bidirectional overrides and zero-width spaces, surrogates, and code points
    without a meaning (Unicode's categories C and Z).
    """
    if text.isprintable():
        return text
    return ''.join(each if each.isprintable()
                   else each.encode('unicode_escape').decode()
                   for each in text)


def cell(value: object) -> str:
    """Return a value as the text of a CSV cell.

    A text that a spreadsheet would take for a formula gets an apostrophe in
    front (https://owasp.org/www-community/attacks/CSV_Injection). A number,
    a lone sign, and a text that is a number stay as they are.
    """
    text = flat(value)
    is_formula = (isinstance(value, (str, list, tuple, dict))
                  and text.startswith(_FORMULA) and not _PLAIN.fullmatch(text))
    return f"'{printable(text)}" if is_formula else printable(text)


def flat(value: object) -> str:
    """Return a value as one string, '' for None.

    Lists are joined by spaces, and the values of an object by colons.
    """
    if isinstance(value, dict):
        return ': '.join(filter(None, map(flat, value.values())))
    if isinstance(value, (list, tuple)):
        return ' '.join(map(str, value))
    return '' if value is None else str(value)
