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

"""Progress of long work: a bar on a terminal, or a line every ten seconds."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import time
from typing import TYPE_CHECKING, Callable, Iterator, Optional, TextIO

if TYPE_CHECKING:
    from rbd_mon_fix.report import bar

# Seconds before the bar appears.
_DELAY = 1.0
# Seconds between two lines.
_INTERVAL = 10.0

# A step of each phase.
_STEP = {'Reading': 'server', 'Writing': 'change', 'Opening': 'disk'}

Advance = Callable[[int], None]
Clock = Callable[[], float]


class Display:
    """Shows the progress of one phase after the other.

    Nothing else may write to a terminal while a phase is shown.

    :param stream: stderr
    :param mode: ``bar``, ``lines``, ``none``; or ``auto``, which is a bar on
        a terminal and lines elsewhere
    :param clock: seconds, from any start
    """

    def __init__(self, stream: TextIO, mode: str,
                 clock: Clock = time.monotonic):
        self._stream = stream
        self._mode = mode
        if mode == 'auto':
            self._mode = 'bar' if stream.isatty() else 'lines'
        self._clock = clock
        self._pace: Optional[_Pace] = None

    @contextlib.contextmanager
    def shown(self, what: str, total: Optional[int],
              done: int = 0) -> Iterator[Advance]:
        """Show the progress of a phase while the block runs.

        :param what: the name of the phase
        :param total: the number of steps; None if it is not known
        :param done: the steps of earlier blocks that this one continues
        """
        if self._mode == 'none':
            yield lambda steps: None
            return
        if self._pace is None or not done:
            now = self._clock()
            self._pace = _Pace(what, total, done, now, now)
        self._pace.done = done
        shown = (_DelayedBar(self._stream, self._pace, self._clock)
                 if self._mode == 'bar'
                 else _Lines(self._stream, self._pace, self._clock))
        try:
            yield shown.advance
        finally:
            shown.stop()


@dataclasses.dataclass
class _Pace:
    """How far a phase is, and how fast.

    :param done: steps done so far
    :param began: when the phase began
    :param told: when the last line was written, or the phase began
    """

    what: str
    total: Optional[int]
    done: int
    began: float
    told: float

    def __post_init__(self) -> None:
        self._first = self.done

    def position(self) -> str:
        """Return the steps done, and of how many."""
        # Guests that Nova does not know come on top of the total.
        total = max(self.total or 0, self.done)
        step = _STEP.get(self.what, 'step') + ('' if total == 1 else 's')
        if self.total is None:
            return f'{self.done:,} {step}'
        return f'{self.done:,} of {total:,} {step}'

    def speed(self, now: float) -> str:
        """Return the mean rate, and the time left if the total is known."""
        if now <= self.began or self.done <= self._first:
            return ''
        rate = (self.done - self._first) / (now - self.began)
        words = f'{rate:,.{0 if rate >= 10 else 1}f}/s'
        if self.total is None:
            return words
        left = round(max(0, self.total - self.done) / rate)
        return f'{words}  ETA {datetime.timedelta(seconds=left)}'


class _DelayedBar:
    """A bar that is drawn only if the work takes long."""

    def __init__(self, stream: TextIO, pace: _Pace, clock: Clock):
        self._stream = stream
        self._pace = pace
        self._clock = clock
        self._bar: Optional[bar.Bar] = None

    def advance(self, steps: int) -> None:
        """Add completed steps, and draw the bar if it is time."""
        self._pace.done += steps
        now = self._clock()
        if self._bar is None:
            if now - self._pace.began < _DELAY:
                return
            self._bar = self._draw()
        self._bar.show(self._pace.done, self._pace.position(),
                       self._pace.speed(now))

    def stop(self) -> None:
        """Erase the bar if it was drawn."""
        if self._bar is not None:
            self._bar.stop()

    def _draw(self) -> bar.Bar:
        # Imported here: short work needs no rich.
        from rbd_mon_fix.report import bar
        return bar.Bar(self._stream, self._pace.what, self._pace.total)


class _Lines:
    """A line every ten seconds, for logs of cron and systemd."""

    def __init__(self, stream: TextIO, pace: _Pace, clock: Clock):
        self._stream = stream
        self._pace = pace
        self._clock = clock

    def advance(self, steps: int) -> None:
        """Add completed steps, and write a line if it is time."""
        self._pace.done += steps
        now = self._clock()
        if now - self._pace.told >= _INTERVAL:
            self._pace.told = now
            line = (f'{self._pace.what}: {self._pace.position()}  '
                    f'{self._pace.speed(now)}')
            # A reader that went away does not stop a run.
            with contextlib.suppress(OSError):
                print(line.rstrip(), file=self._stream, flush=True)

    def stop(self) -> None:
        """Leave the lines where they are."""
