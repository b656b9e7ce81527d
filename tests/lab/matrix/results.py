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

"""The outcomes that the documentation shows: a JSON file, and a page of it.

The JSON file keeps the newest outcomes of each cell, so that a run of one
column leaves the others as they are. Print the page again:
``python -m tests.lab.matrix.results``.
"""

from __future__ import annotations

import json
import pathlib
from typing import Any, Iterator, Mapping

from tests.lab.matrix import cells
from tests.lab.matrix import kinds
from tests.lab.matrix import operations

DOCS = pathlib.Path(__file__).resolve().parents[3] / 'docs'
DATA = DOCS / 'matrix.json'
PAGE = DOCS / 'matrix.rst'
WORKS = 'works'
HEAD = '''\
.. Written by a run of tests/lab/matrix with --write-docs. Do not edit.

==========
The matrix
==========

What ``status`` predicts, and what happens: on the :doc:`lab`, for each kind of
disk, a server of each state for each operation that Nova allows in it. All
monitors are replaced; ``status`` is asked; the operations are tried. After
``refresh``, ``status`` is asked again, and the operations are tried on other
servers in the same states. An operation works if Nova says so, the server gets
into the expected state, and the guest keeps writing to its disk (unless it is
to be off). A soft reboot that becomes a hard one fails here.

An operation that leaves a server off, or hands its addresses on, goes on with
the way back: *stop, start*. ``tox -e lab-matrix -- --write-docs`` runs it
all and writes this page; ``-k volume`` runs one column.
'''
LEGEND = '''\
Each cell has two outcomes, before ``refresh`` and after it: ✗ fails, ✓ works.
Both are as predicted, except where a number says why they are not. "not run"
is a cell without an outcome so far.
'''


def write(outcomes: Mapping[tuple[cells.Cell, str], Any],
          generation: Mapping[str, str]) -> None:
    """Write the outcomes of a run, and the page.

    :param generation: the versions of the packages
    """
    known = read()
    for (cell, phase), outcome in outcomes.items():
        column = known.setdefault(cell.kind.name, {})
        found = column.setdefault(cell.state.name, {}).setdefault(
            cell.operation.name, {})
        found[phase] = [outcome.predicted, outcome.happened]
        found['generation'] = dict(generation)
    DATA.write_text(json.dumps(known, indent=1, sort_keys=True) + '\n')
    PAGE.write_text(page(known))


def read() -> dict[str, Any]:
    """Return the recorded outcomes: by kind, state, operation."""
    return json.loads(DATA.read_text()) if DATA.exists() else {}


def page(known: Mapping[str, Any]) -> str:
    """Return the page that shows outcomes."""
    return '\n'.join([HEAD, *_generations(known), _counted(known), LEGEND,
                      *_table(known), *_reasons(), *_not_tried()])


def lookup(known: Mapping[str, Any], cell: cells.Cell) -> dict[str, Any]:
    """Return the recorded outcomes of a cell; empty if there are none."""
    return known.get(cell.kind.name, {}).get(cell.state.name, {}).get(
        cell.operation.name, {})


def _generations(known: Mapping[str, Any]) -> Iterator[str]:
    """Yield each set of versions, and the kinds that were tried with it."""
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for kind in kinds.KINDS:
        for versions in sorted({
                tuple(sorted(lookup(known, cell)['generation'].items()))
                for cell in cells.CELLS
                if cell.kind == kind and lookup(known, cell)}):
            found.setdefault(versions, []).append(kind.name)
    for versions, names in found.items():
        shown = ', '.join(f'{name} {version}' for name, version in versions)
        yield f'- {", ".join(names)}: {shown}\n'


def _counted(known: Mapping[str, Any]) -> str:
    run = sum(bool(lookup(known, cell)) for cell in cells.CELLS)
    return f'{run} of {len(cells.CELLS)} cells have been run so far.\n'


def _table(known: Mapping[str, Any]) -> Iterator[str]:
    by_row: dict[tuple[str, str], dict[str, cells.Cell]] = {}
    for cell in cells.CELLS:
        row = by_row.setdefault((cell.state.name, cell.operation.name), {})
        row[cell.kind.name] = cell
    yield from ('.. list-table::', '   :header-rows: 1', '')
    yield from _row(['State', 'Operation',
                     *(kind.title for kind in kinds.KINDS)])
    for (state, operation), row in sorted(by_row.items(), key=lambda item: (
            cells.STATE_NAMES.index(item[0][0]))):
        yield from _row([state, operation, *(
            _shown(known, row[kind.name]) if kind.name in row else ''
            for kind in kinds.KINDS)])
    yield ''


def _row(texts: list[str]) -> Iterator[str]:
    for number, text in enumerate(texts):
        yield f'   {"*" if number == 0 else " "} - {text}'.rstrip()


def _shown(known: Mapping[str, Any], cell: cells.Cell) -> str:
    found = lookup(known, cell)
    if not found:
        return 'not run'
    return ' '.join(_outcome(cell, phase, *found[phase])
                    for phase in cells.PHASES)


def _outcome(cell: cells.Cell, phase: str, predicted: str,
             happened: str) -> str:
    sign = '✓' if happened == WORKS else '✗'
    if (predicted == WORKS) == (happened == WORKS):
        return sign
    entry = cells.unpredicted(cell, phase, predicted, happened)
    number = cells.UNPREDICTED.index(entry) + 1 if entry else '?'
    return f'{sign} ({number})'


def _reasons() -> Iterator[str]:
    yield from ('Not predicted', '=============', '')
    for number, entry in enumerate(cells.UNPREDICTED, 1):
        where = '; '.join(', '.join(each) for each in (
            entry.states, entry.kinds) if each)
        yield (f'{number}. *{entry.operation}* ({where}): '
               f'``status`` says {entry.predicted}, the operation '
               f'{entry.happened}. {entry.reason}.')
    yield ''


def _not_tried() -> Iterator[str]:
    yield from ('Not tried', '=========', '')
    for name, why in operations.NOT_TRIED.items():
        yield f'- {name}: {why}'
    yield ''


if __name__ == '__main__':
    PAGE.write_text(page(read()))
