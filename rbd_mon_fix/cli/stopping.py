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

"""The first signal during a write: finish the batch in hand, then stop.

Everywhere else, and from the second signal on, a signal interrupts at once. A
batch that takes too long, because a service does not answer, is interrupted
too.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
from typing import Iterator, TextIO

# Signals that end a command. SIGTERM, from a service manager, lets the batch
# finish too: that takes about a second, and systemd waits for 90 before it
# kills (DefaultTimeoutStopSec in systemd-system.conf(5)).
SIGNALS = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
# Seconds that a batch has to finish. It usually takes about one.
PATIENCE = 8.0


@contextlib.contextmanager
def held(err: TextIO) -> Iterator[None]:
    """Let signals that arrive in the block take effect when it ends."""
    before = {number: signal.getsignal(number) for number in SIGNALS
              if signal.getsignal(number) is not signal.SIG_IGN}
    arrived: list[int] = []

    def note(signum: int, frame: object) -> None:
        arrived.append(signum)
        _write(err, 'Ending this step first; a guest is not left stopped.\n')

    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for signum in arrived[:1]:
        signal.raise_signal(signum)


class Stop:
    """Whether a signal asked the command to stop.

    :param err: where the operator is told what happens next
    """

    def __init__(self, err: TextIO):
        self.asked = False
        # The number of servers in the batch in hand.
        self.servers = 0
        self._err = err

    @contextlib.contextmanager
    def polite(self) -> Iterator[None]:
        """Only note the first signal that arrives in the block."""
        # nohup ignores SIGHUP, and a shell SIGINT of what is in background.
        before = {number: signal.getsignal(number) for number in SIGNALS
                  if signal.getsignal(number) is not signal.SIG_IGN}

        def restore() -> None:
            signal.setitimer(signal.ITIMER_REAL, 0)
            for number, handler in before.items():
                # A later signal may have installed another one.
                if signal.getsignal(number) is note:
                    signal.signal(number, handler)

        def note(signum: int, frame: object) -> None:
            restore()
            self.asked = True
            self._tell()
            interrupt = before[signal.Signals(signum)]
            if callable(interrupt):
                signal.signal(signal.SIGALRM,
                              lambda _, later: interrupt(signum, later))
                signal.setitimer(signal.ITIMER_REAL, PATIENCE)

        for number in before:
            signal.signal(number, note)
        try:
            yield
        finally:
            restore()

    def _tell(self) -> None:
        """Say what happens now, past buffers that may be in use just then.

        On a terminal, the line replaces the progress bar, which is drawn
        again below.
        """
        count = f'the {self.servers} servers' if self.servers > 1 else (
            'the server')
        words = f'Finishing {count} in hand. Ctrl-C again stops at once.\n'
        _write(self._err, words)


def _write(err: TextIO, words: str) -> None:
    erase = '\r\x1b[2K' if err.isatty() else ''
    with contextlib.suppress(OSError):
        try:
            file = err.fileno()
        except io.UnsupportedOperation:
            err.write(words)
            return
        os.write(file, (erase + words).encode())
