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

"""Opening images, with a script that replaces qemu-img."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user
from tests.unit import child_processes

ROOT = pathlib.Path(__file__).resolve().parents[3]
ADDRS = (MonAddr.parse('192.0.2.1:6789'), MonAddr.parse('fd00::1'))
KEY = 'QVFTRUNSRVQ='
CASE = open_check.Case('vms/web', ADDRS, 'nova', KEY)


@pytest.fixture
def qemu_img(tmp_path, monkeypatch):
    """Replace qemu-img by a shell script."""
    def install(script):
        path = tmp_path / 'qemu-img'
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    return install


def prove(*cases, timeout=10.0, advance=lambda count: None):
    return open_check.prove(cases, timeout, 2, advance)


def test_images_that_open(qemu_img):
    qemu_img('exit 0')
    steps = []
    found = prove(CASE, CASE, CASE, advance=steps.append)
    assert [(each.opened, each.error) for each in found] == [(True, None)] * 3
    assert all(each.seconds > 0 for each in found)
    assert steps == [1, 1, 1]


def test_the_key_is_in_no_argument_and_no_variable(qemu_img, tmp_path,
                                                   monkeypatch):
    monkeypatch.setenv('CEPH_KEYRING', '/none')
    qemu_img(f'echo "$@" > {tmp_path}/args; env > {tmp_path}/env\n'
             f'for arg in "$@"; do case $arg in secret,*) '
             f'cat "${{arg##*file=}}" > {tmp_path}/key;; json:*) '
             'conf=${arg##*\\"conf\\": \\"}; '
             f'cat "${{conf%%\\"*}}" > {tmp_path}/conf;; esac; done')
    found, = prove(CASE, timeout=7.0)
    assert found.opened
    assert KEY not in (tmp_path / 'args').read_text()
    assert KEY not in (tmp_path / 'env').read_text()
    assert 'CEPH_' not in (tmp_path / 'env').read_text()
    assert (tmp_path / 'key').read_text() == KEY
    assert 'client_mount_timeout = 7\n' in (tmp_path / 'conf').read_text()


@pytest.mark.parametrize('case, expected', [
    (CASE, {'driver': 'rbd', 'pool': 'vms', 'image': 'web', 'user': 'nova',
            'conf': '/dev/fd/3', 'key-secret': 'key',
            'auth-client-required': ['cephx', 'none'],
            'server': [{'host': '192.0.2.1', 'port': '6789'},
                       {'host': 'fd00::1', 'port': '0'}]}),
    (open_check.Case('vms/n/web', (), None, None),
     {'driver': 'rbd', 'pool': 'vms', 'namespace': 'n', 'image': 'web',
      'conf': '/dev/fd/3', 'server': []})])
def test_the_command(case, expected):
    *words, source = open_check._words(case, 3, 4)
    assert json.loads(source[len('json:'):]) == expected
    assert ('secret,id=key,format=base64,file=/dev/fd/4' in words) is (
        case.key is not None)


@pytest.mark.parametrize('script, error', [
    ('exit 1', 'QEMU failed without a message'),
    ('echo "qemu-img: error connecting: Timed out" >&2; exit 1',
     'error connecting: Timed out'),
    ('echo "first" >&2; echo "last" >&2; exit 1', 'last'),
    (f'echo "qemu-img: bad key {KEY}" >&2; exit 1', 'bad key ***'),
    ('for source in "$@"; do :; done\n'
     'echo "qemu-img: Could not open \'$source\': no such image" >&2\n'
     'exit 1', 'no such image')])
def test_images_that_do_not_open(qemu_img, script, error):
    qemu_img(script)
    found, = prove(CASE)
    assert (found.opened, found.error) == (False, error)


def test_a_qemu_that_does_not_answer(qemu_img, monkeypatch):
    monkeypatch.setattr(open_check, '_GRACE', 0.1)
    qemu_img('exec sleep 30')
    found, = prove(CASE, timeout=0.1)
    assert found.error == 'no answer within 0.1 seconds'
    assert found.seconds < 10


@pytest.mark.parametrize('message, opens', [
    ('error connecting: Connection timed out', 3),
    # These tell something about the image or its user alone.
    ('error connecting: Permission denied', 12),
    ('error reading header from web: Connection timed out', 12)])
def test_monitors_that_do_not_answer_are_tried_once(qemu_img, tmp_path,
                                                    message, opens):
    """By the disks of all users; other settings may reach them."""
    qemu_img(f'echo >> {tmp_path}/opens\n'
             f'echo "qemu-img: {message}" >&2; exit 1')
    silent, steps = open_check.SilentMonitors(), []
    cases = [dataclasses.replace(CASE, image=f'vms/{number}', user=user)
             for number in range(2) for user in ('nova', 'cinder')]
    other = [dataclasses.replace(each, monitors=ADDRS[:1]) for each in cases]
    secure = [dataclasses.replace(each, settings='ms_mode = secure\n')
              for each in cases]
    found = [each for case in (*cases, *other, *secure)
             for each in open_check.prove([case], 10, 1, steps.append,
                                          silent)]
    assert {each.error for each in found} == {message}
    assert steps == [1] * 12
    assert (tmp_path / 'opens').read_text().count('\n') == opens


def test_no_program_behind_another(qemu_img, monkeypatch):
    """A program that starts QEMU tells it by its exit code."""
    monkeypatch.setattr(qemu_user, 'ending_with_parent', lambda by: (
        'setpriv', '--', 'env', '-S', 'PATH=/nowhere'))
    if not shutil.which('setpriv'):
        pytest.skip('needs util-linux')
    with pytest.raises(exceptions.ConfigError,
                       match='qemu-img cannot be run here: No such file'):
        prove(CASE)


@pytest.mark.skipif(
    os.geteuid() != 0 or None in map(shutil.which, qemu_user.PROGRAMS),
    reason='needs root and util-linux')
def test_what_qemu_reads_as_another_user_in_other_mounts():
    """The key and the settings reach it, and nobody else sees the key."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o777)
        (folder / 'qemu-img').write_text(
            f'#!/bin/sh\nid -u > {name}/id; tr "\\0" " " < /proc/$$/cmdline '
            f'> {name}/args; env > {name}/env; for word; do case $word in '
            f'secret,*) cat "${{word##*file=}}" > {name}/key;; json:*) '
            'conf=${word##*\\"conf\\": \\"}; '
            f'cat "${{conf%%\\"*}}" > {name}/conf;; esac; done\n')
        (folder / 'qemu-img').chmod(0o755)
        daemon = subprocess.Popen(
            ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /mnt && '
             'mount -t proc none /proc && echo ready && read line'],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        before = os.environ['PATH']
        try:
            if not daemon.stdout.readline():
                pytest.skip('cannot mount here')
            os.environ['PATH'] = f'{name}:{before}'
            found, = prove(dataclasses.replace(
                CASE, by=qemu_user.QemuUser(daemon.pid, (65534, 65534)),
                settings='[client.nova]\nms_mode = secure\n'))
        finally:
            os.environ['PATH'] = before
            daemon.communicate(b'\n', timeout=30)
        assert found.error is None
        assert (folder / 'id').read_text() == '65534\n'
        assert (folder / 'key').read_text() == KEY
        assert 'ms_mode = secure\nclient_mount_timeout = 10\n' in (
            folder / 'conf').read_text()
        assert KEY not in (folder / 'args').read_text()
        assert KEY not in (folder / 'env').read_text()


