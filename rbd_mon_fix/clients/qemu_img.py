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

"""Asks QEMU's own tool whether it can speak to Ceph."""

from __future__ import annotations

import os
import subprocess

from rbd_mon_fix import exceptions

_TIMEOUT = 20.0
_PACKAGES = ('Install the packages that have it: qemu-utils and '
             'qemu-block-extra on Debian, qemu-img and qemu-kvm-block-rbd on '
             'RHEL.')


def rbd(program: str = 'qemu-img') -> str:
    """Have QEMU load its rbd driver, and return that it could.

    It is given no image, so that it asks for one as soon as it has the
    driver, and no cluster is spoken to.

    :raises Unreachable: there is no such tool, or it has no such driver
    """
    try:
        done = subprocess.run(
            [program, 'info', '--image-opts', 'driver=rbd'],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True, timeout=_TIMEOUT,
            env={**os.environ, 'LC_ALL': 'C'})
    except OSError as error:
        raise exceptions.Unreachable(
            f'{program} cannot be run here: {error.strerror}.',
            f'{_PACKAGES} Only verify needs it.') from error
    except subprocess.TimeoutExpired as error:
        raise exceptions.Unreachable(
            f'{program} did not end within {_TIMEOUT:g} seconds.',
            'Run it by hand and look.') from error
    if "'pool'" not in done.stderr:
        words = done.stderr.strip().splitlines() or ['it said nothing']
        raise exceptions.Unreachable(
            f'QEMU cannot load its rbd driver: {words[-1]}.', _PACKAGES)
    return f'{program} has the rbd driver.'
