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

"""A check that opens images with QEMU's rbd driver, as a cold start does.

QEMU receives the key and a ceph.conf without monitors as anonymous files
(memfd_create): neither appears on a command line or a disk, and both vanish
however the run ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import errno
import json
import os
import time
from typing import Callable, Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.model import environment
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import qemu_user

# Seconds after librados's own timeout before QEMU is killed.
_GRACE = 2.0

# No monitors, no keyring, no log. librados tries up to 32 monitors at once,
# so it finds a single good one within the timeout.
_CONF = '''[global]
client_mount_timeout = {timeout:g}
rados_mon_op_timeout = {timeout:g}
rados_osd_op_timeout = {timeout:g}
mon_client_hunt_parallel = 32
keyring = /dev/null
log_file =
log_to_stderr = false
'''

_NO_DRIVER = exceptions.ConfigError(
    'QEMU on this machine has no rbd driver.',
    'Install qemu-block-extra (Debian, Ubuntu) or qemu-kvm-block-rbd '
    '(RHEL).')


@dataclasses.dataclass(frozen=True)
class Case:
    """An image as a document describes it, with all parameters for QEMU.

    :param user: None without cephx
    :param key: the cephx key, base64; None without cephx
    :param by: open it as such a QEMU would, with the ceph.conf that it reads;
        None to open it as this process, without a ceph.conf
    :param conf: text to read as the ceph.conf instead; '' for none
    """

    image: str
    monitors: tuple[MonAddr, ...]
    user: Optional[str]
    key: Optional[str] = dataclasses.field(repr=False)
    by: Optional[qemu_user.QemuUser] = None
    conf: str = ''


@dataclasses.dataclass(frozen=True)
class Proof:
    """Whether an image was opened.

    :param error: QEMU's message; None if the image was opened
    :param seconds: duration of the attempt
    :param tried: the monitors that QEMU was given; empty if it did not run
    """

    opened: bool
    error: Optional[str]
    seconds: float
    tried: tuple[MonAddr, ...] = ()


def prove(cases: Sequence[Case], timeout: float, parallel: int,
          advance: Callable[[int], object]) -> list[Proof]:
    """Open images read-only, and close them.

    :param timeout: seconds allowed to reach the monitors of an image
    :param parallel: maximum number of images to open at the same time
    :param advance: called with 1 after each image
    :returns: the results in the order of the cases
    :raises ConfigError: qemu-img or its rbd driver is not installed
    :raises OSError: this process has too many open files, for example
    """
    return asyncio.run(_prove(cases, timeout, parallel, advance))


async def _prove(cases: Sequence[Case], timeout: float, parallel: int,
                 advance: Callable[[int], object]) -> list[Proof]:
    turn = asyncio.Semaphore(parallel)

    async def in_turn(case: Case) -> Proof:
        async with turn:
            proof = await _open(case, timeout)
        advance(1)
        return proof

    return list(await asyncio.gather(*map(in_turn, cases)))


async def _open(case: Case, timeout: float) -> Proof:
    with _nameless(case.conf or _CONF.format(timeout=timeout)) as conf, \
            _nameless(case.key or '') as key:
        words = _words(case, conf, key)
        began = time.monotonic()
        error = await _run(words, (conf, key), timeout)
        seconds = time.monotonic() - began
    if error is None:
        return Proof(True, None, seconds)
    return Proof(False, _told(error, words[-1], case.key), seconds)


async def _run(words: Sequence[str], descriptors: tuple[int, ...],
               timeout: float) -> Optional[str]:
    """Run QEMU and return its error output; None on success."""
    try:
        process = await asyncio.create_subprocess_exec(
            *words, stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE, pass_fds=descriptors,
            env=environment.of_child(os.environ))
    except OSError as error:
        if error.errno == errno.E2BIG:
            return 'the name of the image or the list of monitors is too long'
        if not environment.is_unusable(error):
            raise
        raise exceptions.ConfigError(
            f'{words[0]} cannot be run here: {error.strerror}.',
            qemu_user.HINT if words[0] in qemu_user.PROGRAMS else
            'Install qemu-utils (Debian, Ubuntu) or qemu-img (RHEL).'
            ) from error
    try:
        _, complaint = await asyncio.wait_for(
            process.communicate(), timeout + _GRACE)
    except asyncio.TimeoutError:
        return f'no answer within {timeout:g} seconds'
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return complaint.decode(errors='replace') if process.returncode else None


def _words(case: Case, conf: int, key: int) -> list[str]:
    """Return the command, which spells the image as libvirt does.

    See libvirt's src/qemu/qemu_block.c,
    ``qemuBlockStorageSourceGetRBDProps``, where port 0 means no port.
    """
    pool, *namespace, image = case.image.split('/')
    source: dict[str, object] = {
        'driver': 'rbd', 'pool': pool, 'image': image,
        'server': [{'host': addr.host, 'port': str(addr.port or 0)}
                   for addr in case.monitors]}
    if case.by is None or case.conf:
        source['conf'] = f'/dev/fd/{conf}'
    if namespace:
        source['namespace'] = '/'.join(namespace)
    secret: list[str] = []
    if case.user is not None:
        source['user'] = case.user
    if case.key is not None:
        secret = ['--object',
                  f'secret,id=key,format=base64,file=/dev/fd/{key}']
        source.update({'key-secret': 'key',
                       'auth-client-required': ['cephx', 'none']})
    return [*(case.by.command if case.by else ()), 'qemu-img', 'info',
            '--force-share', *secret, 'json:' + json.dumps(source)]


def _told(complaint: str, source: str, key: Optional[str]) -> str:
    """Return QEMU's message without the parts repeated from the command.

    :raises ConfigError: the message says that the rbd driver is missing
    """
    text = complaint.replace(f"Could not open '{source}': ", '')
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        return 'QEMU failed without a message'
    if "Unknown driver 'rbd'" in complaint:
        raise _NO_DRIVER
    words = lines[-1].partition('qemu-img: ')
    told = words[2] or words[0]
    return told.replace(key, '***') if key else told


@contextlib.contextmanager
def _nameless(text: str) -> Iterator[int]:
    """Yield the descriptor of an anonymous in-memory file with a text."""
    descriptor = os.memfd_create('rbd-mon-fix')
    try:
        with open(descriptor, 'wb', closefd=False) as file:
            file.write(text.encode())
        yield descriptor
    finally:
        os.close(descriptor)
