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

"""The SSH servers of the hosts, over which Nova copies folders of servers.

See nova/virt/libvirt/volume/remotefs.py, SshDriver.
"""

from __future__ import annotations

import pathlib
import socket

from lab import hosts
from lab import services

FOLDER = pathlib.Path('/etc/ssh')
HOST_KEY = FOLDER / 'lab_host_key'
KEY = FOLDER / 'lab_key'
SERVER_CONF = FOLDER / 'lab_sshd_config'
CLIENT_CONF = FOLDER / 'ssh_config.d' / 'lab.conf'
PORT = 22
SERVER = f'''\
HostKey {HOST_KEY}
AuthorizedKeysFile {KEY}.pub
PermitRootLogin prohibit-password
PasswordAuthentication no
UsePAM no
PidFile none
Subsystem sftp internal-sftp
'''
CLIENT = f'''\
Host *
    IdentityFile {KEY}
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
'''


def prepare() -> None:
    """Write missing keys, and the settings of server and client."""
    for key in (HOST_KEY, KEY):
        if not key.exists():
            services.run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f',
                         str(key))
    SERVER_CONF.write_text(SERVER)
    CLIENT_CONF.write_text(CLIENT)


def service(host: hosts.Host) -> services.Service:
    """Return the SSH server of a host."""
    # sshd confines its unprivileged processes to this folder.
    host.path('/run/sshd').mkdir(exist_ok=True)
    return host.service(services.Service(
        'sshd', ('/usr/sbin/sshd', '-D', '-e', '-f', str(SERVER_CONF), '-o',
                 f'ListenAddress={host.address}'),
        lambda: _listens(host.address)))


def _listens(address: str) -> None:
    socket.create_connection((address, PORT), 5).close()
