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

"""The lab's machine: namespaces of the real machine, and a first process.

The lab's machine has only its own processes and a loopback device, so it
cannot reach or disturb anything outside, and all processes end with the first
one. Its files are those of the real machine or of a root with another release
of Debian. Its ``/etc``, ``/var/lib``, ``/var/log`` and ``/var/cache`` are
overlays of these, so all writes to them stay in the lab's folder. Commands in
the machine read the lab's ``/etc/nova/nova.conf`` at its usual path.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
from typing import Any, Mapping, NoReturn, Optional, Sequence

import psutil
import tenacity

from lab import errors
from lab import services

OVERLAID = ('/etc', '/var/lib', '/var/log', '/var/cache')
# The lab must not see the real machine's content in these places.
HIDDEN = ('/etc/ceph', '/etc/libvirt/hooks', '/etc/libvirt/qemu',
          '/etc/libvirt/secrets', '/etc/libvirt/storage', '/etc/rbd-mon-fix',
          *(f'/var/lib/{name}' for name in (
              'ceph', 'cinder', 'glance', 'libvirt', 'mysql', 'nova',
              'rabbitmq', 'rbd-mon-fix')))
HIDDEN_FILES = ('/etc/nova/nova.conf', '/etc/nova/nova-compute.conf',
                '/etc/cinder/cinder.conf')
REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
# The Python of a root, which lab/install installs rbd-mon-fix into.
ROOT_PYTHON = '/opt/rbd-mon-fix/bin/python'
UP_WITHIN = 30
DOWN_WITHIN = 30


class Machine:
    """The lab's machine.

    :param folder: for everything the lab writes
    """

    def __init__(self, folder: pathlib.Path):
        self.folder = folder.absolute()

    @property
    def mark(self) -> pathlib.Path:
        """The file with the pid of the machine's first process."""
        return self.folder / 'machine.json'

    @property
    def python(self) -> str:
        """The Python with which the machine runs the lab and its tests."""
        return ROOT_PYTHON if self._marked().get('root') else sys.executable

    def root(self, release: str) -> str:
        """Return the folder of the root with a release; empty for none."""
        return str(self.folder / 'roots' / release) if release else ''

    def start(self, release: str = '') -> None:
        """Start the machine with an empty disk, unless it is running.

        :param release: the code name of a Debian release that has a root in
            the lab's folder; empty for the real machine's files
        :raises LabError: the machine does not come up, or is running with
            another release
        """
        root = self.root(release)
        if self.first() is not None:
            if self._marked()['root'] != root:
                raise errors.LabError(
                    'the lab is up with another release: run lab/down first')
            return
        if root and not pathlib.Path(root).is_dir():
            raise errors.LabError(
                f'{self.folder} has no root of {release}: run lab/install '
                f'--release {release}')
        self._empty()
        self._hide()
        with open(self.folder / 'machine.log', 'wb') as log:
            parent = subprocess.Popen(
                ['unshare', '--mount', '--pid', '--net', '--uts', '--ipc',
                 '--fork', '--kill-child', '--propagation', 'private',
                 sys.executable, '-m', 'lab.init', str(self.folder), root],
                cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=log,
                stderr=log, start_new_session=True)
        self._wait_until_up(parent)
        first, = psutil.Process(parent.pid).children()
        self.mark.write_text(json.dumps(
            {'pid': first.pid, 'started': first.create_time(),
             'root': root}))

    def stop(self) -> None:
        """End all processes of the machine; its folder stays.

        :raises LabError: the machine does not go down
        """
        first = self.first()
        if first is not None:
            first.kill()
            try:
                first.wait(DOWN_WITHIN)
            except psutil.TimeoutExpired as error:
                raise errors.LabError(
                    f'process {first.pid} did not end') from error
        self.mark.unlink(missing_ok=True)

    def first(self) -> Optional[psutil.Process]:
        """Return the first process, if the machine is up."""
        known = self._marked()
        try:
            process = psutil.Process(known['pid'])
        except (KeyError, psutil.NoSuchProcess):
            return None
        return process if services.same(process, known['started']) else None

    def enter(self, folder: pathlib.Path, command: Sequence[str],
              environment: Mapping[str, str]) -> NoReturn:
        """Replace this process by a command in the machine.

        :param folder: the working directory of the command
        :param environment: the whole environment of the command
        :raises LabError: the machine is not up
        """
        first = self.first()
        if first is None:
            raise errors.LabError(
                f'the lab in {self.folder} is not up: run lab/up')
        os.execvpe('nsenter', [
            'nsenter', '--target', str(first.pid), '--mount', '--pid',
            '--net', '--uts', '--ipc', '--', 'env', f'--chdir={folder}',
            *command], environment)

    def _marked(self) -> dict[str, Any]:
        try:
            return json.loads(self.mark.read_text())
        except FileNotFoundError:
            return {}

    def _empty(self) -> None:
        known = {'changes', 'work', 'machine.json', 'machine.log', 'lab.json',
                 'services', 'log', 'tmp'}
        here = {path.name for path in self.folder.glob('*')} - {'roots'}
        if here and 'machine.log' not in here:
            raise errors.LabError(
                f'{self.folder} is not a lab folder, and not empty; give '
                'another one with --folder')
        for name in here & known:
            path = self.folder / name
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        for name in ('services', 'log', 'tmp'):
            (self.folder / name).mkdir(parents=True)

    def _hide(self) -> None:
        for path in OVERLAID:
            for kind in ('changes', 'work'):
                (self.folder / kind / path[1:]).mkdir(parents=True)
        for path in HIDDEN:
            hiding = self.folder / 'changes' / path[1:]
            hiding.mkdir(parents=True)
            # Documentation/filesystems/overlayfs.rst of Linux
            os.setxattr(hiding, 'trusted.overlay.opaque', b'y')
        for path in HIDDEN_FILES:
            hiding = self.folder / 'changes' / path[1:]
            hiding.parent.mkdir(exist_ok=True)
            os.mknod(hiding, stat.S_IFCHR)

    def _wait_until_up(self, parent: subprocess.Popen[bytes]) -> None:
        log = self.folder / 'machine.log'
        up = tenacity.Retrying(
            wait=tenacity.wait_fixed(0.05),
            retry=tenacity.retry_if_result(lambda ended: ended is None),
            stop=tenacity.stop_after_delay(UP_WITHIN), reraise=True)
        try:
            up(lambda: True if 'up\n' in log.read_text() else parent.poll())
        except tenacity.RetryError:
            parent.kill()
        if parent.poll() is not None:
            raise errors.LabError(
                'cannot start the machine of the lab; this needs root and '
                f'the right to create namespaces:\n{log.read_text()}')
