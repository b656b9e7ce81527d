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

QEMU receives the key and a ceph.conf as anonymous files
(memfd_create): neither appears on a command line or a disk, and both vanish
however the run ends.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import functools
import json
import os
import subprocess
import threading
import time
from typing import Callable, Iterator, Optional, Sequence, Union

from rbd_mon_fix.clients import commands
from rbd_mon_fix.model import environment
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import qemu_img_errors
from rbd_mon_fix.qemu import qemu_user

# Seconds after librados's own timeout before QEMU is killed.
_GRACE = 2.0

# No monitors and no keyring.
_ALONE = '[global]\nkeyring = /dev/null\n'

# librados tries up to 32 monitors at once, so it finds a single good one
# within the timeout. No log and no socket are left behind.
_LIMITS = '''client_mount_timeout = {timeout:g}
rados_mon_op_timeout = {timeout:g}
rados_osd_op_timeout = {timeout:g}
mon_client_hunt_parallel = 32
log_file =
log_to_stderr = false
admin_socket =
'''

_TOO_LONG = 'the name of the image or the list of monitors is too long'


@dataclasses.dataclass(frozen=True)
class Case:
    """An image as a document describes it, with all parameters for QEMU.

    :param user: None without cephx
    :param key: the cephx key, base64; None without cephx
    :param by: open it as such a QEMU would; None as this process
    :param conf: text to read as the ceph.conf; '' for none
    :param settings: text of a ceph.conf, whose last section is the client's
        and gets the limits. None for the ceph.conf that ``by`` reads, or for
        no settings as this process
    """

    image: str
    monitors: tuple[MonAddr, ...]
    user: Optional[str]
    key: Optional[str] = dataclasses.field(repr=False)
    by: Optional[qemu_user.QemuUser] = None
    conf: str = ''
    settings: Optional[str] = None


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


# A case, or the failed proof of a disk that cannot even be tried.
Attempt = Union[Case, Proof]


class SilentMonitors:
    """Lists of which no monitor answered: they are not tried again.

    The image plays no part before a monitor has answered, and neither do
    user and key; the settings do.
    """

    def __init__(self) -> None:
        self._errors: dict[Case, str] = {}

    def proof(self, case: Case) -> Optional[Proof]:
        """Return the failed proof of an image whose list is known."""
        error = self._errors.get(_way(case))
        return None if error is None else Proof(False, error, 0.0)

    def learn(self, case: Case, proof: Proof) -> None:
        """Remember the list of an image if none of it has answered."""
        if proof.error == qemu_img_errors.TIMED_OUT:
            self._errors[_way(case)] = proof.error


def _way(case: Case) -> Case:
    """Return what it takes to reach the monitors of an image."""
    return dataclasses.replace(case, image='', user=None, key=None)


def prove(cases: Sequence[Case], timeout: float, parallel: int,
          advance: Callable[[int], object],
          silent: Optional[SilentMonitors] = None) -> list[Proof]:
    """Open images read-only, and close them.

    :param timeout: seconds allowed to reach the monitors of an image
    :param parallel: maximum number of images to open at the same time
    :param advance: called with 1 after each image
    :param silent: monitors that are known not to answer; learns of others
    :returns: the results in the order of the cases
    :raises ConfigError: qemu-img or its rbd driver is not installed
    :raises OSError: this process has too many open files, for example
    """
    before = {by: (*by.command, *qemu_user.ending_with_parent(by))
              for by in {_by(case) for case in cases}}
    lock, unanswered = threading.Lock(), silent or SilentMonitors()

    def job(case: Case, running: commands.Running) -> Proof:
        proof = unanswered.proof(case) or _open(
            case, before[_by(case)], timeout, running)
        with lock:
            unanswered.learn(case, proof)
            advance(1)
        return proof
    return commands.run([functools.partial(job, case) for case in cases],
                        parallel)


def _by(case: Case) -> qemu_user.QemuUser:
    return case.by or qemu_user.QemuUser()


def _open(case: Case, before: Sequence[str], timeout: float,
          running: commands.Running) -> Proof:
    with _nameless(case.conf or (case.settings or _ALONE) + _LIMITS.format(
            timeout=timeout)) as conf, \
            _nameless(case.key or '') as key:
        words = [*before, *_words(case, conf, key)]
        began = time.monotonic()
        try:
            ended = running.wait(lambda: _start(words, (conf, key)),
                                 timeout + _GRACE)
        except OSError as error:
            if error.errno != errno.E2BIG:
                raise
            return Proof(False, _TOO_LONG, 0.0)
        seconds = time.monotonic() - began
    if ended is None:
        return Proof(False, f'no answer within {timeout:g} seconds', seconds)
    if ended.code == 0:
        return Proof(True, None, seconds)
    return Proof(False, qemu_img_errors.told(
        ended.code, ended.err.decode(errors='replace'), words[-1], case.key),
        seconds)


def _start(words: Sequence[str],
           descriptors: tuple[int, ...]) -> commands.Process:
    """Start QEMU.

    :raises ConfigError: QEMU, or a program that starts it, is missing
    :raises OSError: this process has too many open files, for example
    """
    try:
        return subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, start_new_session=True,
            pass_fds=descriptors, env=environment.of_child(os.environ))
    except OSError as error:
        if not environment.is_unusable(error):
            raise
        raise qemu_img_errors.cannot_run(
            words[0], os.strerror(error.errno or 0)) from error


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
    if case.by is None or case.conf or case.settings is not None:
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
    return ['qemu-img', 'info', '--force-share', *secret,
            'json:' + json.dumps(source)]


@contextlib.contextmanager
def _nameless(text: str) -> Iterator[int]:
    """Yield the descriptor of an anonymous in-memory file with a text."""
    descriptor = os.memfd_create('rbd-mon-fix')
    try:
        with open(descriptor, 'wb', closefd=False) as file:
            file.write(text.encode(errors='surrogateescape'))
        yield descriptor
    finally:
        os.close(descriptor)
