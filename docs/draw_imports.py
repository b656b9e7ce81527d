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

"""Draw the import graph of the package from its source.

Rooms stand on a staircase, from the street to the cellar. The arrow of an
import goes to the right and then down into the imported room; an import back
up is red. Run from the root of the tree: python -m docs.draw_imports
"""

from __future__ import annotations

import ast
import pathlib
from typing import Iterator, Mapping

from docs import svg

PICTURE = pathlib.Path(__file__).with_name('imports.svg')
PACKAGE = PICTURE.parents[1] / 'rbd_mon_fix'

# From the street to the cellar.
LAYERS: Mapping[str, tuple[str, ...]] = {
    'commands': ('cli',),
    'checks': ('preflight',),
    'application': ('engine',),
    'rooms': ('report', 'inventory', 'stores', 'ceph', 'qemu', 'state',
              'hook'),
    'outside': ('clients', 'conf'),
    'pure': ('documents', 'core'),
    'values': ('model',),
}
# Modules that start the command, or that every room imports.
LEFT_OUT = {'__init__', '__main__', 'exceptions'}

# (importer, imported); the value is True if only annotations need it.
Imports = Mapping[tuple[str, str], bool]

UP = '#cf222e'
_DOWN, _FILL = '#0969da', '#e8f1fc'
_MARGIN, _LABELS, _BOX, _COLUMN = 16, 84, 86, 40
_TOP, _ROW, _HEIGHT = 16, 36, 26
# The distance of annotation lines from the other lines.
_BESIDE = 5


class UnknownRoom(Exception):
    """A folder or module of the package that has no place in LAYERS."""


def imports(package: pathlib.Path) -> Imports:
    """Return the imports between the rooms of a package, in a fixed order.

    :raises UnknownRoom: a room has no place in ``LAYERS``
    """
    found: dict[tuple[str, str], bool] = {}
    for path in sorted(package.rglob('*.py')):
        here = path.relative_to(package).with_suffix('').parts[0]
        if here in LEFT_OUT:
            continue
        tree = ast.parse(path.read_text())
        for room, typing_only in _imported(tree, package.name, False):
            if room != here and room not in LEFT_OUT:
                known = found.get((here, room), True)
                found[here, room] = known and typing_only
    strangers = {room for pair in found for room in pair} - set(_rooms())
    if strangers:
        raise UnknownRoom(', '.join(sorted(strangers)))
    order = _rooms().index
    return {pair: found[pair] for pair in sorted(
        found, key=lambda pair: (order(pair[0]), order(pair[1])))}


def _imported(node: ast.AST, package: str,
              typing_only: bool) -> Iterator[tuple[str, bool]]:
    """Yield each imported room, and whether only annotations need it."""
    if isinstance(node, ast.If) and _is_type_checking(node.test):
        for statement in node.body:
            yield from _imported(statement, package, True)
        for statement in node.orelse:
            yield from _imported(statement, package, typing_only)
        return
    for dotted in _dotted(node):
        top, _, rest = dotted.partition('.')
        if top == package and rest:
            yield rest.partition('.')[0], typing_only
    for child in ast.iter_child_nodes(node):
        yield from _imported(child, package, typing_only)


def _dotted(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [f'{node.module}.{alias.name}' for alias in node.names]
    return []


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else getattr(
        test, 'id', '')
    return name == 'TYPE_CHECKING'


def draw(package: pathlib.Path = PACKAGE) -> str:
    """Return a diagram of a package's imports as SVG."""
    found = imports(package)
    rooms = _rooms()
    width = _right(len(rooms) - 1) + 2 * _MARGIN
    height = _TOP + _ROW * len(rooms) + 50
    drawing = svg.Drawing(width, height,
                          'The rooms of rbd_mon_fix and their imports')
    _bands(drawing, width)
    # Forbidden imports (upwards) are drawn last, on top of the others.
    for down in (True, False):
        for (source, target), typing_only in found.items():
            if (rooms.index(source) < rooms.index(target)) is down:
                _arrow(drawing, rooms.index(source), rooms.index(target),
                       typing_only)
        if down:
            _boxes(drawing, rooms)
    drawing.text(
        _MARGIN, height - 30, 'A dot: the room on the left imports the room '
        'below. Dashed: for annotations only.', fill=svg.MUTED)
    drawing.text(
        _MARGIN, height - 12, 'Every room may import exceptions, which is '
        'left out. Red: an import that goes back up.', fill=svg.MUTED)
    return drawing.render()


def _rooms() -> list[str]:
    return [room for layer in LAYERS.values() for room in layer]


def _right(row: int) -> int:
    """Return the right edge of the box in a row."""
    return _MARGIN + _LABELS + _BOX + row * _COLUMN


def _middle(row: int) -> float:
    return _TOP + (row + 0.5) * _ROW


def _bands(drawing: svg.Drawing, width: int) -> None:
    row = 0
    for number, (layer, rooms) in enumerate(LAYERS.items()):
        y, height = _TOP + row * _ROW, len(rooms) * _ROW
        if number % 2 == 0:
            drawing.rect(1, y, width - 2, height, fill=svg.SHADE)
        drawing.text(_MARGIN, y + _ROW / 2 + 4, layer, fill=svg.MUTED)
        row += len(rooms)


def _boxes(drawing: svg.Drawing, rooms: list[str]) -> None:
    for row, room in enumerate(rooms):
        x, y = _right(row) - _BOX, _middle(row)
        drawing.rect(x, y - _HEIGHT / 2, _BOX, _HEIGHT, rx=4, fill=_FILL,
                     stroke=svg.MUTED)
        drawing.text(x + _BOX / 2, y + 4.5, room, text_anchor='middle')


def _arrow(drawing: svg.Drawing, source: int, target: int,
           typing_only: bool) -> None:
    """Draw an import: along the importer's row, then into the imported room.

    Solid lines of one row or column overlap; a dot marks where a line turns
    off.
    """
    down = source < target
    color = _DOWN if down else UP
    beside = _BESIDE if typing_only else 0
    y = _middle(source) + beside
    x = _right(target) - _COLUMN / 2 + beside + (0 if down else -_BOX / 2)
    x1 = _right(source) - (0 if down else _BOX)
    y2 = _middle(target) + (-1 if down else 1) * _HEIGHT / 2
    drawing.path(f'M{x1:g} {y:g}H{x:g}V{y2:g}', color, stroke_width=1.4,
                 stroke_dasharray='4 3' if typing_only else 'none')
    drawing.circle(x, y, 3, stroke=color,
                   fill=svg.PANEL if typing_only else color)


if __name__ == '__main__':
    PICTURE.write_text(draw())
