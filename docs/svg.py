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

"""A small SVG writer for the diagrams of the documentation.

Every diagram has its own white panel, so it is readable on a page of any
color, and names only generic fonts, so it looks the same everywhere.
"""

from __future__ import annotations

from typing import Mapping, Sequence, Union
from xml.sax import saxutils

INK = '#1f2328'
MUTED = '#59636e'
PANEL = '#ffffff'
EDGE = '#d1d9e0'
SHADE = '#f2f5f8'

Value = Union[str, int, float]


class Drawing:
    """A diagram that is built element by element.

    :param title: the text for readers who cannot see the picture
    """

    def __init__(self, width: int, height: int, title: str):
        self._size = (width, height)
        self._title = title
        self._markers: list[str] = []
        self._elements: list[str] = []
        self.rect(0.5, 0.5, width - 1, height - 1, fill=PANEL, stroke=EDGE,
                  rx=6)

    def rect(self, x: float, y: float, width: float, height: float,
             **style: Value) -> None:
        """Draw a rectangle."""
        self._add('rect', {'x': x, 'y': y, 'width': width, 'height': height,
                           **style})

    def circle(self, x: float, y: float, radius: float,
               **style: Value) -> None:
        """Draw a circle."""
        self._add('circle', {'cx': x, 'cy': y, 'r': radius, **style})

    def path(self, commands: str, color: str, **style: Value) -> None:
        """Draw a line that ends in an arrowhead of the same color.

        :param commands: the path in SVG's own syntax
        """
        self._add('path', {
            'd': commands, 'fill': 'none', 'stroke': color,
            'marker_end': f'url(#{self._marker(color)})', **style})

    def line(self, points: Sequence[tuple[float, float]], color: str,
             **style: Value) -> None:
        """Draw a line through points."""
        self._add('polyline', {
            'points': ' '.join(f'{x:.1f},{y:.1f}' for x, y in points),
            'fill': 'none', 'stroke': color, **style})

    def text(self, x: float, y: float, words: str,
             **style: Value) -> None:
        """Write a line of text; x and y are the start of its baseline."""
        self._add('text', {'x': x, 'y': y, 'fill': INK, 'font_size': 13,
                           **style}, saxutils.escape(words))

    def render(self) -> str:
        """Return the content of the SVG file."""
        width, height = self._size
        return '\n'.join([
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" '
            f'height="{height}" viewBox="0 0 {width} {height}" role="img" '
            'font-family="Helvetica, Arial, sans-serif">',
            f'<title>{saxutils.escape(self._title)}</title>',
            '<defs>', *self._markers, '</defs>', *self._elements, '</svg>',
            ''])

    def _marker(self, color: str) -> str:
        """Return the id of the arrowhead of a color."""
        name = f'head-{color.lstrip("#")}'
        marker = (f'<marker id="{name}" viewBox="0 0 8 8" refX="7" refY="4" '
                  'markerWidth="8" markerHeight="8" '
                  'markerUnits="userSpaceOnUse" orient="auto">'
                  f'<path d="M0 0.5L8 4L0 7.5z" fill="{color}"/></marker>')
        if marker not in self._markers:
            self._markers.append(marker)
        return name

    def _add(self, tag: str, attributes: Mapping[str, Value],
             content: str = '') -> None:
        words = ' '.join(
            f'{name.replace("_", "-")}={saxutils.quoteattr(_text(value))}'
            for name, value in attributes.items())
        self._elements.append(f'<{tag} {words}>{content}</{tag}>' if content
                              else f'<{tag} {words}/>')


def _text(value: Value) -> str:
    return value if isinstance(value, str) else f'{value:g}'
