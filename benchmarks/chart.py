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

"""The picture of measurements: servers against seconds and memory."""

from __future__ import annotations

import math
from typing import Callable, Mapping, Sequence, Union

from benchmarks import figures
from docs import svg

# The size of a chart and its margins, in pixels.
_WIDTH, _HEIGHT = 400, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 24, 32, 64
_COLORS = '#0969da', '#cf222e', '#1a7f37'
# Two numbers below a line are no closer than this.
_APART = 28.0


def picture(points: Sequence[figures.Point]) -> str:
    """Return an SVG file that shows points as lines."""
    drawing = svg.Drawing(
        2 * _WIDTH, _HEIGHT + _TOP + _BOTTOM,
        'seconds and memory of a refresh against the number of servers')
    names = list(dict.fromkeys(point.who for point in points))
    for number, (what, label, scale) in enumerate((
            ('seconds', 'seconds', _Decades), ('memory', 'MiB', _Steps))):
        _chart(drawing, number * _WIDTH, label, scale, {name: [
            (point.servers, getattr(point, what)) for point in points
            if point.who == name] for name in names})
    x = float(_LEFT)
    for color, name in zip(_COLORS, names):
        drawing.circle(x, _HEIGHT + _TOP + 46, 4, fill=color)
        drawing.text(x + 10, _HEIGHT + _TOP + 50, name)
        x += 40 + 7 * len(name)
    return drawing.render()


class _Steps:
    """A scale from zero to above the largest value, in round steps."""

    def __init__(self, values: Sequence[float]):
        step = _step(max(values) / 4)
        count = 1 + int(max(values) // step)
        self.marks = [step * number for number in range(count + 1)]

    def share(self, value: float) -> float:
        """Return where a value is, from 0 to 1."""
        return value / self.marks[-1]


class _Decades:
    """A scale of powers of ten around the values."""

    def __init__(self, values: Sequence[float]):
        first = math.floor(math.log10(min(values)))
        last = math.floor(math.log10(max(values))) + 1
        self.marks = [10.0 ** power for power in range(first, last + 1)]

    def share(self, value: float) -> float:
        """Return where a value is, from 0 to 1."""
        return (math.log10(value / self.marks[0])
                / math.log10(self.marks[-1] / self.marks[0]))


def _chart(drawing: svg.Drawing, left: int, label: str,
           scale: Callable[[Sequence[float]], Union[_Steps, _Decades]],
           lines: Mapping[str, Sequence[tuple[int, float]]]) -> None:
    """Draw lines over the number of servers."""
    counts = sorted({x for line in lines.values() for x, _ in line})
    values = scale([y for line in lines.values() for _, y in line])

    def place(x: float, y: float) -> tuple[float, float]:
        return (left + _LEFT + (_WIDTH - _LEFT - _RIGHT) * x / counts[-1],
                _TOP + _HEIGHT * (1 - values.share(y)))

    drawing.text(left + _LEFT, _TOP - 10, label)
    for mark in values.marks:
        x, y = place(0, mark)
        drawing.line([(x, y), place(counts[-1], mark)], svg.EDGE)
        drawing.text(x - 8, y + 4, f'{mark:g}', text_anchor='end',
                     font_size=11)
    taken = -_APART
    for count in counts:
        x, _ = place(count, values.marks[0])
        if x - taken >= _APART:
            taken = x
            drawing.text(x, _TOP + _HEIGHT + 18, str(count),
                         text_anchor='middle', font_size=11)
    drawing.text(left + _WIDTH - _RIGHT, _TOP + _HEIGHT + 34, 'servers',
                 text_anchor='end', font_size=11)
    for color, line in zip(_COLORS, lines.values()):
        drawing.line([place(*point) for point in line], color,
                     stroke_width=2)
        for point in line:
            drawing.circle(*place(*point), 3, fill=color)


def _step(about: float) -> float:
    """Return the round number next to a distance of two lines."""
    size = 10.0 ** math.floor(math.log10(about))
    return min((size * each for each in (1, 2, 5, 10)),
               key=lambda each: abs(each - about))
