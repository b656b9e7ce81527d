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

"""``verify``, ``refresh --verify`` and ``guests`` on a real Ceph cluster.

The host has no OpenStack: libvirt with guests created by hand.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import types
import uuid as uuid_module

import psutil
import pytest
import tenacity

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import history
from rbd_mon_fix.model.cluster import Way
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import processes
from tests.cloud import domains
from tests.functional import ceph as real
from tests.functional import guests
from tests.functional import libvirtd
from tests.functional import operator
from tests.functional import secrets

SECRET = guests.SECRET
libvirt = pytest.importorskip('libvirt')

GOOD, DEAD = MonAddr(real.ADDRESS, 6789), MonAddr(real.DEAD, 6789)
SECRET_XML = f'''<secret ephemeral='no' private='no'><uuid>{SECRET}</uuid>
<usage type='ceph'><name>good</name></usage></secret>'''
TIMED_OUT = 'error connecting: Connection timed out'



@pytest.fixture(scope='module')
def ceph():
    """Return a cluster whose monitor was at the dead address before."""
    with real.running(former=real.DEAD) as running:
        running.create_image('web')
        yield running


def operator_of(folder, ceph, uri):
    """Return an operator; all an operator needs of a cloud is a config."""
    config = folder / 'host.conf'
    config.write_text(real.PLAIN_CONF.format(
        folder=folder, ceph=ceph, uri=uri))
    return operator.Operator(types.SimpleNamespace(), config)


class Host:
    """A libvirt host and the operator on it.

    :param disks: pool/image and monitor of each guest, keyed by name, and
        the reference to its secret unless the reference is a UUID
    """

    def __init__(self, folder, ceph, libvirt_cache, disks):
        self.folder = folder
        self.root = folder / 'libvirt'
        shutil.copytree(libvirt_cache, self.root / 'cache')
        self.uuids = {name: str(uuid_module.uuid4()) for name in disks}
        domains.define(self.root, [
            guests.guest(disk(*disks[name]), name=name, uuid=uuid)
            for name, uuid in self.uuids.items()])
        self.operator = operator_of(
            folder, ceph, f'qemu:///embed?root={self.root}')

    def run(self, *words):
        return self.operator.run(*words)

    def opened(self, answer):
        """Return the result for each guest's disk, keyed by guest name."""
        names = {uuid: name for name, uuid in self.uuids.items()}
        return {names[row['instance']]: (row['opened'], row['error'])
                for row in answer.json['disks']}


def disk(image, monitor, named='uuid', conf=None):
    config = f"<config file='{conf}'/>" if conf else ''
    auth = guests.AUTH.replace('uuid=', f'{named}=')
    return f'''<disk type='network' device='disk'>
      <driver name='qemu' type='raw'/>{auth}
      <source protocol='rbd' name='{image}'>
        <host name='{monitor.host}' port='{monitor.port}'/>{config}</source>
      <target dev='vda' bus='virtio'/></disk>'''


@pytest.fixture
def build_host(tmp_path, ceph, libvirt_cache):
    return lambda **disks: Host(tmp_path, ceph, libvirt_cache, disks)


@pytest.fixture
def command_lines():
    """Return a set that collects all command lines of this machine."""
    seen, done = set(), threading.Event()

    def look():
        while not done.wait(0.01):
            for each in psutil.process_iter():
                with contextlib.suppress(psutil.Error):
                    seen.add(' '.join(each.cmdline()))
    thread = threading.Thread(target=look)
    thread.start()
    yield seen
    done.set()
    thread.join()


