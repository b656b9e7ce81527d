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

"""The lines of a journal file: changes and outcomes as JSON.

Each line ends with a checksum of itself, except for the last one, which is
constant. Version 1 of the format had no checksums, version 2 no summary.
"""

from __future__ import annotations

import dataclasses
import json
import re
from typing import Any, Iterable, Mapping, Optional
import zlib

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import fingerprint
from rbd_mon_fix.model.run import Entry

VERSION = 3
CLOSE = b'{"type": "close"}\n'

_SEALED = re.compile(rb'(.*), "crc": "([0-9a-f]{8})"}')
_HASH = re.compile(r'[0-9a-f]{64}')


def dumps(fields: Mapping[str, object]) -> bytes:
    """Return a line with its checksum."""
    text = json.dumps(fields).encode()
    return b'%s, "crc": "%08x"}\n' % (text[:-1], zlib.crc32(text))


def told(clusters: Iterable[Cluster]) -> list[Mapping[str, object]]:
    """Return what the first line of a run tells of clusters."""
    return [{'name': cluster.name, 'fsid': cluster.fsid,
             'monitors': list(map(str, cluster.monmap.addrs)),
             'stated': list(map(str, cluster.stated))}
            for cluster in clusters]


def begin(number: int, change: Change) -> dict[str, object]:
    """Return the line to write before a change is made."""
    assert change.record.document is not None
    return {'type': 'begin', 'seq': number,
            **change.locator._asdict(),
            'name': change.name, 'device': change.record.disk,
            'old_hash': fingerprint(change.record.document),
            'new_hash': fingerprint(change.document),
            'edits': [_edit_to_json(edit) for edit in change.edits]}


def end(number: int, outcome: Outcome) -> dict[str, object]:
    """Return the line to write after a change."""
    return {'type': 'end', 'seq': number, 'verdict': outcome.verdict.value,
            'reason': outcome.reason}


def summary(settled: Mapping[Verdict, int],
            replaced: Mapping[str, Iterable[str]]) -> dict[str, object]:
    """Return the line to write at the end of a run.

    :param settled: the number of changes with each outcome
    :param replaced: the addresses of each cluster that were to be replaced
    """
    return {'type': 'summary', 'outcomes': {
        verdict.value: count for verdict, count in settled.items()},
        'replaced': {
            cluster: sorted(addrs) for cluster, addrs in replaced.items()}}


@dataclasses.dataclass(frozen=True)
class Head:
    """What the first line says of a run.

    :param fsids: the fsid of each cluster by its name, where it was known
    """

    command: str
    hosts: tuple[str, ...]
    started: str
    undoes: Optional[str]
    fsids: Mapping[str, str] = dataclasses.field(default_factory=dict)


def loads(text: bytes) -> tuple[dict[str, Any], bool]:
    """Return the fields of a line, and whether it has a checksum.

    :raises ValueError: the line is not as it was written
    """
    sealed = _SEALED.fullmatch(text)
    if sealed:
        text = sealed[1] + b'}'
        if zlib.crc32(text) != int(sealed[2], 16):
            raise ValueError('wrong checksum')
    return json.loads(text.decode('ascii')), bool(sealed)


def head(line: Mapping[str, Any]) -> Head:
    """Read the first line of a run."""
    undoes = line.get('undoes')
    return Head(
        word(line, 'command'), words(line, 'hosts'), word(line, 'started'),
        None if undoes is None else word(line, 'undoes'),
        {word(cluster, 'name'): word(cluster, 'fsid')
         for cluster in line.get('clusters', ()) if cluster.get('fsid')})


def entry(line: Mapping[str, Any]) -> Entry:
    """Read the line that was written before a change."""
    return Entry(
        Locator(*(word(line, key)
                  for key in ('store', 'host', 'instance', 'key'))),
        tuple(map(_edit_from_json, line['edits'])),
        _hash(line, 'old_hash'), _hash(line, 'new_hash'), None, '',
        number(line, 'seq'), word(line, 'name') if 'name' in line else '',
        word(line, 'device') if line.get('device') is not None else None)


def ended(begun: Entry, line: Mapping[str, Any]) -> Entry:
    """Return a change with the outcome that a line tells."""
    return dataclasses.replace(begun, verdict=Verdict(line['verdict']),
                               reason=word(line, 'reason'))


def outcomes(line: Mapping[str, Any]) -> dict[Optional[Verdict], int]:
    """Read the line that was written at the end of a run."""
    return {Verdict(key): number(line['outcomes'], key)
            for key in line['outcomes']}


def replaced(line: Mapping[str, Any], fsids: Mapping[str, str]
             ) -> dict[str, frozenset[MonAddr]]:
    """Read the addresses in a summary.

    :param fsids: the fsid of each cluster by its name
    :returns: the addresses by fsid; not those of a cluster without one
    """
    return {fsids[cluster]: frozenset(map(
                MonAddr.parse, words(line['replaced'], cluster)))
            for cluster in line['replaced'] if cluster in fsids}


def _edit_to_json(edit: Edit) -> dict[str, object]:
    return {**vars(edit), 'old': list(map(str, edit.old)),
            'new': list(map(str, edit.new))}


def _edit_from_json(fields: dict[str, Any]) -> Edit:
    lists = {key: tuple(map(MonAddr.parse, words(fields, key)))
             for key in ('old', 'new')}
    others = {key: None if value is None and key in ('user', 'secret_uuid')
              else word(fields, key)
              for key, value in fields.items() if key not in lists}
    return Edit(**others, **lists)  # type: ignore[arg-type]


def _hash(fields: Mapping[str, Any], key: str) -> str:
    found = word(fields, key)
    if not _HASH.fullmatch(found):
        raise ValueError('no fingerprint')
    return found


def word(fields: Mapping[str, Any], key: str) -> str:
    """Return a string.

    :raises ValueError, KeyError, TypeError: the value is not one
    """
    return _checked(fields[key])


def words(fields: Mapping[str, Any], key: str) -> tuple[str, ...]:
    """Return a list of strings; raise as ``word`` does."""
    if not isinstance(fields[key], list):
        raise TypeError(key)
    return tuple(map(_checked, fields[key]))


def _checked(word: Any) -> str:
    if not isinstance(word, str):
        raise TypeError('no string')
    word.encode()  # A lone surrogate could not be printed.
    return word


def number(fields: Mapping[str, Any], key: str, default: object = None
           ) -> int:
    """Return an integer; raise TypeError if it is none."""
    found = fields.get(key, default)
    if type(found) is not int:
        raise TypeError(key)
    return found
