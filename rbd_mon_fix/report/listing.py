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

"""Lists of rows, for the commands that do not report on copies."""

from __future__ import annotations

from typing import Iterable, Mapping, Sequence, TextIO

from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import nagios
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import style
from rbd_mon_fix.report import syntax


def write(fmt: str, stream: TextIO, columns: Sequence[str],
          rows: Iterable[Mapping[str, object]], document: object) -> None:
    """Write rows as a table, CSV or values, or the document as JSON or YAML.

    :param fmt: one of ``factory.FORMATS``
    :param columns: keys of the rows, and the headings
    :param document: the whole output of JSON and YAML
    """
    if fmt == 'json':
        syntax.write_json(document, stream)
    elif fmt == 'yaml':
        syntax.write_yaml(document, stream)
    elif fmt == 'csv':
        write_row = syntax.csv_writer(stream)
        write_row(columns)
        _write_rows(write_row, columns, rows)
    elif fmt == 'value':
        _write_rows(syntax.value_writer(stream), columns, rows)
    else:
        heads = [(column.upper(), 'bold') for column in columns]
        factory.printer(stream).table(
            [heads, *([_cell(row[column]) for column in columns]
                      for row in rows)])


def write_error(fmt: str, stream: TextIO, failure: ending.Failure) -> None:
    """Write the error of a command that has no other output.

    :param fmt: ``json``, ``yaml`` or ``nagios``
    """
    if fmt == 'nagios':
        stream.write(nagios.unknown(failure.message) + '\n')
    else:
        write(fmt, stream, (), (), schema.document(failure))


def _write_rows(write_row: syntax.WriteRow, columns: Sequence[str],
                rows: Iterable[Mapping[str, object]]) -> None:
    for row in rows:
        write_row([row[column] for column in columns])


def _cell(value: object) -> lines.Span:
    text = encoding.flat(value) or '-'
    return text, style.of(text)