def test_verify(build_host, ceph, command_lines, tmp_path):
    host = build_host(good=('vms/web', GOOD), dead=('vms/web', DEAD),
                      absent=('vms/none', GOOD))
    secrets.define(host.root, SECRET, ceph.key)
    scratch = tmp_path / 'scratch'
    scratch.mkdir()
    answer = host.operator.run('verify', '--timeout', '1', '-f', 'json',
                               TMPDIR=str(scratch))
    assert answer.code == 1, answer.err
    assert host.opened(answer) == {
        'good': (True, None), 'dead': (False, TIMED_OUT),
        'absent': (False, 'error reading header from none: '
                   'No such file or directory')}
    rows = {row['image'] + str(row['opened']): row
            for row in answer.json['disks']}
    assert 0 < rows['vms/webTrue']['seconds'] < 4
    assert 1 <= rows['vms/webFalse']['seconds'] < 4
    assert tuple(answer.json['disks'][0]) == (
        'host', 'instance', 'name', 'store', 'disk', 'image', 'opened',
        'error', 'seconds', 'shielded')
    assert any('qemu-img info' in line for line in command_lines)
    told = '\n'.join([answer.out, answer.err, *command_lines])
    assert ceph.key not in told
    assert not list(scratch.iterdir())


def test_dead_monitors_cost_their_timeout_once(build_host, ceph):
    host = build_host(**{f'dead{number}': (f'vms/{number}', DEAD)
                         for number in range(20)})
    secrets.define(host.root, SECRET, ceph.key)
    answer = host.run('verify', '--parallel', '1', '-f', 'json')
    assert host.opened(answer) == {
        f'dead{number}': (False, TIMED_OUT) for number in range(20)}
    assert sum(row['seconds'] > 0 for row in answer.json['disks']) == 1


def test_verify_a_secret_by_its_usage(build_host, ceph):
    host = build_host(good=('vms/web', GOOD, 'usage'))
    secrets.define(host.root, SECRET, ceph.key)
    answer = host.run('verify', '-f', 'json')
    assert (answer.code, host.opened(answer)) == (0, {'good': (True, None)})


# A client of this cluster needs cephx.
WRONG = '[global]\nauth_supported = none\n'
ELSEWHERE = f'''[global]
mon host = {real.DEAD}
mon_host_override = {real.DEAD}
mon_dns_srv_name = ceph-mon
[mon.a]
mon addr = {real.DEAD}
[client.{{user}}]
mon  host_override = {real.DEAD}
'''


@pytest.mark.parametrize('text, opened', [
    (ELSEWHERE, True), (WRONG, False), ('nonsense', False), (None, False)])
def test_verify_uses_the_settings_of_a_start(build_host, ceph, tmp_path,
                                             text, opened):
    """All but the monitors: the disk's own list alone leads to them."""
    path = tmp_path / 'own.conf'
    if text is not None:
        path.write_text(text.replace('{user}', 'cinder'))
    host = build_host(good=('vms/web', GOOD, 'uuid', path),
                      dead=('vms/web', DEAD, 'uuid', path))
    secrets.define(host.root, SECRET, ceph.key)
    answer = host.run('verify', '--timeout', '2', '-f', 'json')
    found = host.opened(answer)
    assert found['good'][0] is opened, answer.out
    assert found['dead'][0] is False
    assert answer.json['opened_as']['user'] == 'root'
    if text is None:
        assert 'own.conf: No such file' in found['good'][1]
    elif text == 'nonsense':
        assert 'error reading conf file' in found['good'][1]


@pytest.mark.parametrize('number, code', [
    (signal.SIGINT, 130), (signal.SIGTERM, 130), (signal.SIGKILL, -9)])
def test_verify_that_is_ended_leaves_no_qemu(build_host, ceph, number, code):
    """It would be a watcher of the image as soon as a monitor answered."""
    name = f'held-{number}-{os.getpid()}'
    host = build_host(dead=(f'vms/{name}', DEAD))
    secrets.define(host.root, SECRET, ceph.key)
    # The tests themselves may have been started with SIGINT ignored.
    process = subprocess.Popen(
        ['env', '--default-signal=INT', sys.executable, '-m', 'rbd_mon_fix',
         '--config-file', host.operator.config, 'verify', '--timeout', '60'],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL)
    try:
        for attempt in waiting():
            with attempt:
                assert qemu_of(name)
        process.send_signal(number)
        assert process.wait(30) == code
        for attempt in waiting():
            with attempt:
                assert not qemu_of(name)
    finally:
        process.kill()
        process.wait()


