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

"""A small real Ceph cluster: one monitor, and one OSD with an in-memory store.

It listens on a loopback address of its own, on the usual ports. Its daemons
are children of the tests, which end them by their process ids.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import subprocess
import tempfile
from typing import Iterator
import uuid

import tenacity

_OWN = f'{os.getpid() >> 8 & 255}.{os.getpid() & 255}'
# One per process, as several processes may run tests at once.
ADDRESS = f'127.31.{_OWN}'
# No process listens on this address.
DEAD = f'127.39.{_OWN}'
POOL = 'vms'
USER = 'cinder'
READY_WITHIN = 60
STOPPED_WITHIN = 15

# The config of rbd-mon-fix on a host without OpenStack.
PLAIN_CONF = '''\
[DEFAULT]
nova_config_file =
cinder_config_file =
libvirt_uri = {uri}
journal_dir = {folder}/journal
[ceph]
conf = {ceph.conf}
'''
CONF = '''\
[global]
fsid = {fsid}
mon_host = [v2:{address}:3300/0,v1:{address}:6789/0]
public_addr = {address}
cluster_addr = {address}
keyring = {folder}/keyring
run_dir = {folder}
admin_socket = {folder}/$name.asok
log_file = {folder}/$name.log
pid_file =
auth_allow_insecure_global_id_reclaim = false
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_warn_on_pool_no_redundancy = false
client_mount_timeout = 10
[mon]
mon_data = {folder}/$name
mon_initial_members = a
[osd]
# A client that is stopped for a while goes on watching.
osd_client_watch_timeout = 300
osd_data = {folder}/$name
osd_objectstore = memstore
memstore_device_bytes = 268435456
'''


@dataclasses.dataclass(frozen=True)
class Ceph:
    """A running cluster.

    :param key: the cephx key of ``USER``, base64
    """

    folder: pathlib.Path
    fsid: str
    key: str
    daemons: dict[str, subprocess.Popen[bytes]] = dataclasses.field(
        default_factory=dict)

    @property
    def conf(self) -> pathlib.Path:
        return self.folder / 'ceph.conf'

    def run(self, program: str, *words: str) -> str:
        """Run one of Ceph's programs as its administrator."""
        return _run(program, '--conf', str(self.conf), *words)

    def create_image(self, name: str) -> None:
        """Create an image of one MiB."""
        self.run('rbd', 'create', '--size', '1M', f'{POOL}/{name}')

    def start(self, name: str, *words: str) -> None:
        """Start a daemon, such as ``mon.a``, until the end of the context."""
        kind, _, number = name.partition('.')
        with open(self.folder / f'{name}.out', 'wb') as log:
            self.daemons[name] = subprocess.Popen(
                [f'ceph-{kind}', '-f', '--conf', str(self.conf), '-i', number,
                 *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self, name: str) -> None:
        """Stop a daemon."""
        process = self.daemons.pop(name)
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def restart(self, name: str) -> None:
        """Stop a daemon, start it again, and wait until Ceph answers."""
        self.stop(name)
        self.start(name)
        wait_until_ready(self)

    def add_monitor(self, name: str, address: str) -> None:
        """Add a monitor, and wait until it is in the quorum."""
        monmap = str(self.folder / 'monmap')
        self.run('ceph', 'mon', 'getmap', '-o', monmap)
        (self.folder / f'mon.{name}').mkdir()
        self.run('ceph-mon', '--mkfs', '-i', name, '--monmap', monmap,
                 '--keyring', str(self.folder / 'keyring'))
        self.start(f'mon.{name}', '--public-addrv',
                   f'[v2:{address}:3300/0,v1:{address}:6789/0]')
        _wait_for_quorum(self, name)
        self.conf.write_text(self.conf.read_text().replace(
            f'v1:{ADDRESS}:6789/0]', f'v1:{ADDRESS}:6789/0],'
            f'[v2:{address}:3300/0,v1:{address}:6789/0]'))

    def remove_monitor(self, name: str) -> None:
        """Remove a monitor, which then ends by itself."""
        self.run('ceph', 'mon', 'rm', name)
        self.daemons.pop(f'mon.{name}').wait(STOPPED_WITHIN)
        wait_until_ready(self)

    def permit(self, user: str, key: str) -> None:
        """Give a key of a user to all programs."""
        _run('ceph-authtool', str(self.folder / 'keyring'), '-n',
             f'client.{user}', '--add-key', key)


@contextlib.contextmanager
def running(former: str = ADDRESS) -> Iterator[Ceph]:
    """Run a cluster with a pool and a user for the duration of the context.

    :param former: the address that its monitor had first
    """
    with tempfile.TemporaryDirectory(prefix='rbd-mon-fix-ceph-') as name, \
            contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        fsid = str(uuid.uuid4())
        (folder / 'ceph.conf').write_text(CONF.format(
            fsid=fsid, address=ADDRESS, folder=folder))
        ceph = Ceph(folder, fsid, '')
        _make_monitor(ceph, former)
        if former != ADDRESS:
            _move_monitor(ceph, former)
        stack.callback(_stop_all, ceph)
        ceph.start('mon.a')
        wait_until_ready(ceph)
        _make_osd(ceph)
        ceph.start('osd.0')
        ceph.run('ceph', 'osd', 'pool', 'create', POOL, '8')
        key = ceph.run('ceph', 'auth', 'get-or-create-key',
                       f'client.{USER}', 'mon', 'profile rbd', 'osd',
                       f'profile rbd pool={POOL}').strip()
        yield dataclasses.replace(ceph, key=key)


def _make_monitor(ceph: Ceph, address: str) -> None:
    keyring = str(ceph.folder / 'keyring')
    _run('ceph-authtool', '--create-keyring', keyring, '--gen-key', '-n',
         'mon.', '--cap', 'mon', 'allow *')
    _run('ceph-authtool', keyring, '--gen-key', '-n', 'client.admin',
         '--cap', 'mon', 'allow *', '--cap', 'osd', 'allow *')
    monmap = str(ceph.folder / 'monmap')
    _run('monmaptool', '--create', '--fsid', ceph.fsid, '--addv', 'a',
         f'[v2:{address}:3300/0,v1:{address}:6789/0]', monmap)
    (ceph.folder / 'mon.a').mkdir()
    ceph.run('ceph-mon', '--mkfs', '-i', 'a', '--monmap', monmap,
             '--keyring', keyring)


def _move_monitor(ceph: Ceph, former: str) -> None:
    """Let the monitor run, then give it another address.

    The monitor then ends, and uses the new address when it starts again.
    """
    ceph.start('mon.a')
    try:
        wait_until_ready(ceph, '-m', former)
        ceph.run('ceph', '-m', former, 'mon', 'set-addrs', 'a',
                 f'[v2:{ADDRESS}:3300,v1:{ADDRESS}:6789]')
    finally:
        ceph.stop('mon.a')


def _make_osd(ceph: Ceph) -> None:
    osd = str(uuid.uuid4())
    ceph.run('ceph', 'osd', 'new', osd)
    data = ceph.folder / 'osd.0'
    data.mkdir()
    key = ceph.run('ceph', 'auth', 'get-or-create-key', 'osd.0', 'mon',
                   'allow profile osd', 'osd', 'allow *').strip()
    _run('ceph-authtool', str(ceph.folder / 'keyring'), '-n', 'osd.0',
         '--add-key', key)
    ceph.run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd)


def _stop_all(ceph: Ceph) -> None:
    for name in sorted(ceph.daemons, reverse=True):
        ceph.stop(name)


@tenacity.retry(wait=tenacity.wait_fixed(0.1), reraise=True,
                retry=tenacity.retry_if_exception_type(
                    subprocess.CalledProcessError),
                stop=tenacity.stop_after_delay(READY_WITHIN))
def wait_until_ready(ceph: Ceph, *where: str) -> None:
    """Wait until a quorum of monitors answers."""
    ceph.run('ceph', *where, '--connect-timeout', '5', 'quorum_status')


@tenacity.retry(wait=tenacity.wait_fixed(0.1), reraise=True,
                stop=tenacity.stop_after_delay(READY_WITHIN))
def _wait_for_quorum(ceph: Ceph, name: str) -> None:
    names = json.loads(ceph.run('ceph', 'quorum_status'))['quorum_names']
    assert name in names, f'mon.{name} is not in the quorum'


def _run(program: str, *words: str) -> str:
    return subprocess.run(
        [program, *words], check=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        timeout=READY_WITHIN).stdout
