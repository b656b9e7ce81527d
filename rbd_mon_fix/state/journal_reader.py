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

"""Reading the journal file of one run, however damaged it is.

A line that is not as it was written is not used. What the others say is
sound: an outcome that is lost is found again in the store.
"""

from __future__ import annotations

import collections
import dataclasses
import re
from typing import Any, Optional

from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.model.run import RunSummary
from rbd_mon_fix.state import journal_records

_START = b'{"type": "'
_PRINTABLE = re.compile(rb'[ -~]+')
# What a line that is not as it was written may raise.
_BROKEN = (ValueError, KeyError, TypeError, AttributeError, RecursionError)


def run(name: str, content: bytes) -> Run:
    """Read a run from its journal file, however damaged the file is.

    :param name: the id of the run
    """
    lines = content[:len(content) - cut_off(content)].split(b'\n')
    reader = _Reader()
    for text in filter(None, lines):
        reader.read(text)
    return reader.run(name)


def summary(name: str, head: bytes, tail: bytes) -> Optional[RunSummary]:
    """Return what the ends of a file tell of a run; None if not enough.

    :param head: the first line
    :param tail: the last lines
    """
    before, close, rest = tail.rpartition(b'\n' + journal_records.CLOSE)
    if not close or rest:
        return None
    try:
        first, sealed = journal_records.loads(head.rstrip(b'\n'))
        last, _ = journal_records.loads(before.rpartition(b'\n')[2])
        if (not sealed or first['type'] != 'run' or last['type'] != 'summary'
                or first['version'] != journal_records.VERSION):
            return None
        told = journal_records.head(first)
        outcomes = journal_records.outcomes(last)
        replaced = journal_records.replaced(last, told.fsids)
    except _BROKEN:
        return None
    return RunSummary(name, told.command, told.hosts, told.started,
                      told.undoes, outcomes, True, replaced=replaced)


def unreadable(name: str) -> Run:
    """Return a run of whose journal file nothing can be read."""
    return Run(name, '', (), '', None, (), False, frozenset(),
               Condition.DAMAGED)


def cut_off(content: bytes) -> int:
    """Return the length of a last line that a crash cut off; usually 0."""
    last = content[content.rfind(b'\n') + 1:]
    return len(last) if _is_cut_off(last) else 0


def _is_cut_off(text: bytes) -> bool:
    return (bool(_PRINTABLE.fullmatch(text))
            and text.startswith(_START[:len(text)])
            and text.count(b'{') > text.count(b'}'))


class _Reader:
    """Reads the lines of one file in their order."""

    def __init__(self) -> None:
        self._head: Optional[journal_records.Head] = None
        self._entries: dict[int, Entry] = {}
        self._locked: set[str] = set()
        self._finished = False
        self._damaged = False
        self._mixed = False
        self._newer = False
        self._sealed = False

    def read(self, text: bytes) -> None:
        """Read a line; one that is broken changes nothing but the result."""
        try:
            self._take(self._line(text))
        except _BROKEN:
            self._finished = False
            # Earlier versions did not remove a line that was cut off.
            self._damaged |= self._sealed or not _is_cut_off(text)

    def run(self, name: str) -> Run:
        """Return the run that was read."""
        if self._newer:
            return Run(name, '', (), '', None, (), self._finished,
                       frozenset(), Condition.NEWER)
        entries = tuple(
            dataclasses.replace(entry, verdict=None, reason='')
            if self._mixed else entry for entry in self._entries.values())
        if self._head is None and (entries or self._locked):
            self._damaged = True
        head = self._head or journal_records.Head('', tuple(dict.fromkeys(
            entry.locator.host for entry in entries)), '', None)
        return Run(name, head.command, head.hosts, head.started, head.undoes,
                   entries, self._finished, frozenset(self._locked),
                   Condition.DAMAGED if self._damaged else Condition.WHOLE,
                   head.fsids)

    def _line(self, text: bytes) -> dict[str, Any]:
        if text + b'\n' == journal_records.CLOSE:
            return {'type': 'close'}
        line, sealed = journal_records.loads(text)
        if self._sealed and not sealed:
            raise ValueError('no checksum')
        self._sealed = sealed
        return line

    def _take(self, line: dict[str, Any]) -> None:
        kind = line['type']
        if self._newer:
            pass
        elif kind == 'run':
            self._take_head(line)
        elif kind == 'begin':
            self._take_begin(line)
        elif kind == 'end':
            number = journal_records.number(line, 'seq')
            self._entries[number] = journal_records.ended(
                self._entries[number], line)
        elif kind == 'locking':
            self._locked |= set(journal_records.words(line, 'instances'))
        elif kind == 'unlocked':
            self._locked -= set(journal_records.words(line, 'instances'))
        elif kind == 'summary':
            self._check_summary(line)
        elif kind != 'close':
            raise ValueError('unknown type')
        self._finished = kind == 'close'

    def _take_head(self, line: dict[str, Any]) -> None:
        # The first journals had no version.
        version = journal_records.number(line, 'version', 1)
        if version > 1 and not self._sealed:
            raise ValueError('no checksum')
        if version > journal_records.VERSION:
            self._newer = True
        elif self._head is not None:
            # Earlier versions could write two runs into one file, so an
            # outcome may be that of another change.
            self._mixed = self._damaged = True
        else:
            self._head = journal_records.head(line)

    def _check_summary(self, line: dict[str, Any]) -> None:
        """Compare a summary with the lines before it."""
        if journal_records.outcomes(line) != collections.Counter(
                entry.verdict for entry in self._entries.values()):
            raise ValueError('another summary')

    def _take_begin(self, line: dict[str, Any]) -> None:
        entry = journal_records.entry(line)
        if entry.number in self._entries:
            raise ValueError('two changes with one number')
        self._entries[entry.number] = entry
