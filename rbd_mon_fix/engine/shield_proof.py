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

"""The proof that a shield works: QEMU opens an image with a dead list."""

from __future__ import annotations

import contextlib
import dataclasses
import os
from typing import Iterable, Mapping, Optional
from urllib import parse

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import capabilities
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import shield_survey
from rbd_mon_fix.engine import verification
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user
from rbd_mon_fix.state import foreign_file

# No monitor listens on tcpmux, and the kernel refuses at once.
DEAD = MonAddr('127.0.0.1', 1)

# What librados reads unless the disk of a guest names another file
# (``<config file=>``); in a container, in the container.
_READ_BY_QEMU = '/etc/ceph/ceph.conf'


def is_mounted(path: str) -> bool:
    """Return whether something has a ceph.conf itself mounted.

    A libvirt daemon in a container may have it, too.
    """
    return foreign_file.is_mounted(os.path.realpath(path)) or any(
        _has_mounted(each.pid, path) for each in daemon.running())


class ShieldProver:
    """Opens images as QEMU on this host would.

    :param path: the ceph.conf that has the shield
    :raises ConfigError: this user may not act as QEMU, several libvirt
        daemons run here, QEMU reads another file, or its librados does not
        know the option
    :raises Unreachable: libvirt cannot be reached
    """

    def __init__(self, context: contexts.Context, host: str, path: str,
                 limits: verification.Limits, listener: reporting.Listener):
        self._limits = limits
        self._listener = listener
        self._opener = verification.Prover(context, (host,), limits, listener)
        self._by = _qemu_user(context, host)
        if not _is_read_by(self._by.daemon, path):
            raise exceptions.ConfigError(
                f'QEMU on this host does not read {path}: its '
                f'{_READ_BY_QEMU} is another file, or missing.',
                'Nothing was changed. Name the file that QEMU reads with '
                '--shield-conf. Where a container copies the file when it '
                'starts, edit the file that is copied.')
        if qemu_user.knows_override(self._by) is False:
            raise exceptions.ConfigError(
                "QEMU's librados on this host does not know "
                'mon_host_override.',
                'Nothing was changed. Update Ceph on this host to 15.2.8 or '
                'later.')

    def failures(self, users: Iterable[str], samples: shield_survey.Samples,
                 conf: str = '') -> Mapping[str, str]:
        """Open an image of each user with a dead list.

        :param users: those without a sample are left out
        :param conf: text to read as the ceph.conf; '' for the real file
        :returns: QEMU's error for each user whose image does not open
        :raises ConfigError: a key may not be read
        """
        attempts = {user: self._opener.attempt(*samples[user])
                    for user in users if user in samples}
        cases = {user: dataclasses.replace(each, monitors=(DEAD,),
                                           by=self._by, conf=conf)
                 for user, each in attempts.items()
                 if isinstance(each, open_check.Case)}
        with self._listener.phase(
                reporting.Phase.OPENING.value, len(cases)) as advance:
            proofs = {**attempts, **dict(zip(cases, open_check.prove(
                list(cases.values()), self._limits.timeout,
                self._limits.parallel, advance)))}
        return {user: f'{samples[user][1].image} does not open: {each.error}'
                for user, each in proofs.items()
                if isinstance(each, open_check.Proof) and not each.opened}


def _has_mounted(process: int, path: str) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return (foreign_file.is_mounted(_READ_BY_QEMU, str(process))
                and _is_read_by(process, path))
    return False


def _is_read_by(process: Optional[int], path: str) -> bool:
    """Return whether a process finds a file where QEMU looks for it.

    :param process: None for this process
    """
    root = '' if process is None else f'/proc/{process}/root'
    with contextlib.suppress(FileNotFoundError, NotADirectoryError,
                             ProcessLookupError, PermissionError):
        return os.path.samefile(path, f'{root}{_READ_BY_QEMU}')
    return False


def _qemu_user(context: contexts.Context, host: str) -> qemu_user.QemuUser:
    """Return the user and the mounts of QEMU on this host.

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
        names = ', '.join(f'{each.name} {each.pid}' for each in found)
        raise exceptions.ConfigError(
            f'Several libvirt daemons run here: {names}.',
            'Nothing was changed. The mounts of which one QEMU sees is not '
            'certain; stop those that are not used.')
    return qemu_user.QemuUser(found[0].pid if found else None, ids)
