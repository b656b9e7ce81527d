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

"""What the documentation shows of measurements: a table and a picture.

The newest figures of each benchmark are kept in a JSON file, so that a run of
one leaves the others as they are. Print the page again from it:
``python -m benchmarks.page``.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import subprocess
from typing import Any, Iterator, Mapping, Sequence

from benchmarks import chart
from benchmarks import figures

DOCS = pathlib.Path(__file__).resolve().parents[1] / 'docs'
DATA = DOCS / 'performance.json'
TABLE = DOCS / 'performance.inc'
PICTURE = DOCS / 'performance.svg'
# What a run starts, besides Python.
PROGRAMS = {'MariaDB': ['mariadbd', '--version'],
            'libvirt': ['libvirtd', '--version']}


def keep(name: str, measured: Sequence[figures.Figure],
         points: Sequence[figures.Point] = ()) -> None:
    """Keep the figures of a benchmark, and draw the page.

    :param name: of the benchmark
    """
    known = read()
    known[name] = {
        'date': datetime.date.today().isoformat(), 'machine': machine(),
        'figures': [{**dataclasses.asdict(each), 'holds': each.holds}
                    for each in measured],
        'points': list(map(dataclasses.asdict, points))}
    DATA.write_text(json.dumps(known, indent=1, sort_keys=True) + '\n')
    draw(read())


def read() -> dict[str, Any]:
    """Return what is known, by benchmark."""
    return json.loads(DATA.read_text()) if DATA.exists() else {}


def machine() -> str:
    """Return what the figures depend on."""
    model = next((line.partition(':')[2].strip() for line in pathlib.Path(
        '/proc/cpuinfo').read_text().splitlines()
        if line.startswith('model name')), platform.machine())
    memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
    versions = [f'Python {platform.python_version()}']
    for name, command in PROGRAMS.items():
        text = subprocess.run(command, capture_output=True, text=True,
                              check=True).stdout
        versions.append(f'{name} {figures.version(text)}')
    return (f'{os.cpu_count()} cores of {model}, {memory / 2**30:.0f} GiB; '
            f'{", ".join(versions)}')


def draw(known: Mapping[str, Any]) -> None:
    """Write the table, and the picture if there are points."""
    TABLE.write_text(table(known))
    points = [figures.Point(**each) for found in known.values()
              for each in found['points']]
    if points:
        PICTURE.write_text(chart.picture(points))


def table(known: Mapping[str, Any]) -> str:
    """Return the table of all figures, and where they come from."""
    return '\n'.join([
        '.. Written by "python -m benchmarks". Do not edit.', '',
        *_table(known), '', *_machines(known), ''])


def _table(known: Mapping[str, Any]) -> Iterator[str]:
    yield from ('.. list-table::', '   :header-rows: 1', '')
    yield from _row('What', 'Measured', 'Bound', 'How')
    for found in known.values():
        for kept in found['figures']:
            each = figures.Figure(**{name: value for name, value
                                     in kept.items() if name != 'holds'})
            value = f'{each.value:.2f} {each.unit}'
            yield from _row(each.what, value if each.holds else f'**{value}**',
                            each.limit, each.note)


def _row(*cells: str) -> Iterator[str]:
    for number, cell in enumerate(cells):
        yield f'   {" " if number else "*"} - {cell}'.rstrip()


def _machines(known: Mapping[str, Any]) -> Iterator[str]:
    """Yield each machine, and what was measured there and when."""
    places: dict[str, list[str]] = {}
    for name, found in known.items():
        places.setdefault(found['machine'], []).append(
            f'{name} ({found["date"]})')
    for place, names in places.items():
        yield f'- {", ".join(names)}: {place}'


if __name__ == '__main__':
    draw(read())
