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

"""The connection to libvirtd is lost in the middle of a run."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import time

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt as clients_libvirt
from rbd_mon_fix.inventory import domains as inventory_domains
from rbd_mon_fix.stores.domain import DomainStore
from tests.functional import guests

LIBVIRTD = shutil.which('libvirtd', path='/usr/sbin:/usr/local/sbin:/sbin')

# A libvirtd has no option for its folders, so it gets its own in a mount
# namespace.
START = '''
set -e
mount --make-rprivate /
for folder in /etc/libvirt /run /var/lib/libvirt /var/cache/libvirt \
        /var/log/libvirt; do
    mkdir -p $folder
    mount -t tmpfs none $folder
done
cp "$1/qemu.conf" /etc/libvirt
exec "$2" -f "$1/libvirtd.conf" -p "$1/pid"
'''


@pytest.fixture
def daemon(tmp_path):
    pytest.importorskip('libvirt')
    if LIBVIRTD is None or os.geteuid() or not shutil.which('unshare'):
        pytest.skip('needs libvirtd, unshare and root')
    (tmp_path / 'qemu.conf').write_text(guests.QEMU_CONF)
    (tmp_path / 'libvirtd.conf').write_text(
        f'unix_sock_dir = "{tmp_path}"\nunix_sock_group = "root"\n'
        'auth_unix_rw = "none"\nlog_outputs = "4:stderr"\n')
    daemon = subprocess.Popen(
        ['unshare', '-m', 'sh', '-c', START, 'sh', tmp_path, LIBVIRTD],
        stderr=(tmp_path / 'log').open('w'))
    yield daemon, f'qemu+unix:///system?socket={_socket(tmp_path, daemon)}'
    daemon.kill()
    daemon.wait()


def _socket(folder: pathlib.Path, daemon: subprocess.Popen) -> pathlib.Path:
    socket = folder / 'libvirt-sock'
    until = time.monotonic() + 30
    while not socket.exists():
        if daemon.poll() is not None:
            pytest.skip(f'no libvirtd: {(folder / "log").read_text()}')
        assert time.monotonic() < until, (folder / 'log').read_text()
        time.sleep(0.05)
    return socket


def test_a_lost_connection_is_no_conflict(daemon, capfd):
    process, uri = daemon
    hypervisor = clients_libvirt.connect(uri)
    hypervisor.define(guests.guest(guests.PLAIN))
    store = DomainStore(hypervisor)
    [scope] = inventory_domains.scopes(hypervisor, 'h', lambda uuid: True, 9)
    [record] = store.scan(scope)
    process.kill()
    process.wait()
    for lost in (lambda: store.put([guests.change(record)]),
                 lambda: store.get(record.locator),
                 lambda: store.scan(scope),
                 lambda: list(inventory_domains.scopes(
                     hypervisor, 'h', lambda uuid: True, 9)),
                 hypervisor.hostname):
        with pytest.raises(exceptions.Unreachable,
                           match='Libvirt at qemu\\+unix:///system cannot'):
            lost()
    hypervisor.close()
    assert capfd.readouterr() == ('', '')
