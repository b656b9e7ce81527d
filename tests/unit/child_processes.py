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

"""Waiting, within a bound, for what other processes do."""

from __future__ import annotations

import contextlib
import os
import pathlib
import time

BOUND = 30


def ended(pid):
    """Wait for a process to exit or become a zombie."""
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline:
        # The kernel has the second for a process that ends while it is read.
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            text = pathlib.Path(f'/proc/{pid}/stat').read_text()
            if text.rpartition(')')[2].split()[0] != 'Z':
                os.sched_yield()
                continue
        return True
    return False


def wait_for(path):
    """Wait for a file, which should get its name when it is complete."""
    deadline = time.monotonic() + BOUND
    while not path.exists() and time.monotonic() < deadline:
        os.sched_yield()
