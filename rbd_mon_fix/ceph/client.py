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

"""Access to Ceph: the ``ceph`` command and the monitors' banners."""

from __future__ import annotations

from concurrent import futures
import errno
import os
import socket
import subprocess
from typing import Iterable, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import commands as client_commands
from rbd_mon_fix.model import environment
from rbd_mon_fix.model import monmap
from rbd_mon_fix.model.monmap import MonAddr

# The first eight bytes of CEPH_BANNER "ceph v027" (src/include/msgr.h) and
# of CEPH_BANNER_V2_PREFIX "ceph v2\n" (src/msg/async/ProtocolV2.h).
_BANNERS = (b'ceph v02', b'ceph v2\n')

_AT_ONCE = 64

_HINT = ('Check that this host reaches the monitors in its ceph.conf, or give '
         'the right ones with --monitors-file.')


def mon_dump(conf: str, cluster: Optional[str], user: Optional[str],
             timeout: float = 15.0, bypass: bool = False,
             running: Optional[client_commands.Running] = None) -> str:
    """Run ``ceph mon dump --format=json`` as Cinder and Nova do.

    The arguments are those of ``_get_mon_addrs`` in Cinder's
    volume/drivers/rbd.py and ``get_mon_addrs`` in Nova's
    storage/rbd_utils.py.

    :param conf: path of ceph.conf; '' for librados's default
    :param cluster: name of the cluster; None to pass none, as Nova does
    :param user: cephx user without ``client.``; None for librados's default
    :param timeout: seconds; ``ceph`` itself would wait for 300
    :param bypass: ignore ``mon_host_override`` in the ceph.conf
    :param running: the commands that end together with this one
    :returns: the output
    :raises Unreachable: ``ceph`` is missing, fails or finds no quorum in time
    """
    words = arguments(['ceph', 'mon', 'dump', '--format=json'], conf, cluster,
                      user, bypass)
    ended = (running or client_commands.Running()).wait(
        lambda: start(words, subprocess.DEVNULL), timeout)
    if ended is None:
        raise exceptions.Unreachable(
            f'"ceph mon dump" timed out after {timeout:g} seconds.', _HINT)
    if ended.code:
        raise exceptions.Unreachable(
            f'"ceph mon dump" failed with exit code {ended.code}: '
            f'{last_line(ended.err)}', _HINT)
    return ended.out.decode(errors='replace')


def arguments(command: Sequence[str], conf: str, cluster: Optional[str],
              user: Optional[str], bypass: bool = False) -> list[str]:
    """Return a Ceph command with the options for a cluster and a user."""
    words = [*command, *(['--mon-host-override='] if bypass else [])]
    for flag, word in (('--id', user), ('--cluster', cluster),
                       ('--conf', conf)):
        words += [flag, word] if word else []
    return words


def start(command: Sequence[str], stdin: int) -> subprocess.Popen[bytes]:
    """Start a Ceph command with its output in pipes.

    The command runs in its own session, so its children can be killed with it.

    :raises Unreachable: the command is not installed
    :raises OSError: this process has too many open files, for example
    """
    try:
        return subprocess.Popen(
            command, stdin=stdin, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, start_new_session=True,
            # ceph is a Python program and leaves answers in its buffer.
            env={**environment.of_child(os.environ), 'PYTHONUNBUFFERED': '1'})
    except OSError as e:
        if not environment.is_unusable(e):
            raise
        raise exceptions.Unreachable(
            f'Cannot run the {command[0]} command: {e.strerror}.',
            'Install ceph-common, give the right monitors with '
            '--monitors-file, or use those in ceph.conf with '
            '--offline.') from e


def answering(addrs: Iterable[MonAddr],
              timeout: float = 3.0) -> frozenset[MonAddr]:
    """Return the endpoints that send a monitor's banner; ask in parallel.

    :param timeout: seconds for connecting, and again for the banner
    :raises OSError: this process has too many open files to ask
    """
    asked = sorted(set(addrs), key=str)
    if not asked:
        return frozenset()
    with futures.ThreadPoolExecutor(min(len(asked), _AT_ONCE)) as pool:
        greets = pool.map(lambda addr: _greets(addr, timeout), asked)
        return frozenset(addr for addr, yes in zip(asked, greets) if yes)


def last_line(output: bytes) -> str:
    """Return the last non-empty line of a command's output."""
    lines = [line.strip() for line in output.decode(
        errors='replace').splitlines() if line.strip()]
    return lines[-1][:300] if lines else 'no error message.'


def _greets(addr: MonAddr, timeout: float) -> bool:
    ports = ((monmap.V2_PORT, monmap.V1_PORT) if addr.port is None
             else (addr.port,))
    return any(_port_greets(addr.host, port, timeout) for port in ports)


def _port_greets(host: str, port: int, timeout: float) -> bool:
    try:
        with socket.create_connection((host, port), timeout) as connection, \
                connection.makefile('rb') as stream:
            return stream.read(len(_BANNERS[0])) in _BANNERS
    except ValueError:
        return False
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE):
            raise  # nobody was asked
        return False
