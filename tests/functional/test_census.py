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

"""``guests --from-ceph``, ``gate`` and ``lifeline plan``: a real move."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import types

import pytest
import tenacity

from tests.functional import ceph as real
from tests.functional import operator

CONF = '''\
[DEFAULT]
nova_config_file =
cinder_config_file =
journal_dir = {folder}/journal
[ceph]
conf = {ceph.conf}
'''


@pytest.fixture(scope='module')
def ceph():
    with real.running() as running:
        running.create_image('web')
        running.run('rbd', 'namespace', 'create', 'vms/tenant')
        running.create_image('tenant/other')
        yield running


@pytest.fixture
def admin(ceph, tmp_path):
    """Return an operator on a host with the keyring of client.admin."""
    config = tmp_path / 'host.conf'
    config.write_text(CONF.format(folder=tmp_path, ceph=ceph))
    return operator.Operator(types.SimpleNamespace(), config)


@contextlib.contextmanager
def child(*argv):
    with subprocess.Popen(argv, stdin=subprocess.PIPE,
                          stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def guest(ceph, tmp_path):
    """Run QEMU with an image, launched with the present monitor."""
    (tmp_path / 'key').write_text(ceph.key)
    blockdev = {
        'driver': 'rbd', 'pool': 'vms', 'image': 'web', 'node-name': 'disk',
        'server': [{'host': real.ADDRESS, 'port': '6789'}],
        'user': real.USER, 'key-secret': 'key', 'conf': '/dev/null'}
    with child('qemu-system-x86_64', '-S', '-accel', 'tcg', '-m', '16',
               '-display', 'none', '-nodefaults', '-object',
               f'secret,id=key,format=base64,file={tmp_path}/key',
               '-blockdev', json.dumps(blockdev)) as process:
        watched(ceph, 'vms/web')
        yield process


@pytest.fixture
def other(ceph):
    """Run a client that follows the monitors, whatever happens."""
    with child('rbd', '--conf', str(ceph.conf), 'watch',
               'vms/tenant/other') as process:
        watched(ceph, 'vms/tenant/other')
        yield process


@tenacity.retry(stop=tenacity.stop_after_delay(15),
                wait=tenacity.wait_fixed(0.1), reraise=True)
def watched(ceph, image):
    assert json.loads(ceph.run('rbd', 'status', image, '--format', 'json'))[
        'watchers']


def rows(answer):
    """Return state and monitors of each image; each has one client."""
    return {row['image']: (row['state'], row['monitors'], row['ready'])
            for row in answer.json['watchers']}


@tenacity.retry(stop=tenacity.stop_after_delay(60), reraise=True)
def becomes(admin, words, code, expected):
    """Wait until clients have found another monitor."""
    answer = admin.run(*words, '-f', 'json')
    assert (answer.code, rows(answer)) == (code, expected), answer.err


def test_names_that_cannot_leave(ceph, admin):
    name, = (name[4:] for name in ceph.daemons if name.startswith('mon.'))
    answer = admin.run('gate', 'nobody')
    assert answer.code == 2
    assert f'There is no monitor nobody. The monitors are {name}.' in (
        answer.err)
    answer = admin.run('gate', name)
    assert answer.code == 2
    assert 'would stay' in answer.err


def test_a_user_for_this_alone(ceph, admin):
    """The caps are those that the documentation names."""
    ceph.permit('census', ceph.run(
        'ceph', 'auth', 'get-or-create-key', 'client.census', 'mon',
        'allow *', 'osd', 'profile rbd-read-only').strip())
    told = admin.run('gate', '--ceph-admin-user', 'census')
    assert (told.code, told.out) == (0, 'No image is open. Go on.\n')


def test_without_permission(ceph, admin):
    ceph.permit(real.USER, ceph.key)
    for user in (real.USER, 'nobody'):
        answer = admin.run('gate', '--ceph-admin-user', user)
        assert (answer.code, answer.out) == (5, '')
        assert f'refuses client.{user}: ' in answer.err
        assert 'mon "allow *"' in answer.err
    assert 'EACCES' in admin.run(
        'gate', '--ceph-admin-user', real.USER).err


def follow_by_a_lifeline(ceph, admin):
    """Give the monitor that there is the old address, and take it away."""
    answer = admin.run('lifeline', 'plan', '--from-ceph', '-f', 'json')
    assert answer.code == 1, answer.err
    plan, = answer.json['plans']
    assert (plan['stranded'], plan['candidates'], plan['unreached']) == (
        1, [1], [])
    *_, given = answer.json['lifelines']
    assert (given['way'], given['address'], given['monitor']) == (
        'set-addrs', real.ADDRESS, 'b')
    told = admin.run('lifeline', 'plan', '--from-ceph')
    assert all(f' {command}\n' in told.out
               for command in given['commands'] + given['back'])
    for commands in (given['commands'], given['back']):
        do(ceph, commands)
        real.wait_until_ready(ceph)
        becomes(admin, ('guests', '--from-ceph'), 0, {
            image: ('following', ['b'], True)
            for image in ('vms/web', 'vms/tenant/other')})
    told = admin.run('lifeline', 'plan', '--from-ceph')
    assert (told.code, told.out) == (
        0, 'No client is stranded. There is nothing to do.\n')


def do(ceph, commands):
    """Run commands; any loopback address is an address of this host."""
    for command in commands:
        if not command.startswith('ip addr '):
            subprocess.run(shlex.split(command), check=True,
                           stdin=subprocess.DEVNULL, timeout=60,
                           env={**os.environ, 'CEPH_CONF': str(ceph.conf)})


def test_a_move(ceph, admin, guest, other):
    on_a = ('following', ['a'], True)
    for words in (('guests', '--from-ceph'), ('gate',)):
        answer = admin.run(*words, '-f', 'json')
        assert answer.code == 0, answer.err
        assert rows(answer) == {'vms/web': on_a, 'vms/tenant/other': on_a}
    told = admin.run('gate')
    assert told.out == ('All 2 watchers of images have a session on a '
                        'monitor that stays. Go on.\n')
    # A guest that is paused loses its monitor, and then all that it knows.
    guest.send_signal(signal.SIGSTOP)
    ceph.restart('mon.a')
    ceph.add_monitor('b', real.DEAD)
    # The election may have moved the other client already.
    answer = admin.run('gate', 'a', '-f', 'json')
    assert answer.code == 1, answer.err
    found = rows(answer)
    assert found['vms/web'] == ('stranded', [], False)
    state, monitors, ready = found['vms/tenant/other']
    # It may have had a session on either within the two readings.
    assert (state, ready) == ('following', 'b' in monitors)
    told = admin.run('gate', 'a')
    assert told.code == 1
    assert told.out.startswith('Do not remove mon.a yet: ')
    ceph.remove_monitor('a')
    guest.send_signal(signal.SIGCONT)
    follows = {'vms/tenant/other': ('following', ['b'], True)}
    for words in (('guests', '--from-ceph'), ('gate',)):
        becomes(admin, words, 1, {
            'vms/web': ('stranded', [], False), **follows})
    told = admin.run('guests', '--from-ceph')
    assert '1 of 2 watchers follows the monitors, 1 is stranded.' in told.out
    follow_by_a_lifeline(ceph, admin)
    # A monitor of the ceph.conf is gone, which hides why the key is refused.
    told = admin.run('gate', '--ceph-admin-user', 'nobody')
    assert told.code == 5
    assert 'refuses client.nobody' in told.err
