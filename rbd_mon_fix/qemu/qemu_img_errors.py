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

"""What qemu-img says when it does not open an image."""

from __future__ import annotations

from typing import Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.qemu import qemu_user

# rados_connect() in qemu_rbd_connect (QEMU's block/rbd.c). A live monitor that
# refuses the user, or an OSD that is down, has another message.
TIMED_OUT = 'error connecting: Connection timed out'

# The codes of nsenter and setpriv (util-linux's include/c.h, ``errexec``).
_NOT_STARTED = (126, 127)

_NO_DRIVER = exceptions.ConfigError(
    'QEMU on this machine has no rbd driver.',
    'Install qemu-block-extra (Debian, Ubuntu) or qemu-kvm-block-rbd '
    '(RHEL).')


def told(code: int, complaint: str, source: str,
         key: Optional[str]) -> str:
    """Return QEMU's message without the parts repeated from the command.

    :param code: the exit code
    :param complaint: what stands on its standard error
    :param source: the image, as in the command
    :param key: is replaced in the message; None without cephx
    :raises ConfigError: QEMU or its rbd driver is missing
    """
    if code in _NOT_STARTED:
        raise cannot_run(
            'qemu-img', complaint.strip().rpartition(': ')[2] or 'not found')
    text = complaint.replace(f"Could not open '{source}': ", '')
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return 'QEMU failed without a message'
    if "Unknown driver 'rbd'" in complaint:
        raise _NO_DRIVER
    words = lines[-1].partition('qemu-img: ')
    found = words[2] or words[0]
    return found.replace(key, '***') if key else found


def cannot_run(program: str, why: str) -> exceptions.ConfigError:
    """Return the error of a program that cannot be started.

    :param program: qemu-img, or one that starts it
    """
    return exceptions.ConfigError(
        f'{program} cannot be run here: {why}.',
        qemu_user.HINT if program in qemu_user.PROGRAMS else
        'Install qemu-utils (Debian, Ubuntu) or qemu-img (RHEL).')