def waiting():
    return tenacity.Retrying(stop=tenacity.stop_after_delay(30),
                             wait=tenacity.wait_fixed(0.1), reraise=True)


def qemu_of(image):
    """Return the processes of qemu-img that open an image."""
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = each.cmdline()
            if words[:2] == ['qemu-img', 'info'] and image in words[-1]:
                found.append(each.pid)
    return found


def test_verify_all_right_and_without_qemu_img(build_host, ceph, tmp_path):
    host = build_host(good=('vms/web', GOOD))
    secrets.define(host.root, SECRET, ceph.key)
    answer = host.run('--debug', 'verify')
    assert answer.code == 0, answer.err
    assert 'the only disk opens' in answer.out
    assert ceph.key not in answer.out + answer.err
    (tmp_path / 'bin').mkdir()
    for name in ('ceph', 'qemu-system-x86_64'):
        (tmp_path / 'bin' / name).symlink_to(shutil.which(name))
    answer = host.operator.run('verify', PATH=str(tmp_path / 'bin'))
    assert answer.code == 2
    assert 'qemu-img cannot be run here' in answer.err


def test_verify_without_the_secret_and_with_a_private_one(build_host, ceph):
    host = build_host(good=('vms/web', GOOD))
    answer = host.run('verify', '-f', 'json')
    assert answer.code == 1, answer.err
    assert host.opened(answer) == {
        'good': (False, f'Libvirt has no secret {SECRET}.')}
    secrets.define(host.root, SECRET, '')
    answer = host.run('verify', '-f', 'json')
    assert host.opened(answer) == {
        'good': (False, f'Libvirt has no value for secret {SECRET}.')}
    secrets.define(host.root, SECRET, ceph.key, 'yes')
    answer = host.run('verify')
    assert (answer.code, answer.out) == (2, '')
    assert f'value of libvirt secret {SECRET}: ' in answer.err
    assert ceph.key not in answer.err


def test_refresh_verify(build_host, ceph):
    host = build_host(dead=('vms/web', DEAD), absent=('vms/none', DEAD))
    secrets.define(host.root, SECRET, ceph.key)
    answer = host.run('refresh', '--unmanaged', '--verify', '-f', 'json')
    assert answer.code == 4, answer.err
    outcomes = {row['image']: (row['outcome'], row['reason'])
                for row in answer.json['records']}
    assert outcomes == {
        'vms/web': ('fixed', None),
        'vms/none': ('unverified', 'vms/none does not open: error reading '
                     'header from none: No such file or directory')}


def proved(*cases, timeout=1.0):
    return open_check.prove(cases, timeout, 4, lambda count: None)


def test_what_qemu_says(ceph):
    wrong = base64.b64encode(
        base64.b64decode(ceph.key)[:-1] + b'x').decode()
    found = proved(
        open_check.Case('vms/web', (GOOD,), real.USER, ceph.key),
        open_check.Case('vms/web', (DEAD, GOOD), real.USER, ceph.key),
        open_check.Case('vms/web', (MonAddr(real.ADDRESS, None),), real.USER,
                   ceph.key),
        open_check.Case('vms/web', (GOOD,), real.USER, wrong),
        open_check.Case('vms/web', (GOOD,), None, None),
        open_check.Case('vms/n,s=1/web', (GOOD,), real.USER, ceph.key),
        timeout=5.0)
    assert [(each.opened, each.error) for each in found] == [
        (True, None), (True, None), (True, None),
        (False, 'error connecting: Permission denied'),
        (False, 'error connecting: Operation not permitted'),
        (False, "namespace 'n,s=1' does not exist")]


def test_epochs_of_the_monmap_are_told_to_cinder_s_user(
        ceph, tmp_path, monkeypatch):
    """Missing epochs are skipped."""
    monkeypatch.delenv('PYTHONUNBUFFERED', raising=False)
    keyring, conf = tmp_path / 'keyring', tmp_path / 'ceph.conf'
    keyring.write_text(f'[client.{real.USER}]\nkey = {ceph.key}\n')
    conf.write_text(f'[global]\nfsid = {ceph.fsid}\nkeyring = {keyring}\n'
                    f'mon_host = {GOOD}\n')
    way = Way(str(conf), None, real.USER)
    first, = history.epochs(way, [*range(40, 20, -1), 1])
    assert first.epoch == 1
    assert first.modified.startswith('20')
    assert [(monitor.name, monitor.addr)
            for monitor in first.monmap.monitors] == [('a', DEAD)]


