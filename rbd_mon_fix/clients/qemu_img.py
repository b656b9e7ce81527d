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

"""Check that qemu-img has the rbd driver."""

from __future__ import annotations

import os
import subprocess

from rbd_mon_fix import exceptions
from rbd_mon_fix.model import environment

_TIMEOUT = 20.0
_PACKAGES = ('Install qemu-utils and qemu-block-extra (Debian, Ubuntu), or '
             'qemu-img and qemu-kvm-block-rbd (RHEL).')


def rbd(program: str = 'qemu-img') -> str:
    """Make qemu-img load its rbd driver, and return a success message.

    Without an image, qemu-img fails once it has loaded the driver, before
    it connects to a cluster.

    :raises Unreachable: qemu-img or its driver is not installed
    :raises OSError: this process has too many open files, for example
    """
    try:
        done = subprocess.run(
            [program, 'info', '--image-opts', 'driver=rbd'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, timeout=_TIMEOUT,
            env=environment.of_child(os.environ))
    except OSError as error:
        if not environment.is_unusable(error):
            raise
        raise exceptions.Unreachable(
            f'{program} cannot be run here: {error.strerror}.',
            f'{_PACKAGES} Only verify needs it.') from error
    except subprocess.TimeoutExpired as error:
        raise exceptions.Unreachable(
            f'{program} did not finish within {_TIMEOUT:g} seconds.',
            f'Run "{program} info --image-opts driver=rbd" to see why.'
            ) from error
    told = done.stderr.decode(errors='replace')
    if "'pool'" not in told:
        words = told.strip().splitlines() or ['no error message']
        raise exceptions.Unreachable(
            f'QEMU cannot load its rbd driver: {words[-1]}.', _PACKAGES)
    return f'{program} has the rbd driver.'
