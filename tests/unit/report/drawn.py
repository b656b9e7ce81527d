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

"""Screens as a pipe and a terminal get them, and as files keep them.

``python -m tests.unit.report.drawn`` writes the files again.
"""

from __future__ import annotations

import importlib
import io
import os
import pathlib
import re
import sys
from typing import Any, Callable, Iterable, Iterator
from unittest import mock

from hypothesis import strategies as st

from rbd_mon_fix.report import layout
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import plain
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import terminal

# Names as users may choose them: long, wide, or meant to do harm.
NAMES = st.text(st.characters(exclude_categories=('Cs',)), max_size=90)

Screen = Callable[[sheets.Sheet], Iterable[lines.Line]]

FOLDER = pathlib.Path(__file__).parent / 'screens'
WIDTHS = (80, 160)
# Lines with a command to type, which are never folded.
COMMANDS = ('Next: ', 'Go on: ', 'Take back: ')


def to_pipe(screen: Screen, width: int, **stream: Any) -> str:
    raw = io.BytesIO()
    wrapper = io.TextIOWrapper(raw, **{'encoding': 'utf-8', **stream})
    _write(plain.Plain(wrapper, width), screen)
    wrapper.flush()
    return raw.getvalue().decode()


def to_terminal(screen: Screen, width: int) -> str:
    stream = io.StringIO()
    with mock.patch.dict(os.environ, {
            'COLUMNS': str(width), 'TERM': 'xterm', 'NO_COLOR': '1'}):
        for name in ('FORCE_COLOR', 'TTY_COMPATIBLE'):
            os.environ.pop(name, None)
        stream.isatty = lambda: True  # type: ignore[method-assign]
        _write(terminal.Terminal(stream), screen)
    return re.sub('\x1b\\[[0-9;]*m', '', stream.getvalue())


def _write(printer: lines.Printer, screen: Screen) -> None:
    for line in screen(sheets.Sheet(printer.width, printer.encodable)):
        printer.whole(line)


def too_long(text: str, width: int) -> list[str]:
    """Return the lines that are folded on a screen of a width."""
    return [line for line in text.splitlines()
            if layout.cells(line) > width and not line.startswith(COMMANDS)]


def ends_on_narrow_screens(screens: Iterable[Screen]) -> bool:
    """Draw screens on the narrowest terminals; each must come to its end."""
    return all(to_pipe(screen, width) for screen in screens
               for width in (1, 10, 20, 40))


def golden(name: str, width: int) -> pathlib.Path:
    return FOLDER / f'{name}-{width}.txt'


def rewrite(samples: Iterable[tuple[str, Screen]]) -> Iterator[pathlib.Path]:
    for name, screen in samples:
        for width in WIDTHS:
            path = golden(name, width)
            path.write_text(to_pipe(screen, width))
            yield path


if __name__ == '__main__':
    for test in sorted(FOLDER.parent.glob('test_*_screen.py')):
        module = importlib.import_module(f'tests.unit.report.{test.stem}')
        for written in rewrite(getattr(module, 'SAMPLES', {}).items()):
            print(written, file=sys.stderr)
