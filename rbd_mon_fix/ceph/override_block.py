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

"""The marked block in a ceph.conf, with ``mon_host_override`` of some users.

All bytes outside of the block stay as they are. librados merges sections of
the same name, and the last of equal keys wins (ConfFile::ConfFile in Ceph's
src/common/ConfUtils.cc), so the block may repeat a section of the file. It
stands at the end, where it splits no section.
"""

from __future__ import annotations

import dataclasses
import re
from typing import Iterable, Mapping, Optional, Sequence

from rbd_mon_fix.ceph import ini
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.shield import Override

KEY = 'mon_host_override'

_BEGIN = '# BEGIN rbd-mon-fix shield'
_END = '# END rbd-mon-fix shield'
_TOLD = ': managed by "rbd-mon-fix shield", do not edit'
# Removing the block then removes the newline in front of it as well.
_JOINED = ', the line before had no newline'
# A run that is killed before the proof leaves this behind.
_NOT_PROVEN = ', not proven yet'

_MARKS = re.compile(rf'^(?:{re.escape(_BEGIN)}|{re.escape(_END)})',
                    re.MULTILINE)
_SECTION = re.compile(
    rf'# cluster (?P<fsid>\S+?)(?P<doubt>{_NOT_PROVEN})?\n'
    rf'\[client\.(?P<user>[^\n]+)\]\n'
    rf'{KEY} = (?P<addrs>\S+)\n')


@dataclasses.dataclass(frozen=True)
class MarkedBlock:
    """A block in the text of a ceph.conf.

    :param start: its first character, or a newline that was added for it
    :param stop: the end of its last line
    :param is_joined: whether a newline was added in front of it
    """

    overrides: tuple[Override, ...]
    start: int
    stop: int
    is_joined: bool


def find(text: str) -> Optional[MarkedBlock]:
    """Return the block of a text; None without one.

    :raises ValueError: the block is damaged, was edited, or is not the only
        one
    """
    marks = list(_MARKS.finditer(text))
    if not marks:
        return None
    begin, end = marks[0], marks[-1]
    if len(marks) != 2 or not (begin[0] == _BEGIN and end[0] == _END):
        raise ValueError('the marks of the block are not one pair')
    stop = end.end() + text.startswith('\n', end.end())
    block = text[begin.start():stop]
    is_joined = block.startswith(f'{_BEGIN}{_JOINED}')
    overrides = tuple(_override(each) for each in _SECTION.finditer(block))
    if not overrides or block != _rendered(overrides, is_joined):
        raise ValueError('somebody has edited the block')
    return MarkedBlock(overrides, begin.start() - is_joined, stop, is_joined)


def put(text: str, overrides: Sequence[Override]) -> str:
    """Return a text with a block of these overrides, or without a block.

    A block that exists is replaced where it stands.

    :param overrides: with unique users; empty to remove the block
    :raises ValueError: the text, or the block in it, cannot be changed
    """
    block = find(text)
    if not overrides:
        return _without(text, block)
    if block:
        start, stop, is_joined = block.start, block.stop, block.is_joined
    else:
        start = stop = len(text)
        is_joined = bool(text) and not text.endswith('\n')
    new = ''.join((text[:start], '\n' * is_joined,
                   _rendered(overrides, is_joined), text[stop:]))
    _check(_without(text, block), new, overrides)
    return new


def others(text: str) -> Mapping[str, str]:
    """Return each section that sets the key outside of the block.

    :raises ValueError: the text, or the block in it, is malformed
    """
    return {name: settings[KEY] for name, settings in ini.parse(
        _without(text, find(text))).items() if KEY in settings}


def outside(text: str) -> dict[str, dict[str, str]]:
    """Return the settings of a text without those of the block.

    Which overrides somebody else means is not known once the block was
    edited, so none is returned.

    :raises ValueError: the text is malformed
    """
    try:
        return ini.parse(_without(text, find(text)))
    except ValueError:
        return {name: {key: value for key, value in settings.items()
                       if key != KEY}
                for name, settings in ini.parse(text).items()}


def is_safe(user: str) -> bool:
    """Return whether a section can bear the name of a cephx user."""
    try:
        return (bool(user) and user.isprintable() and user == user.strip()
                and f'client.{user}' in ini.parse(f'[client.{user}]\n'))
    except ValueError:
        return False


def _without(text: str, block: Optional[MarkedBlock]) -> str:
    if block is None:
        return text
    rest = text[block.stop:]
    # What others added behind the block must not join the line before it.
    newline = '\n' if block.is_joined and rest else ''
    return f'{text[:block.start]}{newline}{rest}'


def _rendered(overrides: Iterable[Override], is_joined: bool) -> str:
    sections = (f'# cluster {each.fsid}'
                f'{"" if each.is_proven else _NOT_PROVEN}\n'
                f'[client.{each.user}]\n'
                f'{KEY} = {",".join(map(str, each.addrs))}\n'
                for each in overrides)
    return ''.join((_BEGIN, _JOINED if is_joined else '', _TOLD, '\n',
                    *sections, _END, '\n'))


def _override(found: re.Match[str]) -> Override:
    """Return the override of a section.

    :raises ValueError: an address is malformed
    """
    return Override(found['user'], found['fsid'], tuple(
        MonAddr.parse(each) for each in found['addrs'].split(',')),
        not found['doubt'])


def _check(before: str, after: str, overrides: Iterable[Override]) -> None:
    """Check that the settings differ by the overrides alone."""
    wanted = ini.parse(before)
    for each in overrides:
        wanted.setdefault(f'client.{each.user}', {})[KEY] = ','.join(
            map(str, each.addrs))
    if ini.parse(after) != wanted:
        raise ValueError('the block would change other settings')
