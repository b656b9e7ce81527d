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

"""Reports for programs, written record by record: JSON, YAML, CSV."""

from __future__ import annotations

import csv
import functools
import json
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, TextIO

from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import schema

# Each as sources.given dumps it.
Clusters = Sequence[Mapping[str, Any]]
Answering = Optional[frozenset[MonAddr]]


class Json:
    """One object, with a record on each line."""

    def __init__(self, stream: TextIO, kind: schema.Kind):
        self._stream = stream
        self._kind = kind
        self._separator = '\n'

    def clusters(self, clusters: Clusters, answering: Answering) -> None:
        """Write all that comes before the first record."""
        listed = json.dumps(list(clusters))
        self._stream.write(f'{{"version": {schema.VERSION},\n'
                           f'"clusters": {listed},\n"records": [')

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write the records of one server."""
        for row in schema.rows(self._kind, copies, outcomes):
            self._stream.write(self._separator + json.dumps(row))
            self._separator = ',\n'

    def findings(self, found: Iterable[Finding]) -> None:
        """Write the list of what cannot be put right."""
        self._stream.write('\n],\n"findings": [')
        self._separator = '\n'
        for each in found:
            row = schema.finding(each)
            self._stream.write(self._separator + json.dumps(row))
            self._separator = ',\n'

    def close(self, tally: Summary, run: Optional[str]) -> None:
        """Write all that comes after the last record."""
        self._stream.write('\n]')
        for key, value in _tail(self._kind, tally, run).items():
            self._stream.write(f',\n"{key}": {json.dumps(value)}')
        self._stream.write('}\n')


class Yaml:
    """The same object in YAML; the list is written an item at a time."""

    def __init__(self, stream: TextIO, kind: schema.Kind):
        self._stream = stream
        self._kind = kind
        self._dump = _yaml_dump()
        self._name = 'records'
        self._is_empty = True

    def clusters(self, clusters: Clusters, answering: Answering) -> None:
        """Write all that comes before the first record."""
        self._dump({'version': schema.VERSION, 'clusters': list(clusters)},
                   self._stream)

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write the records of one server."""
        for row in schema.rows(self._kind, copies, outcomes):
            self._item(row)

    def findings(self, found: Iterable[Finding]) -> None:
        """Write the list of what cannot be put right."""
        self._close_list()
        self._name = 'findings'
        for each in found:
            self._item(schema.finding(each))

    def close(self, tally: Summary, run: Optional[str]) -> None:
        """Write all that comes after the last record."""
        self._close_list()
        self._dump(_tail(self._kind, tally, run), self._stream)

    def _item(self, row: dict[str, object]) -> None:
        if self._is_empty:
            self._stream.write(f'{self._name}:\n')
            self._is_empty = False
        self._dump([row], self._stream)

    def _close_list(self) -> None:
        if self._is_empty:
            self._stream.write(f'{self._name}: []\n')
        self._is_empty = True


class Csv:
    """The records alone, with a line of their keys above them."""

    def __init__(self, stream: TextIO, kind: schema.Kind):
        self._kind = kind
        self._write = csv_writer(stream)

    def clusters(self, clusters: Clusters, answering: Answering) -> None:
        """Write the keys of the records."""
        self._write(schema.columns(self._kind))

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write the records of one server."""
        for row in schema.rows(self._kind, copies, outcomes):
            self._write(tuple(row.values()))

    def findings(self, found: Iterable[Finding]) -> None:
        """Write nothing, but let each be counted: they are no records."""
        for _ in found:
            pass

    def close(self, tally: Summary, run: Optional[str]) -> None:
        """Write nothing: CSV has no place for a summary."""


def write_json(document: object, stream: TextIO) -> None:
    """Write a whole document as JSON."""
    json.dump(document, stream, indent=2)
    stream.write('\n')


def write_yaml(document: object, stream: TextIO) -> None:
    """Write a whole document as YAML."""
    _yaml_dump()(document, stream)


def csv_writer(stream: TextIO) -> Callable[[Sequence[object]], object]:
    """Return what writes one row; lists are joined by blanks."""
    writer = csv.writer(stream, lineterminator='\n')
    encodable = encoding.encoder(stream)
    return lambda row: writer.writerow(
        [encodable(flat(cell)) for cell in row])


def flat(cell: object) -> str:
    """Return a value as one text; None is the empty one."""
    if isinstance(cell, (list, tuple)):
        return ' '.join(map(str, cell))
    return '' if cell is None else str(cell)


def _tail(kind: schema.Kind, tally: Summary,
          run: Optional[str]) -> dict[str, object]:
    beside = {'run': run} if kind.tells_outcome else {}
    return {**beside, 'summary': tally.as_dict()}


def _yaml_dump() -> Callable[[object, TextIO], None]:
    # Imported here: it costs more than all of a JSON report.
    import yaml
    dumper = getattr(yaml, 'CSafeDumper', yaml.SafeDumper)
    return functools.partial(yaml.dump, Dumper=dumper, sort_keys=False,
                             default_flow_style=False, width=4096)
