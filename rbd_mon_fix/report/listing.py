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

"""Plain lists of rows, for the commands that are not about copies."""

from __future__ import annotations

from typing import Iterable, Mapping, Sequence, TextIO

from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import machine
from rbd_mon_fix.report import style
from rbd_mon_fix.report import table

_HANG = 4


def write(fmt: str, stream: TextIO, columns: Sequence[str],
          rows: Iterable[Mapping[str, object]], document: object) -> None:
    """Write rows for people and CSV, the document for JSON and YAML.

    :param fmt: one of ``factory.FORMATS``
    :param columns: keys of the rows, which are the heads as well
    :param document: what the machine formats show instead of the rows
    """
    if fmt == 'json':
        machine.write_json(document, stream)
    elif fmt == 'yaml':
        machine.write_yaml(document, stream)
    elif fmt == 'csv':
        _write_csv(stream, columns, rows)
    else:
        _write_table(factory.printer(stream), columns, rows)


def _write_csv(stream: TextIO, columns: Sequence[str],
               rows: Iterable[Mapping[str, object]]) -> None:
    write_row = machine.csv_writer(stream)
    write_row(columns)
    for row in rows:
        write_row([row[column] for column in columns])


def _write_table(printer: table.Printer, columns: Sequence[str],
                 rows: Iterable[Mapping[str, object]]) -> None:
    lines = [[_cell(row[column]) for column in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *lines)]
    heads = [column.upper() for column in columns]
    printer.line([(text, 'bold') for text in _padded(heads, widths)], _HANG)
    for line in lines:
        printer.line([(text, style.of(word)) for text, word
                      in zip(_padded(line, widths), line)], _HANG)


def _padded(cells: Sequence[str], widths: Sequence[int]) -> list[str]:
    return [f'{cell.ljust(width)}  ' for cell, width in zip(cells, widths)]


def _cell(value: object) -> str:
    return encoding.printable(machine.flat(value)) or '-'