def test_epochs_are_not_told_to_an_unknown_user(ceph):
    with pytest.raises(exceptions.Unreachable, match='former monitors'):
        list(history.epochs(Way(str(ceph.conf), None, 'nobody'), [1]))


def test_a_monitor_that_is_silent():
    """The monitor accepts and says nothing; QEMU is killed in time."""
    with socket.socket() as silent:
        silent.bind((real.DEAD, 0))
        silent.listen()
        addr = MonAddr.of(*silent.getsockname())
        found, = proved(open_check.Case('vms/web', (addr,), None, None))
    assert not found.opened
    assert found.seconds < 4


def blockdev(image, key_file):
    return [
        '-object', f'secret,id=key,format=base64,file={key_file}',
        '-blockdev', json.dumps({
            'driver': 'rbd', 'pool': 'vms', 'image': image,
            'server': [{'host': real.ADDRESS, 'port': '6789'}],
            'user': real.USER, 'key-secret': 'key', 'conf': '/dev/null',
            'node-name': 'disk'})]


@contextlib.contextmanager
def running(argv, **how):
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, **how) as process:
        try:
            yield process
        finally:
            process.kill()


@tenacity.retry(stop=tenacity.stop_after_delay(15),
                wait=tenacity.wait_fixed(0.05), reraise=True)
def seen(process, host=None):
    """Return a QEMU process once it runs and is connected to a host."""
    guest, = [each for each in processes.running()
              if each.pid == process.pid]
    assert host is None or host in {peer.host for peer in guest.peers}
    return guest


@pytest.fixture
def running_host(ceph, tmp_path):
    """Return an operator on a host where libvirtd runs the guest ``good``."""
    uuid = str(uuid_module.uuid4())
    with libvirtd.running(tmp_path / 'a', socket.gethostname()) as daemon:
        with daemon.connected() as connection:
            connection.secretDefineXML(SECRET_XML).setValue(
                base64.b64decode(ceph.key))
            connection.defineXML(guests.guest(
                disk('vms/web', GOOD), name='good', uuid=uuid)
            ).createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
        host = operator_of(tmp_path, ceph, daemon.uri)
        host.uuids = {'good': uuid}
        host.pid = int(
            (daemon.folder / 'run' / 'qemu' / 'good.pid').read_text())
        seen(host, real.ADDRESS)
        yield host


def test_a_process_that_is_no_domain_is_not_judged(
        build_host, ceph, tmp_path):
    """The process has the UUID of a domain that does not run."""
    host = build_host(good=('vms/web', GOOD))
    key = tmp_path / 'key'
    key.write_text(ceph.key)
    with running(['qemu-system-x86_64', '-S', '-accel', 'tcg', '-m', '16',
                  '-display', 'none', '-nodefaults', '-name', 'guest=good',
                  '-uuid', host.uuids['good'], *blockdev('web', key)]) as it:
        seen(it, real.ADDRESS)
        answer = host.run('guests', '-f', 'json')
        row, = mine(host, answer)
    assert (row['pid'], row['state']) == (it.pid, 'unknown')


def mine(host, answer):
    """Return the rows of this host's guest; other guests may run meanwhile."""
    return [row for row in answer.json['guests']
            if row['instance'] == host.uuids['good']]


def test_a_guest_follows(running_host):
    answer = running_host.run('guests', '--instance',
                              running_host.uuids['good'], '-f', 'json')
    assert answer.code == 0, answer.err
    row, = mine(running_host, answer)
    assert row.pop('host')
    assert row.pop('name') == 'good'
    assert row == {
        'instance': running_host.uuids['good'], 'pid': running_host.pid,
        'launched_with': [f'{real.ADDRESS}:6789'],
        'connected_to': [f'{real.ADDRESS}:3300'], 'state': 'following'}


