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
import os
import pathlib
from typing import Iterator, Optional

import psutil

from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import command_line
from rbd_mon_fix.qemu import proc_net

_SOCKET = 'socket:['

# The connections of a network namespace, by inode.
Table = dict[str, MonAddr]


@dataclasses.dataclass(frozen=True)
class _Sight:
    """A QEMU process and its sockets, before their peers are known.

    :param inodes: None if we may not read them
    """

    pid: int
    argv: list[str]
    namespace: str = ''
    inodes: Optional[frozenset[str]] = None


def running() -> list[Guest]:
    """Return the QEMU processes, including those in containers.

    psutil would look sockets up in our own network namespace, which may
    differ from that of the process. Processes that share a namespace share
    a table.
    """
    sights = [sight for process in psutil.process_iter()
              for sight in _seen(process)]
    tables: dict[str, Table] = {}
    return [Guest(sight.pid, command_line.instance(sight.argv),
                  command_line.disks(sight.argv), _peers(sight, tables))
            for sight in sights]


def _seen(process: psutil.Process) -> Iterator[_Sight]:
    try:
        argv = process.cmdline()
        if not command_line.is_qemu(argv):
            return
        folder = pathlib.Path('/proc', str(process.pid))
        yield _Sight(process.pid, argv, os.readlink(folder / 'ns' / 'net'),
                     frozenset(_inodes(folder / 'fd')))
    except PermissionError:
        yield _Sight(process.pid, argv)
    except (psutil.Error, FileNotFoundError, ProcessLookupError):
        return  # the process has ended, or is hidden from us


def _peers(sight: _Sight,
           tables: dict[str, Table]) -> Optional[frozenset[MonAddr]]:
    if sight.inodes is None:
        return None
    if sight.namespace not in tables:
        try:
            tables[sight.namespace] = _table(
                pathlib.Path('/proc', str(sight.pid), 'net'))
        except OSError:
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
            found.update(proc_net.established(path.read_text()))
    return found
