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

"""A private libvirtd with its own /etc/libvirt.

Libvirt's hook folder is fixed at build time, and its embedded driver calls
no hooks. So a daemon runs in a mount namespace in which libvirt's folders
are those of the test. The daemon also has its own host name, since libvirt
migrates no guest to a host of the same name.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
from typing import Iterator, Optional
import uuid

import libvirt
import tenacity

from tests.functional import guests

READY_WITHIN = 60
STOPPED_WITHIN = 20

FOLDERS = {'etc': '/etc/libvirt', 'lib': '/var/lib/libvirt',
           'run': '/run/libvirt', 'cache': '/var/cache/libvirt',
           'log': '/var/log/libvirt'}
ENTER = ('hostname "$1" && {} && exec libvirtd '
         '--config "$2/etc/libvirtd.conf" --pid-file "$2/libvirtd.pid"')
CONF = '''\
host_uuid = "{uuid}"
auth_unix_rw = "none"
log_outputs = "2:file:{folder}/libvirtd.log"
'''
QEMU_CONF = '''\
user = "root"
group = "root"
security_driver = "none"
security_default_confined = 0
stdio_handler = "file"
cgroup_controllers = []
namespaces = []
'''


class Libvirtd:
    """A daemon, and the folders that it uses instead of the host's."""

    def __init__(self, folder: pathlib.Path, host: str):
        self.folder = folder
        self.host = host
        self.hooks = folder / 'etc' / 'hooks' / 'qemu.d'
        self.socket = folder / 'run' / 'libvirt-sock'
        self.uri = f'qemu+unix:///system?socket={self.socket}'
        self._process: Optional[subprocess.Popen[bytes]] = None
        for name in FOLDERS:
            (folder / name).mkdir(parents=True)
        (folder / 'etc' / 'libvirtd.conf').write_text(
            CONF.format(uuid=uuid.uuid4(), folder=folder))
        (folder / 'etc' / 'qemu.conf').write_text(
            QEMU_CONF + guests.vnc_ports(1))

    def start(self) -> None:
        """Start the daemon and wait until it answers."""
        binds = ' && '.join(f'mount --bind "$2/{name}" {path}'
                            for name, path in FOLDERS.items())
        with open(self.folder / 'out', 'ab') as out:
            self._process = subprocess.Popen(
                ['unshare', '--mount', '--uts', '--propagation', 'private',
                 'sh', '-ec', ENTER.format(binds), 'sh', self.host,
                 str(self.folder)],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self._wait()

    def stop(self) -> None:
        """Stop the daemon; its guests keep running."""
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def kill(self) -> None:
        """Kill the daemon; its guests keep running."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    @contextlib.contextmanager
    def silenced(self) -> Iterator[None]:
        """Suspend the daemon for a block; connections stay open."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def restart(self) -> None:
        """Restart the daemon as ``systemctl restart`` does."""
        self.stop()
        self.start()

    @contextlib.contextmanager
    def connected(self) -> Iterator[libvirt.virConnect]:
        """Yield a connection."""
        connection = libvirt.open(self.uri)
        try:
            yield connection
        finally:
            connection.close()

    @tenacity.retry(wait=tenacity.wait_fixed(0.1), reraise=True,
                    retry=tenacity.retry_if_exception_type(
                        libvirt.libvirtError),
                    stop=tenacity.stop_after_delay(READY_WITHIN))
    def _wait(self) -> None:
        assert self._process is not None
        assert self._process.poll() is None, (self.folder / 'out').read_text()
        with self.connected() as connection:
            connection.getVersion()


@contextlib.contextmanager
def running(folder: pathlib.Path, host: str) -> Iterator[Libvirtd]:
    """Run a daemon; its guests end when it ends."""
    assert os.geteuid() == 0, 'a mount namespace needs root'
    daemon = Libvirtd(folder, host)
    daemon.start()
    try:
        yield daemon
    finally:
        try:
            with daemon.connected() as connection:
                for domain in connection.listAllDomains():
                    if domain.isActive():
                        domain.destroy()
        finally:
            daemon.stop()
