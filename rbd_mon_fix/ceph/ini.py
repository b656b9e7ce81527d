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

"""A parser for the syntax of ceph.conf.

It takes linear time: within a pattern, no two neighbouring repeats match the
same character, and blanks around keys and values are stripped afterwards.
"""

from __future__ import annotations

import re
from typing import Iterator, Optional

# The syntax of src/common/ConfUtils.cc (IniGrammer), plus syntax that only
# the parser before Octopus accepted: a last line without a newline, blanks
# before a heading, comment characters in quotes.
_TEXT = r'(?:\\.|[^\\#;])'
_BLANK = re.compile(r'\s*(?:[#;].*)?$')
_HEADING = re.compile(r'\s*\[((?:\\.|[^\]\\#;])+)\]\s*(?:[#;].*)?$')
_KEY = re.compile(r'((?:\\.|[^\\#;=\[])+)=(.*)$')
_QUOTED = re.compile(
    r'(?:"((?:\\.|[^"\\])*)"|\'((?:\\.|[^\'\\])*)\')\s*(?:[#;].*)?$')
_UNQUOTED = re.compile(rf'(?!["\'])({_TEXT}*)')
_CONTINUED = re.compile(rf'{_TEXT}*\\$')


def parse(text: str) -> dict[str, dict[str, str]]:
    """Parse the sections as librados does: the last of equal keys wins.

    Keys are normalized as in Ceph: a run of blanks becomes an underscore.
    Case and dashes stay: librados recognizes neither ``MON_HOST`` nor
    ``mon-host`` in a file.

    :raises ValueError: a line is not a heading, a setting or a comment
    """
    sections: dict[str, dict[str, str]] = {}
    current = sections.setdefault('global', {})
    for number, line in _lines(text):
        name = heading(line)
        if _BLANK.match(line):
            continue
        if name is not None:
            current = sections.setdefault(name, {})
            continue
        setting = _KEY.match(line.lstrip())
        if not setting:
            raise ValueError(
                f'line {number} is not a heading, a setting or a comment')
        current['_'.join(setting.group(1).split())] = _value(
            setting.group(2).lstrip(), number)
    return sections


def logical_lines(text: str) -> Iterator[str]:
    """Yield the lines, each joined with those that continue it."""
    return (line for _, line in _lines(text))


def heading(line: str) -> Optional[str]:
    """Return the name of the section that a line begins, if it begins one."""
    found = None if _BLANK.match(line) else _HEADING.match(line)
    return _plain(found.group(1)) if found else None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield logical lines, each with the number of its last line."""
    parts: list[str] = []
    for number, line in enumerate(re.split(r'\r\n|\r|\n', text), 1):
        if _CONTINUED.match(line):
            parts.append(line[:-1])
        else:
            yield number, ''.join((*parts, line))
            parts.clear()
    if parts:
        yield number, ''.join(parts)


def _value(text: str, number: int) -> str:
    quoted = _QUOTED.match(text)
    if quoted:
        return _plain(quoted.group(1) or quoted.group(2) or '').strip()
    unquoted = _UNQUOTED.match(text)
    if not unquoted:
        raise ValueError(f'line {number} has an unterminated quote')
    return _plain(unquoted.group(1)).strip()


def _plain(text: str) -> str:
    return re.sub(r'\\(.)', r'\1', text)
