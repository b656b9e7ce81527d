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

"""The hook in a real libvirtd: guests on real Ceph, saved and migrated."""

from __future__ import annotations

import base64
import contextlib
import json
import pathlib
import socket
import subprocess
import threading
from typing import Iterator
import uuid

import pytest

from rbd_mon_fix.hook import installation
from tests.functional import ceph as ceph_cluster
from tests.functional import counting
from tests.functional import libvirtd
from tests.functional.operator import COMMAND

libvirt = pytest.importorskip('libvirt')

SECRET = str(uuid.uuid4())
SECRET_XML = f'''<secret ephemeral='no' private='no'><uuid>{SECRET}</uuid>
<usage type='ceph'><name>hook</name></usage></secret>'''
RIGHT = f"<host name='{ceph_cluster.ADDRESS}' port='6789'/>"
DEAD = f"<host name='{ceph_cluster.DEAD}' port='6789'/>"
IMAGE = 'counting'
CONF = '''\
[DEFAULT]
nova_config_file =
cinder_config_file =
libvirt_uri = {uri}
journal_dir = {folder}/journal
[hook]
dir = {hooks}
[ceph]
conf = {ceph_conf}
user = {user}
secret_uuid = {secret}
'''


@pytest.fixture(scope='module')
def ceph(tmp_path_factory) -> Iterator[ceph_cluster.Ceph]:
    """Return a cluster whose monitor was at the dead address before."""
    disk = counting.boot_sector(tmp_path_factory.mktemp('disk') / 'disk')
    with ceph_cluster.running(former=ceph_cluster.DEAD) as ceph:
        ceph.run('rbd', 'import', str(disk), f'{ceph_cluster.POOL}/{IMAGE}')
        subprocess.run(
            ['ceph-authtool', str(ceph.folder / 'keyring'), '--name',
             f'client.{ceph_cluster.USER}', '--add-key', ceph.key],
            check=True, stdout=subprocess.DEVNULL)
        yield ceph


def guest(hosts: str, told: pathlib.Path) -> str:
    """Return a guest that counts, with its disk on Ceph."""
    serial = counting.devices(told, told)[1]
    return f'''<domain type='qemu'><name>counting</name>
<uuid>6f1c4f1e-53ae-4a57-9a61-6c1a2d1f0d01</uuid>
<memory>65536</memory><vcpu>1</vcpu>
<os><type arch='x86_64' machine='pc'>hvm</type></os>
<devices><emulator>/usr/bin/qemu-system-x86_64</emulator>
<disk type='network' device='disk'><driver name='qemu' type='raw'/>
<auth username='{ceph_cluster.USER}'><secret type='ceph' uuid='{SECRET}'/>
</auth><source protocol='rbd' name='{ceph_cluster.POOL}/{IMAGE}'>
{hosts}</source><target dev='hda' bus='ide'/></disk>{serial}
</devices></domain>'''


