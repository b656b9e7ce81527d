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

"""A progress bar, on a terminal only, and only when work is long."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Callable, Iterator, Optional, TextIO

if TYPE_CHECKING:
    from rbd_mon_fix.report import bar

# Seconds that an operator waits without wondering.
PATIENCE = 1.0

Advance = Callable[[int], None]


@contextlib.contextmanager
def shown(stream: TextIO, what: str, total: Optional[int],
          clock: Callable[[], float] = time.monotonic) -> Iterator[Advance]:
    """Show how far a piece of work has come, until the block is left.

    The bar goes away without a trace. Nothing else may write to the same
    terminal while it is there.

    :param stream: stderr; nothing is shown where it is no terminal
    :param what: what is being done, a few words
    :param total: steps in all; None where that is not known
    :param clock: seconds, from any start
    """
    if not stream.isatty():
        yield lambda steps: None
        return
    patient = _Patient(stream, what, total, clock)
    try:
        yield patient.advance
    finally:
        patient.stop()


class _Patient:
    """A bar that is only drawn when the work takes long."""

    def __init__(self, stream: TextIO, what: str, total: Optional[int],
                 clock: Callable[[], float]):
        self._stream = stream
        self._what = what
        self._total = total
        self._clock = clock
        self._began = clock()
        self._done = 0
        self._bar: Optional[bar.Bar] = None

    def advance(self, steps: int) -> None:
        """Add steps to those done."""
        self._done += steps
        if self._bar is None:
            if self._clock() - self._began < PATIENCE:
                return
            self._bar = self._draw()
        self._bar.show(self._done)

    def stop(self) -> None:
        """Take the bar away, if it was drawn."""
        if self._bar is not None:
            self._bar.stop()

    def _draw(self) -> bar.Bar:
        # Imported here: short work needs no rich.
        from rbd_mon_fix.report import bar
        return bar.Bar(self._stream, self._what, self._total)
