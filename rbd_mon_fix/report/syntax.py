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

"""Writers of JSON, YAML, CSV and plain values to a stream."""

from __future__ import annotations

import csv
import functools
import json
from typing import Callable, Mapping, Protocol, Sequence, TextIO

from rbd_mon_fix.report import encoding

# Writes the values of one row.
WriteRow = Callable[[Sequence[object]], object]


class Syntax(Protocol):
    """Writes one object that contains lists, item by item."""

    def begin(self, values: Mapping[str, object]) -> None:
        """Write the first keys of the object, at least one."""

    def open_list(self, name: str) -> None:
        """Begin a list under a key."""

    def item(self, value: object) -> None:
        """Write one item of the list."""

    def close_list(self) -> None:
        """End the list."""

    def end(self, values: Mapping[str, object]) -> None:
        """Write the last keys of the object."""


class Json:
    """JSON with each key and each item on its own line."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._separator = ''

    def begin(self, values: Mapping[str, object]) -> None:
        """Write the first keys of the object, at least one."""
        written = ',\n'.join(f'"{key}": {json.dumps(value)}'
                             for key, value in values.items())
        self._stream.write('{' + written)

    def open_list(self, name: str) -> None:
        """Begin a list under a key."""
        self._stream.write(f',\n"{name}": [')
        self._separator = '\n'

    def item(self, value: object) -> None:
        """Write one item of the list."""
        self._stream.write(self._separator + json.dumps(value))
        self._separator = ',\n'

    def close_list(self) -> None:
        """End the list."""
        self._stream.write('\n]')

    def end(self, values: Mapping[str, object]) -> None:
        """Write the last keys of the object."""
        for key, value in values.items():
            self._stream.write(f',\n"{key}": {json.dumps(value)}')
        self._stream.write('}\n')


class Yaml:
    """The same object as YAML in block style."""

    def __init__(self, stream: TextIO):
        self._stream = stream
        self._dump = _yaml_dump()
        self._name = ''
        self._is_empty = True

    def begin(self, values: Mapping[str, object]) -> None:
        """Write the first keys of the object."""
        self._dump(dict(values), self._stream)

    def open_list(self, name: str) -> None:
        """Begin a list under a key, which is written with the first item."""
        self._name = name
        self._is_empty = True

    def item(self, value: object) -> None:
        """Write one item of the list."""
        if self._is_empty:
            self._stream.write(f'{self._name}:\n')
            self._is_empty = False
        self._dump([value], self._stream)

    def close_list(self) -> None:
        """End the list."""
        if self._is_empty:
            self._stream.write(f'{self._name}: []\n')

    def end(self, values: Mapping[str, object]) -> None:
        """Write the last keys of the object."""
        self._dump(dict(values), self._stream)


def write_json(document: object, stream: TextIO) -> None:
    """Write a whole document as JSON."""
    json.dump(document, stream, indent=2)
    stream.write('\n')


def write_yaml(document: object, stream: TextIO) -> None:
    """Write a whole document as YAML."""
    _yaml_dump()(document, stream)


def value_writer(stream: TextIO) -> WriteRow:
    """Return a function that writes the values of a row between blanks.

    As with cliff, no value is quoted. A list is joined by commas, and a
    value that is missing is a dash, so that no field is lost.
    """
    encodable = encoding.encoder(stream)

    def field(value: object) -> str:
        text = (','.join(map(str, value)) if isinstance(value, (list, tuple))
                else encoding.flat(value))
        return encodable(encoding.printable(text)) or '-'

    return lambda row: stream.write(' '.join(map(field, row)) + '\n')


def csv_writer(stream: TextIO) -> WriteRow:
    """Return a function that writes one row as CSV, with inert cells."""
    writer = csv.writer(stream, lineterminator='\n')
    encodable = encoding.encoder(stream)
    return lambda row: writer.writerow(
        [encodable(encoding.cell(value)) for value in row])


def _yaml_dump() -> Callable[[object, TextIO], None]:
    # Imported here: importing yaml takes longer than a JSON report.
    import yaml

    class Dumper(getattr(yaml, 'CSafeDumper', yaml.SafeDumper)):  # type: ignore
        """Escapes lone surrogates, which YAML has no way to write."""

    Dumper.add_representer(str, lambda dumper, text: dumper.represent_str(
        text.encode('utf-8', 'backslashreplace').decode()))
    return functools.partial(yaml.dump, Dumper=Dumper, sort_keys=False,
                             default_flow_style=False, width=4096)
