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

"""Check that a guest keeps running, on its console and in its image."""

from __future__ import annotations

import threading
import time
from typing import Optional

from lab import guests
from lab import services

# Seconds. A guest counts twice a second; a busy machine may delay it a bit.
NO_PAUSE = 10
EVERY = 0.1
WRITTEN_WITHIN = 120


class Pulse:
    """Watches a guest that counts, until it is stopped.

    A guest counts twice a second; if it cannot write a count to its disk, it
    either stops counting or marks the count as not written.
    """

    def __init__(self, guest: guests.Guest):
        self._guest = guest
        self._pid = guest.pid
        self._before = len(guests.counted(guest.console))
        self._longest = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> float:
        """Stop watching, and return the longest pause in seconds."""
        self._ended.set()
        self._thread.join()
        return self._longest

    def counted(self) -> list[Optional[int]]:
        """Return all counts since the watch began."""
        return guests.counted(self._guest.console)[self._before:]

    def same_process(self) -> bool:
        """Return whether its QEMU process is still the same."""
        return self._guest.pid == self._pid

    def _watch(self) -> None:
        last, since = None, time.monotonic()
        while not self._ended.wait(EVERY):
            now = guests.count(self._guest.console)
            if now != last:
                last, since = now, time.monotonic()
            self._longest = max(self._longest, time.monotonic() - since)


def writes(guest: guests.Guest) -> None:
    """Wait until a guest keeps counting, in its image too."""
    guest.wait_until_counting()
    first = int(guest.written(), 16)
    guest.wait_until_counting()
    services.wait_for(lambda: int(guest.written(), 16) > first,
                      WRITTEN_WITHIN)
