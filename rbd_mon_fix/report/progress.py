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

"""Progress of long work, shown on terminals only."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Callable, Iterator, Optional, TextIO

if TYPE_CHECKING:
    from rbd_mon_fix.report import bar

# Seconds before the bar appears.
_DELAY = 1.0

Advance = Callable[[int], None]


@contextlib.contextmanager
def shown(stream: TextIO, description: str, total: Optional[int],
          clock: Callable[[], float] = time.monotonic) -> Iterator[Advance]:
    """Show a progress bar while the block runs, then erase it.

    Nothing else may write to the same terminal meanwhile.

    :param stream: stderr; nothing is shown unless it is a terminal
    :param description: the work in a few words
    :param total: the number of steps; None if it is not known
    :param clock: seconds, from any start
    """
    if not stream.isatty():
        yield lambda steps: None
        return
    delayed = _DelayedBar(stream, description, total, clock)
    try:
        yield delayed.advance
    finally:
        delayed.stop()


class _DelayedBar:
    """A bar that is drawn only if the work takes long."""

    def __init__(self, stream: TextIO, description: str,
                 total: Optional[int], clock: Callable[[], float]):
        self._stream = stream
        self._description = description
        self._total = total
        self._clock = clock
        self._began = clock()
        self._done = 0
        self._bar: Optional[bar.Bar] = None

    def advance(self, steps: int) -> None:
        """Add completed steps, and draw the bar if it is time."""
        self._done += steps
        if self._bar is None:
            if self._clock() - self._began < _DELAY:
                return
            self._bar = self._draw()
        self._bar.show(self._done)

    def stop(self) -> None:
        """Erase the bar if it was drawn."""
        if self._bar is not None:
            self._bar.stop()

    def _draw(self) -> bar.Bar:
        # Imported here: short work needs no rich.
        from rbd_mon_fix.report import bar
        return bar.Bar(self._stream, self._description, self._total)
