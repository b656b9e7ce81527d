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

"""QEMU on this host: its user, its mounts, and the ceph.conf that it reads."""

from __future__ import annotations

import contextlib
import os
from typing import Optional
from urllib import parse

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import capabilities
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.qemu import qemu_user
from rbd_mon_fix.state import foreign_file

# What librados reads unless the disk of a guest names another file
# (``<config file=>``); in a container, in the container.
CONF = '/etc/ceph/ceph.conf'


def is_mounted(path: str) -> bool:
    """Return whether something has a ceph.conf itself mounted.

    A libvirt daemon in a container may have it, too.
    """
    return foreign_file.is_mounted(os.path.realpath(path)) or any(
        _has_mounted(each.pid, path) for each in daemon.running())


def _has_mounted(process: int, path: str) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return (foreign_file.is_mounted(CONF, str(process))
                and is_read_by(process, path))
    return False


def is_read_by(process: Optional[int], path: str) -> bool:
    """Return whether a process finds a file where QEMU looks for it.

    :param process: None for this process
    """
    root = '' if process is None else f'/proc/{process}/root'
    with contextlib.suppress(OSError):  # missing, hidden, or gone
        return os.path.samefile(path, f'{root}{CONF}')
    return False


def reads(context: contexts.Context, host: str, path: str) -> bool:
    """Return whether every QEMU that libvirt starts here reads a file.

    :param host: this machine, as Nova names it
    """
    if parse.urlsplit(context.libvirt_uri(host)).path == '/embed':
        return is_read_by(None, path)
    daemons = [each.pid for each in daemon.running()]
    return all(is_read_by(each, path) for each in daemons or (None,))


def user(context: contexts.Context, host: str) -> qemu_user.QemuUser:
    """Return the user and the mounts of QEMU on this host.

    :param host: this machine, as Nova names it
    :raises ConfigError: this user may not act as QEMU, or several libvirt
        daemons run here
    :raises Unreachable: libvirt cannot be reached
    """
    if os.geteuid() != 0:
        raise exceptions.ConfigError(
            'Only root can open an image as QEMU does.',
            'Nothing was changed. Run this as root on the compute host.')
    ids = capabilities.qemu_ids(context.hypervisor(host).capabilities())
    if parse.urlsplit(context.libvirt_uri(host)).path == '/embed':
        return qemu_user.QemuUser(None, ids)
    found = list(daemon.running())
    if len(found) > 1:
        found = [each for each in found
                 if not _is_elsewhere(each.pid)] or found
    if len(found) > 1:
        names = ', '.join(f'{each.name} {each.pid}' for each in found)
        raise exceptions.ConfigError(
            f'Several libvirt daemons run here: {names}.',
            'Nothing was changed. The mounts of which one QEMU sees is not '
            'certain; stop those that are not used.')
    return qemu_user.QemuUser(found[0].pid if found else None, ids)


def _is_elsewhere(process: int) -> bool:
    """Return whether a process has another network than this one.

    It then belongs to a machine within this one. A daemon in a container that
    serves this host has the host's network, for the sake of migrations.
    """
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return not os.path.samefile(f'/proc/{process}/ns/net',
                                    '/proc/self/ns/net')
    return False