def test_a_guest_is_stranded(running_host, ceph, tmp_path):
    """The guest is connected to monitors that are no longer the right ones."""
    uuid = running_host.uuids['good']
    moved = tmp_path / 'moved.json'
    moved.write_text(json.dumps({'clusters': [{
        'name': 'ceph', 'fsid': ceph.fsid,
        'monitors': [f'{real.DEAD}:6789'],
        'former': [{'addresses': [str(GOOD)]}]}]}))
    options = ('--monitors-file', str(moved), '--offline')
    answer = running_host.run(*options, 'guests', '--instance', uuid, '-f',
                              'json')
    assert answer.code == 1, answer.err
    row, = mine(running_host, answer)
    assert (row['state'], row['connected_to']) == (
        'stranded', [f'{real.ADDRESS}:3300'])
    status = running_host.run(*options, 'status', '--unmanaged', '-f', 'json')
    assert status.json['summary']['stranded'] == [uuid]
    for words, who, advice in (
            (('refresh', '--unmanaged', '--dry-run'), f'  {uuid}\n',
             'live-migrate or restart them'),
            (('guests',), uuid, 'live-migrate it, or stop and start it')):
        told = running_host.run(*options, *words)
        assert told.code == 1
        assert who in told.out
        assert advice in ' '.join(told.out.split())


def test_only_this_machine(build_host):
    host = build_host()
    for command in ('guests', 'verify'):
        answer = host.run(command, '--host', 'elsewhere')
        assert answer.code == 2
        assert ('only the local machine, which is not elsewhere'
                in answer.err)


OLD = (r'file=rbd:vms/root:id=cinder:key=c2VzYW1l\=\=:auth_supported='
       r'cephx\;none:mon_host=10.0.0.1\:6789\;\[fd00\:\:1\]\:6789,format=raw')
# Not a pyenv shim, which would find its own name again.
PYTHON = os.path.realpath(sys.executable)
IDLE = 'import time; time.sleep(60)'


def test_a_key_on_an_old_command_line_is_not_shown(build_host):
    host = build_host()
    with running(['qemu-system-x86_64', '-c', IDLE, '-name', 'guest=old',
                  '-drive', OLD], executable=PYTHON) as it:
        seen(it)
        screen = host.run('--debug', 'guests')
        answer = host.run('--debug', 'guests', '-f', 'csv')
    assert '10.0.0.1:6789 [fd00::1]:6789' in answer.out
    assert "not a running domain of this host's libvirt" in screen.out
    for each in (screen, answer):
        assert 'c2VzYW1l' not in each.out + each.err


CONNECT = '''
import socket, time
server = socket.create_server(('127.0.0.41', 6789))
client = socket.create_connection(('127.0.0.41', 6789))
time.sleep(60)
'''


def test_a_network_namespace_of_its_own():
    script = ('ip link set lo up && '
              f'exec -a qemu-kvm {PYTHON} -c "{CONNECT}" -name guest=boxed')
    with running(['unshare', '--net', 'bash', '-c', script]) as it:
        guest = seen(it, '127.0.0.41')
    assert (guest.instance, MonAddr('127.0.0.41', 6789) in guest.peers) == (
        'boxed', True)
    table = pathlib.Path('/proc/net/tcp').read_text()
    assert '2900007F:1A85' not in table


def test_without_permission():
    script = ('import os, sys; sys.path[:] = {path!r}; '
              'from rbd_mon_fix.qemu import processes; os.setgid(65534); '
              'os.setuid(65534); '
              'print([each.peers for each in processes.running() '
              'if each.pid == {pid}])')
    with running(['qemu-kvm', '-c', IDLE],
                 executable=PYTHON) as it:
        seen(it)
        told = subprocess.run(
            [sys.executable, '-c', script.format(path=sys.path, pid=it.pid)],
            check=True, stdout=subprocess.PIPE, text=True)
    assert told.stdout == '[None]\n'
