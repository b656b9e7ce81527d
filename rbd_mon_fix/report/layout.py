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

"""Text that fits into columns, whatever characters it has."""

from __future__ import annotations

from typing import Mapping, Sequence

_CUT = '...'


def cells(text: str) -> int:
    """Return the number of columns that a printable text takes."""
    if text.isascii():
        return len(text)
    # Imported here: few texts need the tables.
    import rich.cells
    return rich.cells.cell_len(text)


def padded(text: str, width: int) -> str:
    """Return a text with blanks up to a number of columns."""
    return text + ' ' * (width - cells(text))


def shortened(text: str, width: int) -> str:
    """Return a text of at most so many columns; ``...`` stands for the rest.

    :param width: at least 3
    """
    if cells(text) <= width:
        return text
    while cells(text) > width - len(_CUT):
        text = text[:-1]
    return f'{text.rstrip()}{_CUT}'


def wrapped(text: str, width: int, most: int) -> list[str]:
    """Break a text between words; a longer word is a line of its own.

    :param most: the number of lines; ``...`` stands for what is left
    """
    lines = ['']
    for word in text.split():
        joined = f'{lines[-1]} {word}'.lstrip()
        if cells(joined) <= width or not lines[-1]:
            lines[-1] = joined
        elif len(lines) == most:
            lines[-1] = f'{shortened(lines[-1], width - 4)} {_CUT}'
            break
        else:
            lines.append(word)
    return lines


def fitted(rows: Sequence[Sequence[str]], width: int,
           least: Mapping[int, int]) -> list[list[str]]:
    """Pad cells to columns with a gap of two, shortening what is too wide.

    :param rows: cells, as many in each row
    :param width: the columns of the terminal
    :param least: the columns that give way, in this order, and the width that
        each of them keeps
    """
    widths = [max(map(cells, column)) for column in zip(*rows)]
    excess = sum(widths) + 2 * (len(widths) - 1) - width
    for place, kept in least.items():
        given = max(0, min(excess, widths[place] - kept))
        widths[place] -= given
        excess -= given
    return [[padded(shortened(cell, columns), columns)
             for cell, columns in zip(row, widths)] for row in rows]
