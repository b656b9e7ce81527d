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

"""The lines of a journal file: changes and outcomes as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Iterable, Iterator

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import fingerprint
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run


def begin(number: int, change: Change) -> dict[str, object]:
    """Return the line to write before a change is made."""
    assert change.record.document is not None
    return {'type': 'begin', 'seq': number,
            **vars(change.locator),
            'old_hash': fingerprint(change.record.document),
            'new_hash': fingerprint(change.document),
            'edits': [_edit_to_json(edit) for edit in change.edits]}


def _edit_to_json(edit: Edit) -> dict[str, object]:
    return {**vars(edit), 'old': list(map(str, edit.old)),
            'new': list(map(str, edit.new))}


def _edit_from_json(fields: dict[str, Any]) -> Edit:
    return Edit(**{**fields,
                   'old': tuple(map(MonAddr.parse, fields['old'])),
                   'new': tuple(map(MonAddr.parse, fields['new']))})


def end(number: int, outcome: Outcome) -> dict[str, object]:
    """Return the line to write after a change."""
    return {'type': 'end', 'seq': number, 'verdict': outcome.verdict.value,
            'reason': outcome.reason}


def _lines(file: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the complete lines of a journal file."""
    for text in file:
        try:
            line = json.loads(text)
        except ValueError:
            continue  # A crash cut the line short.
        if isinstance(line, dict):
            yield line


def run(name: str, file: Iterable[str]) -> Run:
    """Read a run from the lines of its journal file.

    :param name: the id of the run
    """
    head: dict[str, Any] = {}
    entries: dict[int, Entry] = {}
    locked: set[str] = set()
    finished = False
    for line in _lines(file):
        kind = line.get('type')
        if kind == 'run':
            head = line
        elif kind == 'begin':
            entries[line['seq']] = _entry(line)
        elif kind == 'end':
            entries[line['seq']] = dataclasses.replace(
                entries[line['seq']], verdict=Verdict(line['verdict']),
                reason=line['reason'])
        elif kind == 'locking':
            locked |= set(line['instances'])
        elif kind == 'unlocked':
            locked -= set(line['instances'])
        finished = finished or kind == 'close'
    return Run(name, head.get('command', ''), tuple(head.get('hosts', ())),
               head.get('started', ''), head.get('undoes'),
               tuple(entries.values()), finished, frozenset(locked))


def _entry(line: dict[str, Any]) -> Entry:
    return Entry(
        Locator(line['store'], line['host'], line['instance'], line['key']),
        tuple(map(_edit_from_json, line['edits'])),
        line['old_hash'], line['new_hash'], None, '')
