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

"""The syntax of QEMU's options: JSON, key=value lists and escapes.

Any local user can start a process with any command line, so length and depth
are bounded.
"""

from __future__ import annotations

import json
import re
from typing import Any, Mapping

MAX_LENGTH = 1 << 20
MAX_DEPTH = 32

_PAIR = re.compile(r'((?:[^,]|,,)*)(?:,|$)', re.DOTALL)


class Malformed(Exception):
    """An option that cannot be understood; the text is the reason."""


def tree(word: str, implied: str) -> dict[str, Any]:
    """Read the value of an option; numbers stay text.

    :param implied: key of a first word without ``=``; '' if none
    :raises Malformed: the value is too long, too deep, or not JSON
    """
    if len(word) > MAX_LENGTH:
        raise Malformed('longer than 1 MiB')
    if word.startswith('{'):
        return from_json(word)
    return _nested(options(word, implied))


def from_json(text: str) -> dict[str, Any]:
    """Read a JSON object.

    :raises Malformed: the text is not a JSON object, or nested too deeply
    """
    try:
        # A number may have more digits than Python converts.
        found = json.loads(text, parse_int=str)
    except ValueError:
        raise Malformed('not valid JSON') from None
    except RecursionError:
        raise Malformed('nested too deeply') from None
    if not isinstance(found, dict):
        raise Malformed('not a JSON object')
    return found


def options(word: str, implied: str) -> dict[str, str]:
    """Split ``key=value,key=value``; a doubled comma is a literal comma.

    As in QEMU's util/qemu-option.c, ``get_opt_value``.
    """
    found = {}
    for number, pair in enumerate(_PAIR.findall(word)):
        key, equals, value = pair.replace(',,', ',').partition('=')
        if equals:
            found[key] = value
        elif number == 0 and implied:
            found[implied] = key
    return found


def _nested(flat: Mapping[str, str]) -> dict[str, Any]:
    """Convert keys such as ``server.0.host`` to a tree, lists to dicts.

    ``file=f`` beside ``file.x=y`` is the name of the file, as in QEMU's
    block.c, ``bdrv_open_inherit``.
    """
    root: dict[str, Any] = {}
    for key, value in sorted(flat.items(), reverse=True):
        *path, last = key.split('.')
        if len(path) > MAX_DEPTH:
            raise Malformed('nested too deeply')
        place = root
        for step in path:
            place = place.setdefault(step, {})
        if last in place:
            place[last]['filename'] = value
        else:
            place[last] = value
    return root


def split(text: str, delimiter: str) -> list[str]:
    """Split at a character that is not escaped by a backslash."""
    parts, start, position = [], 0, 0
    while position < len(text):
        if text[position] == '\\':
            position += 1
        elif text[position] == delimiter:
            parts.append(text[start:position])
            start = position + 1
        position += 1
    return [*parts, text[start:]]


def unescaped(text: str) -> str:
    """Remove the backslashes that escape a character."""
    return re.sub(r'\\(.)', r'\1', text, flags=re.DOTALL)
