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

"""What libvirt forgets of running guests that a refresh leaves diverged.

The guests run on a real Ceph cluster, with real snapshots, copies and commits
by virsh. Their XML lacks a port, so that they start at once.
"""

from __future__ import annotations

import base64
import socket
import subprocess
import types
from xml.etree import ElementTree

import pytest

from rbd_mon_fix.model.monmap import MonAddr
from tests.functional import ceph as real
from tests.functional import guests
from tests.functional import libvirtd
from tests.functional import operator

libvirt = pytest.importorskip('libvirt')

GOOD, OTHER = MonAddr(real.ADDRESS, 6789), MonAddr(real.ADDRESS, None)
SECRET = f'''<secret ephemeral='no' private='no'><uuid>{guests.SECRET}</uuid>
<usage type='ceph'><name>diverged</name></usage></secret>'''
WITHIN = 120


@pytest.fixture(scope='module')
def ceph():
    with real.running() as running:
        yield running


def disk(image):
    """Return a disk with an address that is right but for its port."""
    return f'''<disk type='network' device='disk'>
      <driver name='qemu' type='raw'/>{guests.AUTH}
      <source protocol='rbd' name='vms/{image}'>
        <host name='{OTHER.host}'/></source>
      <target dev='vda' bus='virtio'/></disk>'''


class Guest:
    """A guest on an image of its own, and the operator of its host."""

    def __init__(self, name, daemon, domain, admin):
        self.name, self.domain, self.admin = name, domain, admin
        self.file = daemon.folder / f'{name}.qcow2'
        self._uri = daemon.uri

    def start(self):
        self.domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)

    def restart(self):
        self.domain.destroy()
        self.start()

    def virsh(self, command, *words):
        subprocess.run(['virsh', '-c', self._uri, command, self.name, *words],
                       check=True, capture_output=True, timeout=WITHIN)

    def snapshot(self):
        self.virsh('snapshot-create-as', 'one', '--disk-only',
                   '--no-metadata', '--diskspec', f'vda,file={self.file}')

    def copy(self):
        self.virsh('blockcopy', 'vda', str(self.file), '--transient-job',
                   '--wait', '--pivot')

    def commit(self):
        self.virsh('blockcommit', 'vda', '--active', '--wait', '--pivot')

    def image(self, flags=0):
        """Return the file or the RBD image that is written to."""
        found = ElementTree.fromstring(self.domain.XMLDesc(flags)).find(
            'devices/disk/source')
        return found.get('file') or found.get('name')

    @property
    def next_image(self):
        return self.image(libvirt.VIR_DOMAIN_XML_INACTIVE)

    def report(self, *words, code=0):
        answer = self.admin.run(
            *words, '--unmanaged', '--instance', self.domain.UUIDString(),
            '-f', 'json')
        assert answer.code == code, answer.out + answer.err
        return answer.json

    def states(self, code=0):
        """Return the state of each disk in each store, and the findings."""
        found = self.report('status', code=code)
        return ({(row['store'], row['disk']): row['state']
                 for row in found['records']}, found['findings'])

    def refresh(self):
        """Correct the persistent XML, and return the findings."""
        found = self.report('refresh')
        assert {row['outcome'] for row in found['records']
                if row['store'] == 'domain'} == {'fixed'}
        return found['findings']

    @property
    def finding(self):
        return {
            'kind': 'running-guest', 'host': socket.gethostname(),
            'subject': f'guest {self.name} ({self.domain.UUIDString()}), vda',
            'monitors': [str(OTHER)], 'desired': [str(GOOD)],
            'advice': 'The running guest has other addresses: stop and start '
            'it before a snapshot or blockcopy with virsh, which its next '
            'start would otherwise forget.'}


@pytest.fixture
def make(ceph, tmp_path):
    """Return a function that makes running guests."""
    with libvirtd.running(tmp_path / 'a', socket.gethostname()) as daemon, \
            daemon.connected() as connection:
        connection.secretDefineXML(SECRET).setValue(
            base64.b64decode(ceph.key))
        config = tmp_path / 'host.conf'
        config.write_text(real.PLAIN_CONF.format(
            uri=daemon.uri, folder=tmp_path, ceph=ceph))
        admin = operator.Operator(types.SimpleNamespace(), config)

        def make(name):
            ceph.create_image(name)
            made = Guest(name, daemon, connection.defineXML(
                guests.guest(disk(name), name=name)), admin)
            made.start()
            return made
        yield make


@pytest.mark.parametrize('work', [Guest.snapshot, Guest.copy])
def test_a_new_image_of_a_diverged_guest_is_forgotten(make, work):
    guest = make(f'forgets-{work.__name__}')
    assert guest.states(code=1) == ({
        ('domain', 'vda'): 'drifted', ('live-domain', 'vda'): 'drifted'}, [])
    assert guest.refresh() == [guest.finding]
    assert guest.states()[1] == [guest.finding]
    screen = guest.admin.run('status').out
    assert 'FINDINGS' in screen
    assert f'guest {guest.name} (' in screen
    work(guest)
    assert guest.image() == str(guest.file)
    assert guest.next_image == f'vms/{guest.name}'
    guest.restart()
    assert guest.image() == f'vms/{guest.name}'


@pytest.mark.parametrize('work', [Guest.snapshot, Guest.copy])
def test_after_a_restart_a_new_image_is_kept(make, work):
    """The finding advises to restart."""
    guest = make(f'keeps-{work.__name__}')
    guest.refresh()
    guest.restart()
    assert guest.states() == ({
        ('domain', 'vda'): 'current', ('live-domain', 'vda'): 'current'}, [])
    work(guest)
    assert guest.next_image == guest.image() == str(guest.file)
    guest.restart()
    assert guest.image() == str(guest.file)


def test_an_overlay_on_an_rbd_image(make):
    """The image below is judged, and corrected; nothing is forgotten.

    But a commit writes the addresses of the running guest.
    """
    guest = make('chain')
    guest.snapshot()
    below = 'vda/backingStore'
    assert guest.states(code=1) == ({
        ('domain', below): 'drifted', ('live-domain', below): 'drifted'}, [])
    assert guest.refresh() == []
    assert guest.states() == ({
        ('domain', below): 'current', ('live-domain', below): 'drifted'}, [])
    guest.commit()
    assert guest.next_image == guest.image() == 'vms/chain'
    assert guest.states(code=1) == ({
        ('domain', 'vda'): 'drifted', ('live-domain', 'vda'): 'drifted'}, [])
    assert guest.refresh() == [guest.finding]


def test_an_overlay_after_a_restart(make):
    guest = make('chain-restarted')
    guest.snapshot()
    guest.refresh()
    guest.restart()
    assert guest.states()[1] == []
    guest.commit()
    assert guest.next_image == guest.image() == f'vms/{guest.name}'
    assert guest.states() == ({
        ('domain', 'vda'): 'current', ('live-domain', 'vda'): 'current'}, [])
