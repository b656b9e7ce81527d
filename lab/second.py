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

"""The first process of the second host: mounts its folders, reaps orphans.

Run it as ``python -m lab.second`` in namespaces of its own.
"""

from __future__ import annotations

import pathlib
import shutil
import signal
import socket
import subprocess

from lab import hosts
from lab import init
from lab import network

# The network of the first host, whose first process is that of the machine.
FIRST = ('nsenter', '--net=/proc/1/ns/net')
# The ends of the cable: on the first host, and on this one.
CABLE = (network.SECOND_HOSTNAME, 'eth0')


def main() -> None:
    """Set up the host, and reap orphans until it is stopped."""
    signal.pthread_sigmask(signal.SIG_BLOCK,
                           {signal.SIGCHLD, signal.SIGTERM})
    _mount()
    _connect()
    init.run('mount', '-t', 'proc', 'proc', '/proc')
    socket.sethostname(network.SECOND_HOSTNAME)
    while signal.sigwait({signal.SIGCHLD, signal.SIGTERM}) != signal.SIGTERM:
        init.reap()


def _mount() -> None:
    folder = hosts.Second.folder
    shutil.rmtree(folder / 'run')
    folder.joinpath('run', 'lock').mkdir(parents=True)
    folder.joinpath('etc', 'hostname').write_text(
        f'{network.SECOND_HOSTNAME}\n')
    for path in hosts.OWN:
        # Packages bring most of the folders, but not all.
        pathlib.Path(path).mkdir(parents=True, exist_ok=True)
        init.run('mount', '--bind', f'{folder}{path}', path)
    init.run('mount', '--bind', f'{folder}/etc/hostname', '/etc/hostname')


def _connect() -> None:
    there, here = CABLE
    # The kernel removes the cable of a former start only after a while.
    subprocess.run([*FIRST, 'ip', 'link', 'delete', there], check=False,
                   stderr=subprocess.DEVNULL)
    init.run('ip', 'link', 'add', here, 'type', 'veth', 'peer', 'name', there,
             'netns', '/proc/1/ns/net')
    for words, end, address in ((FIRST, there, network.CABLE_ADDRESS),
                                ((), here, network.SECOND_ADDRESS)):
        init.run(*words, 'ip', 'address', 'add', f'{address}/24', 'dev', end)
        init.run(*words, 'ip', 'link', 'set', end, 'up')
    init.run('ip', 'link', 'set', 'lo', 'up')
    init.run('ip', 'route', 'add', network.NETWORK, 'via',
             network.CABLE_ADDRESS)


if __name__ == '__main__':
    main()
