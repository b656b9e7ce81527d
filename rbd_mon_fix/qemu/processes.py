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

"""The QEMU processes of this machine."""

from __future__ import annotations

import dataclasses
import errno
import logging
import os
import pathlib
from typing import Iterator, Optional

import psutil

from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import command_line
from rbd_mon_fix.qemu import proc_net

LOG = logging.getLogger(__name__)

_SOCKET = 'socket:['

# libvirt's command lines take about 100 KiB; a process can point the kernel at
# more than fits into memory (prctl, PR_SET_MM_ARG_START).
_MAX_COMMAND_LINE = 8 << 20

# The connections of a network namespace, by inode.
Table = dict[str, MonAddr]


@dataclasses.dataclass(frozen=True)
class _Sight:
    """A QEMU process and its sockets, before their peers are known.

    :param inodes: None if this user may not read them
    """

    pid: int
    argv: list[str]
    namespace: str = ''
    inodes: Optional[frozenset[str]] = None


def running() -> list[Guest]:
    """Return the QEMU processes, including those in containers.

    psutil would look sockets up in our own network namespace, which may
    differ from that of the process. Processes in the same namespace share
    a table.

    :raises OSError: /proc cannot be read
    """
    sights = [sight for pid in psutil.pids() for sight in _seen(pid)]
    tables: dict[str, Table] = {}
    return [Guest(sight.pid, command_line.instance(sight.argv),
                  command_line.disks(sight.argv), _peers(sight, tables))
            for sight in sights]


def _seen(pid: int) -> Iterator[_Sight]:
    try:
        argv = _argv(pid)
        if command_line.is_qemu(argv):
            yield _sight(pid, argv)
    except OSError as error:  # the process ended, or is hidden
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # it is not known what is left out
        LOG.debug('Leaving out process %s: %s.', pid, error.strerror)


def _argv(pid: int) -> list[str]:
    """Return a command line; empty if longer than any guest has."""
    with open(f'/proc/{pid}/cmdline', 'rb') as file:
        content = file.read(_MAX_COMMAND_LINE + 1)
    if len(content) > _MAX_COMMAND_LINE:
        LOG.debug('Leaving out process %s: its command line is longer than '
                  '8 MiB.', pid)
        return []
    return [os.fsdecode(word) for word in content.split(b'\0')[:-1]]


def _sight(pid: int, argv: list[str]) -> _Sight:
    folder = pathlib.Path('/proc', str(pid))
    try:
        return _Sight(pid, argv, os.readlink(folder / 'ns' / 'net'),
                      frozenset(_inodes(folder / 'fd')))
    except PermissionError:
        return _Sight(pid, argv)


def _peers(sight: _Sight,
           tables: dict[str, Table]) -> Optional[frozenset[MonAddr]]:
    if sight.inodes is None:
        return None
    if sight.namespace not in tables:
        try:
            tables[sight.namespace] = _table(
                pathlib.Path('/proc', str(sight.pid), 'net'))
        except OSError as error:
            if error.errno in (errno.EMFILE, errno.ENFILE):
                raise
            return None  # the process has ended
    table = tables[sight.namespace]
    return frozenset(table[inode] for inode in sight.inodes
                     if inode in table)


def _inodes(folder: pathlib.Path) -> Iterator[str]:
    for link in folder.iterdir():
        try:
            target = os.readlink(link)
        except FileNotFoundError:
            continue  # the file has been closed
        if target.startswith(_SOCKET):
            yield target[len(_SOCKET):-1]


def _table(folder: pathlib.Path) -> Table:
    found: Table = {}
    for name in ('tcp', 'tcp6'):
        path = folder / name
        if path.exists():  # no tcp6 without IPv6
            found.update(proc_net.established(
                path.read_text('ascii', 'replace')))
    return found