class Host:
    """A compute host: a libvirtd, and an operator on it."""

    def __init__(self, daemon: libvirtd.Libvirtd, ceph: ceph_cluster.Ceph):
        self.daemon = daemon
        self.told = daemon.folder / 'told'
        self._config = daemon.folder / 'rbd-mon-fix.conf'
        self._config.write_text(CONF.format(
            uri=daemon.uri, folder=daemon.folder, hooks=daemon.hooks,
            ceph_conf=ceph.conf, user=ceph_cluster.USER, secret=SECRET))
        with daemon.connected() as connection:
            connection.secretDefineXML(SECRET_XML).setValue(
                base64.b64decode(ceph.key))

    def run(self, *words: str) -> tuple[int, str]:
        """Run rbd-mon-fix; return its exit code and report."""
        done = subprocess.run(
            [str(COMMAND), '--config-file', str(self._config), *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, timeout=120)
        assert 'Traceback' not in done.stderr, done.stderr
        return done.returncode, done.stdout

    def hook(self) -> tuple[int, dict[str, str]]:
        """Return the exit code of ``hook status``, and each state."""
        code, report = self.run('hook', 'status', '-f', 'json')
        return code, {row['part']: row['state']
                      for row in json.loads(report)['hook']}

    def known(self) -> tuple[list[str], set[str]]:
        """Return the right and the known addresses that the hook has."""
        path = self.daemon.hooks.with_name(installation.KNOWLEDGE)
        cluster, = json.loads(path.read_text())['clusters']
        return cluster['monitors'], set(cluster['known'])


@pytest.fixture
def host(tmp_path, ceph) -> Iterator[Host]:
    with libvirtd.running(tmp_path / 'a', 'host-a') as daemon:
        yield Host(daemon, ceph)


def monitors(xml: str) -> list[str]:
    return [line.strip() for line in xml.splitlines() if '<host ' in line]


def test_a_guest_that_was_saved_with_dead_monitors_resumes(host):
    with host.daemon.connected() as connection:
        domain = connection.defineXML(guest(RIGHT, host.told))
        domain.create()
        counting.wait_until_beyond(host.told, 20)
        domain.managedSave()
        last = counting.counted(host.told)[-1]
        # As if the monitors had been replaced meanwhile.
        domain.managedSaveDefineXML(
            domain.managedSaveGetXMLDesc().replace(RIGHT, DEAD))
        connection.defineXML(guest(DEAD, host.told))

    assert host.hook() == (1, {'script': 'missing'})
    assert host.run('hook', 'install')[0] == 0
    assert host.hook() == (1, {'script': 'current', 'monitors': 'current',
                               'libvirtd': 'restart'})
    host.daemon.restart()
    assert host.hook() == (0, {'script': 'current', 'monitors': 'current',
                               'libvirtd': 'sees it'})

    with host.daemon.connected() as connection:
        domain = connection.lookupByName('counting')
        assert monitors(domain.managedSaveGetXMLDesc()) == [DEAD]
        domain.create()
        assert monitors(domain.XMLDesc()) == [RIGHT]
        seen = len(counting.counted(host.told))
        counting.wait_until_beyond(host.told, seen + 5)
    numbers = counting.counted(host.told)
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > last + 1

    assert host.run('hook', 'remove')[0] == 0
    assert not (host.daemon.hooks / installation.NAME).exists()


def test_a_guest_that_migrates_to_here_leaves_old_monitors_behind(
        host, tmp_path, ceph):
    assert host.run('hook', 'status')[0] == 1
    with libvirtd.running(tmp_path / 'b', 'host-b') as daemon:
        assert Host(daemon, ceph).run('hook', 'install')[0] == 0
        daemon.restart()
        with host.daemon.connected() as near, daemon.connected() as far:
            domain = near.createXML(guest(RIGHT + DEAD, host.told))
            counting.wait_until_beyond(host.told, 20)
            moved = domain.migrate3(far, {
                libvirt.VIR_MIGRATE_PARAM_URI: 'tcp://127.0.0.1',
            }, libvirt.VIR_MIGRATE_LIVE)
            assert monitors(moved.XMLDesc()) == [RIGHT]
            seen = len(counting.counted(host.told))
            counting.wait_until_beyond(host.told, seen + 5)
        numbers = counting.counted(host.told)
        assert numbers == list(range(len(numbers)))


def test_what_the_hook_is_taught(host):
    """Only a list from the cluster itself counts, and only dead addresses."""
    right, dead = ([f'{address}{port}' for port in (':6789', ':3300', '')]
                   for address in (ceph_cluster.ADDRESS, ceph_cluster.DEAD))
    assert host.run('hook', 'install')[0] == 0
    assert host.known() == (right[:1], {*right, *dead})

    assert host.run('--offline', 'refresh', '--unmanaged')[0] == 0
    assert host.known() == ([], {*right, *dead})
    assert host.hook()[1]['monitors'] == 'outdated'

    assert host.run('refresh', '--unmanaged')[0] == 0
    assert host.known() == (right[:1], {*right, *dead})
    assert host.hook()[1]['monitors'] == 'current'

    with greeting(ceph_cluster.DEAD, 6789):
        assert host.hook()[1]['monitors'] == 'outdated'
        assert host.run('refresh', '--unmanaged')[0] == 0
        # The v2 port is silent; without a port, both would be meant.
        assert host.known() == (right[:1], {*right, dead[1]})
        assert host.hook()[1]['monitors'] == 'current'
    assert host.hook()[1]['monitors'] == 'outdated'


@contextlib.contextmanager
def greeting(address: str, port: int) -> Iterator[None]:
    """Greet at an address as a monitor does."""
    with socket.create_server((address, port)) as server:
        def greet() -> None:
            with contextlib.suppress(OSError):
                while True:
                    with server.accept()[0] as connection:
                        connection.sendall(b'ceph v027')

        thread = threading.Thread(target=greet)
        thread.start()
        try:
            yield
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
