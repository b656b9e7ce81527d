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

"""Running libvirt daemons, and whether they call the hook.

A daemon checks for hooks only when it starts (libvirt's src/util/virhook.c,
``virHookInitialize``). If it finds any, it reads the directory for each call;
otherwise it never does.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import os
import time
from typing import Iterator

import psutil

# The modular daemon, and the monolithic one.
NAMES = ('virtqemud', 'libvirtd')

# The hook directory in libvirt as built by distributions. In a container,
# another directory of the host is mounted at this path.
FOLDER = '/etc/libvirt/hooks/qemu.d'

# Seconds. The kernel records process starts and file changes in clock ticks of
# at most a hundredth of a second.
_GRAIN = 0.02


@dataclasses.dataclass(frozen=True)
class Daemon:
    """A running libvirt daemon for QEMU guests.

    :param started: seconds since 1970
    """

    name: str
    pid: int
    started: float

    def calls_hooks(self, since: float) -> bool:
        """Tell whether the daemon calls hooks.

        :param since: when the first hook of the directory was installed
        """
        return self.started >= since + _GRAIN


def readers(script: str) -> Iterator[Daemon]:
    """Yield the daemons that have this script in their hook directory.

    :raises PermissionError: only root can see the daemons' directories
    """
    for each in running():
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            if _has(each.pid, script):
                yield each


def running() -> Iterator[Daemon]:
    """Yield the daemons of this machine, those in containers included."""
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() in NAMES:
                yield Daemon(process.name(), process.pid, _started(process))


def first_hook(folder: str) -> float:
    """Return when the oldest existing hook was installed.

    Hooks are the executable files in the directory, and the single file of
    the older form beside it. Without hooks, the result is infinity.
    """
    beside = folder[:-len('.d')] if folder.endswith('.d') else folder
    paths = [beside] + [entry.path for entry in os.scandir(folder)]
    return min((os.stat(path).st_ctime for path in paths if _is_hook(path)),
               default=math.inf)


def single_file(folder: str) -> bool:
    """Tell whether a hook of the older form, a single file, exists."""
    return folder.endswith('.d') and _is_hook(folder[:-len('.d')])


def _is_hook(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def _started(process: psutil.Process) -> float:
    """Return when a process was started, in seconds since 1970.

    The kernel counts from boot. psutil adds the boot time in whole seconds
    (``btime`` of /proc/stat); CLOCK_BOOTTIME is more exact.
    """
    since_boot: float = process.create_time() - psutil.boot_time()
    return since_boot + time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)


def _has(pid: int, script: str) -> bool:
    try:
        theirs = os.stat(
            f'/proc/{pid}/root{FOLDER}/{os.path.basename(script)}')
    except (FileNotFoundError, NotADirectoryError):
        return False
    return os.path.samestat(os.stat(script), theirs)
