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

"""The memory of a process with many threads, and of one that ends.

glibc gives threads heaps of their own, up to eight per core (malloc/arena.c,
``arena_get2``). What a host's thread has read, another one frees when it is
reported, and each heap keeps the room.

At its end, Python searches all objects for cycles to free
(``finalize_modules`` in Python/pylifecycle.c), although the system is about to
take back all.
"""

from __future__ import annotations

import atexit
import contextlib
import gc

# malloc.h
_M_ARENA_MAX = -8
_HEAPS = 2


def share() -> None:
    """Let all threads share two heaps; other C libraries have no such limit.

    Python runs one thread at a time, so they seldom wait for a heap.
    """
    # Imported here: no help page needs it.
    import ctypes
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, _HEAPS)


def abandon() -> None:
    """Spare the process the search for cycles at its end.

    It takes a tenth of a second after a large host. Nothing depends on it:
    reports and journals are complete before.
    """
    atexit.register(gc.freeze)
