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

from typing import Callable, TextIO


def encoder(stream: TextIO) -> Callable[[str], str]:
    """Return a function that escapes what a stream cannot encode."""
    codec = getattr(stream, 'encoding', None) or 'utf-8'

    def encodable(text: str) -> str:
        if text.isascii():
            return text
        return text.encode(codec, 'backslashreplace').decode(codec)

    return encodable


def printable(text: str) -> str:
    """Escape control characters.

    Users choose the names of their servers. A name must not move the
    cursor, colour the screen or forge a line.
    """
    if text.isprintable():
        return text
    return ''.join(each if each.isprintable()
                   else each.encode('unicode_escape').decode()
                   for each in text)


def flat(value: object) -> str:
    """Return a value as one string, '' for None.

    Lists are joined by spaces, and the values of an object by colons.
    """
    if isinstance(value, dict):
        return ': '.join(filter(None, map(flat, value.values())))
    if isinstance(value, (list, tuple)):
        return ' '.join(map(str, value))
    return '' if value is None else str(value)
