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

"""The first process of the lab's machine: mounts folders and reaps orphans.

Run it as ``python -m lab.init FOLDER ROOT``; without a root of its own, the
machine has the files of the real one.
"""

from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import sys

from lab import machine
from lab import network

# What a root takes from the real machine.
SHARED = ('/dev', '/sys')
OLD_ROOT = '/mnt'


def main(folder: str, root: str) -> None:
    """Set up the machine, print ``up``, and reap orphans forever."""
    if root:
        _change_root(root, folder)
    socket.sethostname(network.HOSTNAME)
    run('ip', 'link', 'set', 'lo', 'up')
    run('ip', 'address', 'add', f'{network.ADDRESS}/24', 'dev', 'lo')
    run('mount', '-t', 'proc', 'proc', '/proc')
    if root:
        run('umount', '--lazy', OLD_ROOT)
    run('mount', '-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run')
    os.mkdir('/run/lock')
    for path in machine.OVERLAID:
        _overlay(path, pathlib.Path(folder))
    pathlib.Path('/etc/hosts').write_text(network.HOSTS)
    pathlib.Path('/etc/hostname').write_text(f'{network.HOSTNAME}\n')
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    print('up', flush=True)
    while True:
        signal.sigwait({signal.SIGCHLD})
        reap()


def _change_root(root: str, folder: str) -> None:
    """Make a folder the root, with the lab's own files at the same paths."""
    run('mount', '--bind', root, root)
    run('mount', '-t', 'tmpfs', 'tmpfs', f'{root}/tmp')
    for path in SHARED:
        run('mount', '--rbind', path, f'{root}{path}')
    for path in (str(machine.REPOSITORY), folder):
        os.makedirs(f'{root}{path}', exist_ok=True)
        run('mount', '--bind', path, f'{root}{path}')
    # This moves every process of the machine, this one too.
    run('pivot_root', root, f'{root}{OLD_ROOT}')
    os.chdir('/')


def _overlay(path: str, folder: pathlib.Path) -> None:
    run('mount', '-t', 'overlay', 'overlay', '-o',
         f'lowerdir={path},upperdir={folder}/changes{path},'
         f'workdir={folder}/work{path}', path)


def reap() -> None:
    """Take note of the end of all processes that have ended."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def run(*command: str) -> None:
    """Run a command that must succeed."""
    subprocess.run(command, check=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
