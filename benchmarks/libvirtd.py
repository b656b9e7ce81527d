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

"""A private libvirtd that does not touch the machine's own."""

from __future__ import annotations

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from typing import Iterator

import tenacity

READY_WITHIN = 60
STOPPED_WITHIN = 30

# libvirtd has no options for its folders, so it gets private folders in a
# mount namespace; they are on disk, because libvirt syncs each define. Its
# host name is that of the compute host in the databases.
START = '''
set -e
mount --make-rprivate /
for folder in /etc/libvirt /run /var/lib/libvirt /var/cache/libvirt \\
        /var/log/libvirt; do
    mkdir -p "$folder" "$1$folder"
    mount --bind "$1$folder" "$folder"
done
cp "$1/qemu.conf" /etc/libvirt
hostname "$3"
exec "$2" -f "$1/libvirtd.conf" -p "$1/pid"
'''

# QEMU may see KVM as root but not as another user; libvirt would treat the
# difference as a change and probe QEMU again at every define.
QEMU_CONF = 'user = "root"\ngroup = "root"\nsecurity_driver = "none"\n'

LIBVIRTD_CONF = '''\
unix_sock_dir = "{folder}"
unix_sock_group = "root"
auth_unix_rw = "none"
log_outputs = "4:stderr"
'''


@contextlib.contextmanager
def running(host: str) -> Iterator[str]:
    """Yield the URI of a libvirtd that runs for the duration of the context.

    :param host: the host name of the compute host that it represents
    :raises RuntimeError: libvirtd cannot run here
    """
    with tempfile.TemporaryDirectory(prefix='rbd-mon-fix-') as name:
        folder = pathlib.Path(name)
        (folder / 'qemu.conf').write_text(QEMU_CONF)
        (folder / 'libvirtd.conf').write_text(
            LIBVIRTD_CONF.format(folder=folder))
        with open(folder / 'log', 'wb') as log:
            daemon = subprocess.Popen(
                ['unshare', '--mount', '--uts', 'sh', '-c', START, 'sh',
                 name, _program(), host], stdin=subprocess.DEVNULL, stdout=log,
                stderr=log)
        try:
            socket = folder / 'libvirt-sock'
            _wait_for(socket, daemon, folder / 'log')
            yield f'qemu+unix:///system?socket={socket}'
        finally:
            daemon.terminate()
            daemon.wait(STOPPED_WITHIN)


def _program() -> str:
    found = shutil.which('libvirtd', path='/usr/sbin:/usr/local/sbin:/sbin')
    if found is None or os.geteuid() != 0:
        raise RuntimeError('needs root, and libvirtd of bindep.txt')
    return found


def _wait_for(socket: pathlib.Path, daemon: subprocess.Popen,
              log: pathlib.Path) -> None:
    @tenacity.retry(retry=tenacity.retry_if_result(lambda there: not there),
                    wait=tenacity.wait_fixed(0.1),
                    stop=tenacity.stop_after_delay(READY_WITHIN))
    def wait() -> bool:
        if daemon.poll() is not None:
            raise RuntimeError(f'libvirtd ended: {log.read_text()}')
        return socket.exists()

    wait()
