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

"""``guests --rescue``: a real guest is stranded, and writes all the while.

Its boot sector writes one numbered sector at each tick of the clock (18.2 a
second) through the BIOS, so that a lost write leaves a gap. All monitors are
replaced while its process is stopped.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import signal
import socket
import struct
import subprocess
import types
import uuid as uuid_module

import pytest
import tenacity

from tests.functional import ceph as real
from tests.functional import guests
from tests.functional import libvirtd
from tests.functional import operator

libvirt = pytest.importorskip('libvirt')
libvirt_qemu = pytest.importorskip('libvirt_qemu')

UUID = str(uuid_module.uuid4())
SECRET = f'''<secret ephemeral='no' private='no'><uuid>{guests.SECRET}</uuid>
<usage type='ceph'><name>rescue</name></usage></secret>'''
SECTOR = 512
# The sectors that are written in turn, and the first of them.
RING = FIRST = 1024
# Assembler of the boot sector, 16 bits:
#   cli; xor ax,ax; mov ds,ax; mov ss,ax; mov sp,7c00h; sti
#   again: hlt; inc dword [8000h]
#   mov eax,[8000h]; and eax,3ffh; add eax,400h; mov [7c39h],eax
#   mov si,7c31h; mov ax,4300h; int 13h; jc again; jmp again
#   packet (at 31h): 16 bytes, 1 sector, from 0000:8000h, to the sector at 39h
CODE = bytes.fromhex(
    'fa31c08ed88ed0bc007cfb f4 66ff060080 66a10080 6625ff030000'
    '660500040000 66a3397c be317c b80043 cd13 72dc ebda'
    '1000 0100 00800000 0004000000000000')
BOOT = CODE.ljust(510, b'\0') + b'\x55\xaa'
BOUND = 120


def disk(image, target, bus='virtio', device='disk', more=''):
    return f'''<disk type='network' device='{device}'>
      <driver name='qemu' type='raw' discard='unmap'/>{guests.AUTH}
      <source protocol='rbd' name='vms/{image}'>
        <host name='{real.ADDRESS}' port='6789'/></source>
      <target dev='{target}' bus='{bus}'/>{more}</disk>'''


DISKS = (disk('web', 'vda'), disk('data', 'sda', 'scsi', more='<iotune>'
         '<total_iops_sec>5000</total_iops_sec></iotune>'),
         "<controller type='scsi' model='virtio-scsi'/>",
         disk('config', 'hda', 'ide', 'cdrom', '<readonly/>'))


class Host:
    """A host whose guest writes, and is stranded."""

    def __init__(self, folder, ceph, daemon, connection):
        self.ceph, self.daemon, self.connection = ceph, daemon, connection
        connection.secretDefineXML(SECRET).setValue(
            base64.b64decode(ceph.key))
        self.domain = connection.defineXML(guests.guest(
            *DISKS, name='web', uuid=UUID))
        self.domain.create()
        config = folder / 'host.conf'
        config.write_text(real.PLAIN_CONF.format(
            folder=folder, ceph=ceph, uri=daemon.uri))
        self._operator = operator.Operator(types.SimpleNamespace(), config)
        self._folder = folder
        self.written()

    @property
    def pid(self):
        return int((self.daemon.folder / 'run' / 'qemu' / 'web.pid'
                    ).read_text())

    def run(self, *words):
        return self._operator.run(*words, '-f', 'json')

    def rescue(self, *words):
        return self.run('guests', '--rescue', UUID, *words)

    def qmp(self, execute, **arguments):
        return json.loads(libvirt_qemu.qemuMonitorCommand(
            self.domain, json.dumps({'execute': execute,
                                     'arguments': arguments}), 0))['return']

    def nodes(self):
        return sorted(each['node-name'] for each in self.qmp(
            'query-named-block-nodes', flat=True))

    def count(self):
        """Return the number of writes since the process started."""
        return next(each['stats']['wr_operations']
                    for each in self.qmp('query-blockstats')
                    if 'virtio-disk0' in each['qdev'])

    @tenacity.retry(stop=tenacity.stop_after_delay(BOUND), reraise=True,
                    wait=tenacity.wait_fixed(0.2))
    def written(self, more_than=0):
        """Wait for writes."""
        assert self.count() > more_than

    def strand(self):
        """Replace all monitors while the process is stopped."""
        os.kill(self.pid, signal.SIGSTOP)
        self.ceph.restart('mon.a')
        self.ceph.add_monitor('b', real.DEAD)
        self.ceph.remove_monitor('a')
        os.kill(self.pid, signal.SIGCONT)
        self.written(self.count())

    def ring(self):
        """Return the numbers in the sectors; the guest stands still."""
        path = self._folder / f'image-{uuid_module.uuid4()}'
        self.domain.suspend()
        self.ceph.run('rbd', 'export', 'vms/web', str(path))
        self.domain.resume()
        content = path.read_bytes()
        assert content[:SECTOR] == BOOT
        return [struct.unpack_from('<I', content, (FIRST + number) * SECTOR)[0]
                for number in range(RING)]

    def check_writes(self):
        """Check that no write is lost, and none is at a wrong place."""
        found = self.ring()
        newest = max(found)
        assert newest >= self.least
        assert {number for number in found if number} == set(
            range(max(1, newest - RING + 1), newest + 1))
        assert all(number % RING == place
                   for place, number in enumerate(found) if number)
        self.least = newest + 1

    least = 1


@contextlib.contextmanager
def stranded(folder):
    """Yield a host with a cluster and a stranded guest of its own."""
    boot = folder / 'boot'
    boot.write_bytes(BOOT.ljust(2 * RING * SECTOR, b'\0'))
    with real.running() as ceph, libvirtd.running(
            folder / 'a', socket.gethostname()) as daemon, \
            daemon.connected() as connection:
        ceph.run('rbd', 'import', str(boot), 'vms/web')
        ceph.create_image('data')
        ceph.create_image('config')
        host = Host(folder, ceph, daemon, connection)
        host.strand()
        yield host


@contextlib.contextmanager
def stopped(process):
    process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def test_io_that_hangs_is_refused(tmp_path):
    """The OSD is silent, so that a write does not end; ``stop`` would wait.

    The images are not looked at: QEMU would stand still for that, too.
    """
    with stranded(tmp_path) as host:
        with stopped(host.ceph.daemons['osd.0']):
            answer = host.rescue('--in-place')
        assert answer.code == 3, answer.err
        assert 'vda: it had requests in flight the whole time' in (
            answer.json['error']['message'])
        assert host.run('journal', 'list').json['runs'] == []


def in_place(answer):
    return answer.json['ways'][-1]


def plan_without_a_change(host):
    before = host.nodes()
    answer = host.rescue()
    assert answer.code == 1, answer.err
    assert (answer.json['state'], answer.json['lost']) == (
        'stranded', ['ceph'])
    assert in_place(answer)['refused'] == []
    assert [(each['disk'], each['old'], each['new'])
            for each in answer.json['disks']] == [
        (target, [f'{real.ADDRESS}:6789'], [f'{real.DEAD}:6789'])
        for target in ('vda', 'sda', 'hda')]
    assert host.ceph.key not in answer.out + answer.err
    assert host.nodes() == before
    assert host.run('guests', '--instance', UUID).code == 1


def refuse_a_paused_guest_and_a_block_job(host):
    host.domain.suspend()
    answer = host.rescue('--in-place')
    host.domain.resume()
    assert answer.code == 3
    assert 'does not run (paused)' in answer.json['error']['message']
    host.domain.blockCopy('sda', "<disk type='file'><source file='"
                          f"{host.daemon.folder}/copy'/><driver type='raw'/>"
                          '</disk>', flags=libvirt
                          .VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
    answer = host.rescue('--in-place')
    host.domain.blockJobAbort('sda')
    assert answer.code == 3
    assert 'sda: libvirt copies it' in answer.json['error']['message']


def rescue_in_place(host):
    """Rescue it after the refusals, which changed nothing."""
    host.check_writes()
    nodes = host.nodes()
    answer = host.rescue('--in-place')
    assert answer.code == 0, answer.out + answer.err
    assert (answer.json['outcome'], answer.json['reason']) == ('fixed', None)
    assert answer.json['paused'] < 5
    assert host.nodes() == nodes
    host.written(host.count())
    row, = host.run('guests', '--instance', UUID).json['guests']
    assert (row['state'], row['connected_to']) == (
        'following', [f'{real.DEAD}:3300'])
    host.check_writes()
    assert host.ceph.key not in answer.out + answer.err


def look_into_the_journal(host):
    run, = host.run('journal', 'list').json['runs']
    assert (run['command'], run['result']) == ('rescue', '1 fixed')
    path, = (host.daemon.folder.parent / 'journal' / 'runs').iterdir()
    assert host.ceph.key not in path.read_text()
    rows = host.run('journal', 'show', run['run']).json['changed']
    assert [(row['store'], row['disk'], row['outcome']) for row in rows] == [
        ('live-domain', target, 'fixed') for target in ('vda', 'sda', 'hda')]
    answer = host.run('rollback', run['run'])
    assert answer.code == 3
    assert 'not rolled back' in answer.json['error']['message']


def leave_a_guest_that_follows_alone(host):
    answer = host.rescue()
    assert (answer.code, answer.json['state']) == (0, 'following')
    assert host.rescue('--in-place').code == 3


def go_on_with_libvirt(host):
    """Resize; save, refresh the saved XML, and start from it."""
    host.domain.blockResize('vda', 2 << 20,
                            libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
    assert host.domain.blockInfo('vda')[0] == 2 << 20
    host.domain.managedSave()
    answer = host.run('refresh', '--unmanaged', '--store', 'managed-save')
    assert answer.code == 0, answer.err
    host.domain.create()
    host.written()
    host.check_writes()
    subprocess.run(['virsh', '-c', host.daemon.uri, 'detach-disk', 'web',
                    'sda', '--live'], check=True, capture_output=True,
                   timeout=BOUND)


def test_a_rescue(tmp_path):
    """One test: each step needs the one before it."""
    with stranded(tmp_path) as host:
        plan_without_a_change(host)
        refuse_a_paused_guest_and_a_block_job(host)
        rescue_in_place(host)
        look_into_the_journal(host)
        leave_a_guest_that_follows_alone(host)
        go_on_with_libvirt(host)
