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

"""Guests that are stuck in a job of libvirt, with a real libvirtd and QEMU.

Libvirt waits 30 seconds for a job. The QEMU processes are stopped while
libvirt waits for an answer of their monitors.
"""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
import types

import psutil
import pytest
import tenacity

from tests.functional import guests
from tests.functional import libvirtd
from tests.functional import operator

libvirt = pytest.importorskip('libvirt')

ALL = 'one', 'two', 'three', 'sound'
STUCK = ALL[:3]
WAITS = 30
WORDS = 'busy with a job of libvirt: wait for the job or abort it'

CONF = '''\
[DEFAULT]
nova_config_file =
cinder_config_file =
libvirt_uri = {uri}
journal_dir = {folder}/journal
monitors_file = {folder}/monitors.json
offline = true
'''
MONITORS = {'clusters': [{
    'name': 'ceph', 'fsid': '8a2b1ee2-70c5-4b22-a5b3-2a9d4d2c6f00',
    'monitors': ['127.0.0.31:6789', '127.0.0.32:6789'],
    'former': [{'addresses': [f'{host}:6789']}
               for host in ('127.0.0.21', '127.0.0.22')]}]}
# libvirt 11.3 and 12.8 wait for a job before they give XML, and then give it.
# jobInfo waits for a job in all versions.
NEWER = '''
import contextlib, sys
import libvirt
from rbd_mon_fix.cli import main
give = libvirt.virDomain.XMLDesc
def wait_and_give(domain, flags=0):
    print('XML', domain.name(), file=sys.stderr)
    with contextlib.suppress(libvirt.libvirtError):
        domain.jobInfo()
    return give(domain, flags)
libvirt.virDomain.XMLDesc = wait_and_give
sys.exit(main.main())
'''


class Host:
    """A libvirt host with guests, and the operator on it."""

    def __init__(self, daemon, connection, folder):
        self.daemon, self.connection = daemon, connection
        for name in ALL:
            self._start(name, folder)
        (folder / 'monitors.json').write_text(json.dumps(MONITORS))
        config = folder / 'host.conf'
        config.write_text(CONF.format(uri=daemon.uri, folder=folder))
        self.operator = operator.Operator(types.SimpleNamespace(), config)

    def _start(self, name, folder):
        """Start a guest, and give it a disk on Ceph at its next start."""
        for words in (('-f', 'raw', folder / f'{name}.raw', '1M'),
                      ('-f', 'qcow2', '-F', 'raw', '-b',
                       folder / f'{name}.raw', folder / name)):
            subprocess.run(['qemu-img', 'create', *words], check=True,
                           stdout=subprocess.DEVNULL)
        disk = (f"<disk type='file'><driver name='qemu' type='qcow2'/>"
                f"<source file='{folder / name}'/>"
                "<target dev='vdb' bus='virtio'/></disk>")
        domain = self.connection.defineXML(guests.guest(disk, name=name))
        domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        self.connection.defineXML(guests.guest(
            disk, guests.PLAIN, name=name, uuid=domain.UUIDString()))

    @contextlib.contextmanager
    def stuck(self):
        """Leave guests in a job that does not end."""
        with contextlib.ExitStack() as stack:
            for name in STUCK:
                stack.enter_context(self._stuck(name))
            yield

    @contextlib.contextmanager
    def _stuck(self, name):
        qemu = psutil.Process(int((
            self.daemon.folder / 'run' / 'qemu' / f'{name}.pid').read_text()))
        qemu.send_signal(signal.SIGSTOP)
        try:
            with subprocess.Popen(
                    ['virsh', '-c', self.daemon.uri, 'domblkinfo', name,
                     'vdb'], stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL) as job:
                try:
                    self._wait_for_job(name)
                    yield
                    assert job.poll() is None, 'the job has ended'
                finally:
                    qemu.send_signal(signal.SIGCONT)
        finally:
            qemu.send_signal(signal.SIGCONT)

    @tenacity.retry(stop=tenacity.stop_after_delay(30), reraise=True,
                    wait=tenacity.wait_fixed(0.05))
    def _wait_for_job(self, name):
        state, *_ = self.connection.lookupByName(name).controlInfo(0)
        assert state != libvirt.VIR_DOMAIN_CONTROL_OK

    def run(self, *words, **how):
        """Run a command; return its answer and how long it took."""
        began = time.monotonic()
        answer = self.operator.run(*words, **how)
        return answer, time.monotonic() - began


@pytest.fixture
def host(tmp_path):
    with libvirtd.running(tmp_path / 'a', 'kvm1') as daemon:
        with daemon.connected() as connection:
            yield Host(daemon, connection, tmp_path)


def states(answer):
    return {(row['name'], row['state']) for row in answer.json['records']}


FOUND = {('sound', 'stale'), *((name, 'unreadable') for name in STUCK)}


def test_a_call_that_waits_in_any_version(host):
    """A disk with a backing image may have a block job, which is asked for."""
    with host.stuck():
        answer, seconds = host.run('status', '-f', 'json')
        assert (answer.code, states(answer)) == (1, FOUND), answer.err
        assert seconds < WAITS
        done, seconds = host.run('refresh', '--unmanaged', '-f', 'json')
        assert seconds < WAITS
    assert done.code == 4
    assert {(row['name'], row['outcome'] or row['state'])
            for row in done.json['records']} == {
        ('sound', 'fixed'), *((name, 'unreadable') for name in STUCK)}
    answer, _ = host.run('status', '-f', 'json')
    assert states(answer) == {
        ('sound', 'current'), *((name, 'stale') for name in STUCK)}


def test_xml_that_waits_in_newer_versions(host, tmp_path):
    newer = tmp_path / 'newer.py'
    newer.write_text(NEWER)
    program = [sys.executable, str(newer)]
    with host.stuck():
        screen, seconds = host.run('status', program=program)
        assert seconds < WAITS
        answer, seconds = host.run('status', '-f', 'json', program=program)
        assert seconds < WAITS
    assert (answer.code, states(answer)) == (1, FOUND), answer.err
    assert screen.code == 1
    assert WORDS in ' '.join(screen.out.split())
    asked = [line.split()[1] for line in answer.err.splitlines()
             if line.startswith('XML ')]
    assert all(asked.count(name) <= 1 for name in STUCK)
    assert sum(map(asked.count, STUCK)) == 2
