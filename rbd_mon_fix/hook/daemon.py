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

"""Which libvirt daemons call the hook.

A daemon looks once whether there are hooks at all, when it starts
(libvirt's src/util/virhook.c, ``virHookInitialize``). From then on it reads
the folder for each call, or never.
"""

from __future__ import annotations

import dataclasses
import math
import os
import time
from typing import Iterator

import psutil

# The modular daemon, and the one for all.
NAMES = ('virtqemud', 'libvirtd')

# Where a daemon looks, as distributions build it. That of a daemon in a
# container is another folder outside.
FOLDER = '/etc/libvirt/hooks/qemu.d'

# Seconds. The kernel counts the start of processes and the change of files
# in ticks of its clocks, of a hundredth at most.
_GRAIN = 0.02


@dataclasses.dataclass(frozen=True)
class Daemon:
    """A running libvirt daemon that has QEMU guests.

    :param started: seconds since 1970
    """

    name: str
    pid: int
    started: float

    def calls_hooks(self, since: float) -> bool:
        """Tell whether it calls hooks.

        :param since: when the first hook of the folder was put there
        """
        return self.started >= since + _GRAIN


def readers(script: str) -> Iterator[Daemon]:
    """Yield the daemons that have this script in their hook folder.

    :raises PermissionError: only root can see what they have there
    """
    for process in psutil.process_iter():
        try:
            if process.name() in NAMES and _has(process.pid, script):
                yield Daemon(process.name(), process.pid, _started(process))
        except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
            continue


def first_hook(folder: str) -> float:
    """Return when the first of the hooks was put there.

    That is the first of those which stand there, in the folder or as the
    single file of the older form beside it; infinity where none can be run.
    """
    beside = folder[:-len('.d')] if folder.endswith('.d') else folder
    paths = [beside] + [entry.path for entry in os.scandir(folder)]
    return min((os.stat(path).st_ctime for path in paths if _is_hook(path)),
               default=math.inf)


def single_file(folder: str) -> bool:
    """Tell whether there is a hook of the older form, a single file."""
    return folder.endswith('.d') and _is_hook(folder[:-len('.d')])


def _is_hook(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _started(process: psutil.Process) -> float:
    """Return when a process was started, in seconds since 1970.

    The kernel has that since the boot, and the time of the boot in whole
    seconds (``btime`` of /proc/stat), which psutil adds; its clock tells the
    latter better.
    """
    since_boot = process.create_time() - psutil.boot_time()
    return since_boot + time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _has(pid: int, script: str) -> bool:
    try:
        theirs = os.stat(
            f'/proc/{pid}/root{FOLDER}/{os.path.basename(script)}')
    except (FileNotFoundError, NotADirectoryError):
        return False
    return os.path.samestat(os.stat(script), theirs)