TOOL = """
import signal
import sys
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user
# The tests themselves may have been started with SIGINT ignored.
signal.signal(signal.SIGINT, signal.default_int_handler)
by = qemu_user.QemuUser(None, (65534, 65534)) if sys.argv[1:] else None
open_check.prove([open_check.Case('vms/web', (), None, None, by)], 60, 1,
                 print)
"""


@pytest.mark.parametrize('number, words', [
    (signal.SIGINT, []), (signal.SIGKILL, []), (signal.SIGKILL, ['as'])])
def test_no_qemu_is_left_behind(number, words):
    """It would be a watcher of the image."""
    if words and os.geteuid() != 0:
        pytest.skip('needs root')
    if number == signal.SIGKILL and not qemu_user.ending_with_parent(
            qemu_user.QemuUser()):
        pytest.skip('needs util-linux 2.33')
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o777)
        (folder / 'qemu-img').write_text(
            f'#!/bin/sh\necho $$ > {name}/new; mv {name}/new {name}/pid\n'
            'exec sleep 60\n')
        (folder / 'qemu-img').chmod(0o755)
        tool = subprocess.Popen(
            [sys.executable, '-c', TOOL, *words], cwd=ROOT,
            stderr=subprocess.DEVNULL,
            env={**os.environ, 'PATH': f'{name}:{os.environ["PATH"]}'})
        try:
            child_processes.wait_for(folder / 'pid')
            pid = int((folder / 'pid').read_text())
            assert pathlib.Path(f'/proc/{pid}').exists()
            tool.send_signal(number)
            assert child_processes.ended(pid)
        finally:
            tool.kill()
            tool.wait()


