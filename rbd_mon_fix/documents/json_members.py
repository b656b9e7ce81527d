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

"""The members of JSON objects with their positions in the text."""

from __future__ import annotations

import json
from json import decoder
import re
from typing import Mapping, Optional

_BLANK = r'[ \t\n\r]*'
_NAME = re.compile(
    rf'{_BLANK}(?:,{_BLANK})?"([^"\\]*(?:\\.[^"\\]*)*)"{_BLANK}:{_BLANK}')
_DECODER = json.JSONDecoder()
# Almost all members: a name and a string without escapes, a number, a
# constant, or a list of such. One match is much faster than the decoder.
_STRING = r'"[^"\\]*"'
_FLAT = rf'\[[^"\\\[\]{{}}]*(?:{_STRING}[^"\\\[\]{{}}]*)*\]'
_PLAIN = re.compile(
    rf'{_BLANK}(?:,{_BLANK})?"([^"\\]*)"{_BLANK}:{_BLANK}'
    rf'({_STRING}|[-+.0-9A-Za-z]+|{_FLAT})')
_LIST = re.compile(rf'{_BLANK}:{_BLANK}({_FLAT})')

# The start and the end of a part of a text, in characters.
Span = tuple[int, int]


def spans(text: str, start: int) -> dict[str, Span]:
    """Return the span of each member's value in a JSON object.

    The text is valid JSON. Of members with the same name, the last one
    counts, as in ``json.loads``.

    :param start: the position of the object's brace
    """
    found: dict[str, Span] = {}
    at = start + 1
    while True:
        while match := _PLAIN.match(text, at):
            found[match[1]] = match.span(2)
            at = match.end()
        match = _NAME.match(text, at)
        if match is None:
            return found
        name, _ = decoder.scanstring(text, match.start(1))  # type: ignore
        _, at = _DECODER.raw_decode(text, match.end())
        found[name] = (match.end(), at)


def only_list(text: str, name: str) -> Optional[Span]:
    """Return the span of the list in the only member with a name.

    The text is valid JSON, in which some object has such a member. Without
    escapes, no other string looks like its name, and one search is enough.

    :returns: None if the member is not found this way: ``spans`` finds it
    """
    quoted = f'"{name}"'
    if '\\' in text or text.count(quoted) != 1:
        return None
    match = _LIST.match(text, text.index(quoted) + len(quoted))
    return match.span(1) if match else None


def spliced(text: str, parts: Mapping[Span, str]
            ) -> tuple[str, dict[Span, Span]]:
    """Return a text with parts replaced, and the new span of each part.

    :param parts: the new text of each part; they do not overlap
    """
    pieces, moved, at, growth = [], {}, 0, 0
    for (start, end), words in sorted(parts.items()):
        moved[start, end] = (start + growth, start + growth + len(words))
        pieces += [text[at:start], words]
        growth += len(words) - (end - start)
        at = end
    return ''.join([*pieces, text[at:]]), moved
