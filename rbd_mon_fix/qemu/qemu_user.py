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

"""The user and the mounts with which libvirt starts QEMU."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from typing import Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model import environment

PROGRAMS = ('nsenter', 'setpriv')
HINT = 'Install util-linux.'

_OPTION = 'mon_host_override'
# QEMU sets options in the order of the file name, before it connects
# (qemu_rbd_set_keypairs in block/rbd.c), so an option that librados cannot
# know ends the attempt once the first was accepted.
_NO_OPTION = 'rbd_mon_fix_is_no_option'
_TIMEOUT = 20.0


@dataclasses.dataclass(frozen=True)
class QemuUser:
    """What distinguishes a QEMU of libvirt from this process.

    :param daemon: process ID of the libvirt daemon, whose mounts QEMU sees;
        None for the mounts of this process
    :param ids: user and group ID; None for those of this process
    """

    daemon: Optional[int] = None
    ids: Optional[tuple[int, int]] = None

    @property
    def command(self) -> tuple[str, ...]:
        """Return the words before a command that run it like QEMU.

        Like libvirt, they leave no capabilities, even to root
        (``clear_emulator_capabilities`` in qemu.conf).
        """
        mounts = () if self.daemon is None else (
            'nsenter', f'--mount=/proc/{self.daemon}/ns/mnt', '--')
        if self.ids is None:
            return mounts
        return (*mounts, 'setpriv', f'--reuid={self.ids[0]}',
                f'--regid={self.ids[1]}', '--init-groups',
                '--bounding-set=-all', '--inh-caps=-all', '--')


def read(user: QemuUser, path: str) -> str:
    """Return the text of a file as such a QEMU reads it.

    Bytes that are not UTF-8 become surrogates.

    :raises ConfigError: QEMU cannot read the file
    """
    failure = f'no answer within {_TIMEOUT:g} seconds'
    try:
        done = subprocess.run(
            [*user.command, 'cat', '--', path], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=_TIMEOUT,
            cwd='/', env=environment.of_child(os.environ))
        if not done.returncode:
            return done.stdout.decode(errors='surrogateescape')
        failure = done.stderr.decode(
            errors='replace').strip().rpartition(': ')[2]
    except subprocess.TimeoutExpired:
        pass
    except OSError as error:
        if not environment.is_unusable(error):
            raise
        failure = os.strerror(error.errno or 0)
    raise exceptions.ConfigError(f'Cannot read {path}: {failure}.', HINT)


def ending_with_parent(user: QemuUser) -> tuple[str, ...]:
    """Return the words that let a command end with its parent, if possible.

    They come last: the kernel forgets the signal when a process changes its
    user (``commit_creds`` in kernel/cred.c). setpriv knows the option since
    util-linux 2.33, which RHEL 8 does not have.
    """
    words = ('setpriv', '--pdeathsig=KILL', '--')
    return words if _succeeds([*user.command, *words, 'true']) else ()


def has_qemu_img(user: QemuUser) -> bool:
    """Return whether the user can run qemu-img, where its mounts are."""
    return _succeeds([*user.command, 'qemu-img', '--version'])


def _succeeds(command: Sequence[str]) -> bool:
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=_TIMEOUT, cwd='/',
            env=environment.of_child(os.environ))
    except (OSError, subprocess.TimeoutExpired):
        return False
    return not done.returncode


def knows_override(user: QemuUser) -> Optional[bool]:
    """Return whether QEMU's librados knows ``mon_host_override``.

    :returns: None if QEMU's message does not tell
    :raises ConfigError: qemu-img, or a program that starts it, is missing
    """
    try:
        done = subprocess.run(
            [*user.command, 'qemu-img', 'info', 'rbd:pool/image:conf=/dev/null'
             f':{_OPTION}=127.0.0.1:{_NO_OPTION}=1'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, timeout=_TIMEOUT, cwd='/',
            env=environment.of_child(os.environ))
    except subprocess.TimeoutExpired:
        return None
    except OSError as error:
        if not environment.is_unusable(error):
            raise
        raise exceptions.ConfigError(
            f'{(*user.command, "qemu-img")[0]} cannot be run here: '
            f'{error.strerror}.',
            f'{HINT} Also install qemu-utils (Debian, Ubuntu) or qemu-img '
            '(RHEL).') from error
    told = done.stderr.decode(errors='replace')
    if f'option {_NO_OPTION}' in told:
        return True
    return False if f'option {_OPTION}' in told else None