def test_no_driver(qemu_img):
    qemu_img('echo "qemu-img: Unknown driver \'rbd\'" >&2; exit 1')
    with pytest.raises(exceptions.ConfigError, match='no rbd driver') as e:
        prove(CASE)
    assert 'qemu-block-extra' in e.value.hint


def test_no_program(tmp_path, monkeypatch):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(exceptions.ConfigError, match='cannot be run') as e:
        prove(CASE)
    assert 'qemu-utils' in e.value.hint


def test_the_key_does_not_show():
    assert KEY not in repr(CASE)


def test_no_case_no_process(monkeypatch, tmp_path):
    monkeypatch.setenv('PATH', str(tmp_path))
    assert prove() == []


def test_a_name_that_is_too_long_for_a_command_line(qemu_img):
    qemu_img('exit 0')
    long = dataclasses.replace(CASE, image='vms/' + 'x' * (1 << 20))
    good, bad = prove(CASE, long)
    assert good.opened
    assert 'too long' in bad.error


def test_an_image_is_opened_as_libvirt_s_qemu_opens_it(
        qemu_img, tmp_path, monkeypatch):
    """It is not given a ceph.conf: it reads its own."""
    for name in qemu_user.PROGRAMS:
        path = tmp_path / name
        path.write_text(f'#!/bin/sh\necho "{name} $*" >> {tmp_path}/words\n'
                        'while [ "$1" != -- ]; do shift; done\n'
                        'shift; exec "$@"\n')
        path.chmod(0o755)
    qemu_img(f'echo "$@" > {tmp_path}/args')
    by = qemu_user.QemuUser(7, (64055, 108))
    found, = prove(dataclasses.replace(CASE, by=by))
    assert found.opened
    *_, first, second, third = (
        tmp_path / 'words').read_text().splitlines()
    assert first.startswith('nsenter --mount=/proc/7/ns/mnt -- setpriv')
    assert second.startswith('setpriv --reuid=64055 --regid=108 ')
    assert third.startswith('setpriv --pdeathsig=KILL -- qemu-img info ')
    told = (tmp_path / 'args').read_text()
    assert '"conf"' not in told and '"host": "192.0.2.1"' in told


def test_another_text_instead_of_the_ceph_conf(qemu_img, tmp_path):
    qemu_img('for last; do :; done; conf=$(printf %s "$last" | sed '
             f"""'s/.*"conf": "//; s/".*//'); cat "$conf" > {tmp_path}/conf""")
    for by in (None, qemu_user.QemuUser()):
        found, = prove(dataclasses.replace(CASE, by=by, conf='[global]\n'))
        assert found.opened
        assert (tmp_path / 'conf').read_text() == '[global]\n'
