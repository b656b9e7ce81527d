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

"""Measured values and their bounds."""

from __future__ import annotations

import dataclasses
import re
from typing import Optional, Sequence

_HEADS = ('WHAT', 'MEASURED', 'BOUND', 'HOLDS', 'HOW')


@dataclasses.dataclass(frozen=True)
class Figure:
    """One measured value.

    :param bound: the maximum allowed value; None for a value that only
        explains others
    :param unit: the unit of value and bound
    :param note: the raw measurements behind the value
    """

    what: str
    value: float
    bound: Optional[float]
    unit: str
    note: str

    @property
    def holds(self) -> bool:
        return self.bound is None or self.value <= self.bound

    @property
    def limit(self) -> str:
        """Return the bound as text."""
        return 'none' if self.bound is None else f'{self.bound:g} {self.unit}'


@dataclasses.dataclass(frozen=True)
class Point:
    """The seconds and the memory (MiB) that a number of servers takes."""

    who: str
    servers: int
    seconds: float
    memory: float


def version(text: str) -> str:
    """Return the first version number in a text, or ''."""
    found = re.search(r'\d+(?:\.\d+)+', text)
    return found.group() if found else ''


def table(figures: Sequence[Figure]) -> str:
    """Return a human-readable table."""
    rows = [_HEADS, *(
        (figure.what, f'{figure.value:.2f} {figure.unit}',
         figure.limit, 'yes' if figure.holds else 'NO',
         figure.note) for figure in figures)]
    widths = [max(map(len, column)) for column in zip(*rows)]
    return '\n'.join('  '.join(
        cell.ljust(width) for cell, width in zip(row, widths)).rstrip()
        for row in rows)
