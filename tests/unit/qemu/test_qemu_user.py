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

"""Running a command as libvirt runs QEMU."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.qemu import qemu_user

BOUND = 30
NOBODY = (65534, 65534)
REAL = pytest.mark.skipif(
    os.geteuid() != 0 or None in map(shutil.which, qemu_user.PROGRAMS),
    reason='needs root and util-linux')
KNOWN = "invalid conf option rbd_mon_fix_is_no_option: No such file"
UNKNOWN = "invalid conf option mon_host_override: No such file"


@pytest.mark.parametrize('user, expected', [
    (qemu_user.QemuUser(), ()),
    (qemu_user.QemuUser(7), ('nsenter', '--mount=/proc/7/ns/mnt', '--')),
    (qemu_user.QemuUser(None, (64055, 108)), (
        'setpriv', '--reuid=64055', '--regid=108', '--init-groups',
        '--bounding-set=-all', '--inh-caps=-all', '--')),
])
def test_command(user, expected):
    assert user.command == expected


@REAL
@pytest.mark.parametrize('ids', [NOBODY, (0, 0)])
def test_a_command_has_the_user_and_no_capabilities(ids):
    user = qemu_user.QemuUser(os.getpid(), ids)
    done = subprocess.run(
        [*user.command, 'cat', '/proc/self/status'], check=True, text=True,
        stdout=subprocess.PIPE, timeout=BOUND)
    status = dict(line.split(':\t', 1) for line in done.stdout.splitlines())
    assert status['Uid'].split() == [str(ids[0])] * 4
    assert status['Gid'].split() == [str(ids[1])] * 4
    for name in ('CapPrm', 'CapEff', 'CapBnd', 'CapInh'):
        assert int(status[name], 16) == 0


@REAL
def test_a_command_sees_the_mounts_of_the_daemon(tmp_path):
    """A folder is mounted over another, for one process only."""
    ours, theirs = tmp_path / 'ours', tmp_path / 'theirs'
    ours.mkdir()
    theirs.mkdir()
    (theirs / 'file').write_text('theirs')
    daemon = subprocess.Popen(
        ['unshare', '--mount', 'sh', '-c', 'mount --bind "$1" "$2" && echo '
         'ready && read line', 'sh', theirs, ours],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if not daemon.stdout.readline():
            pytest.skip('cannot mount here')
        user = qemu_user.QemuUser(daemon.pid)
        told = subprocess.run(
            [*user.command, 'cat', ours / 'file'], check=True,
            stdout=subprocess.PIPE, timeout=BOUND).stdout
        assert told == b'theirs' and not list(ours.iterdir())
    finally:
        daemon.communicate(b'\n', timeout=BOUND)


@REAL
def test_a_file_is_read_as_that_user(tmp_path):
    path = tmp_path / 'ceph.conf'
    path.write_bytes(b'[global]\nname = \xff\n')
    assert qemu_user.read(qemu_user.QemuUser(), str(path)).encode(
        errors='surrogateescape') == path.read_bytes()
    path.chmod(0o600)
    for folder, why in ((path, 'Permission denied'),
                        (tmp_path / 'none', '(No such file|Permission)')):
        with pytest.raises(exceptions.ConfigError, match=why):
            qemu_user.read(qemu_user.QemuUser(None, NOBODY), str(folder))


def test_a_file_that_takes_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(qemu_user, '_TIMEOUT', 0.1)
    os.mkfifo(tmp_path / 'fifo')
    with pytest.raises(exceptions.ConfigError, match='no answer within 0.1'):
        qemu_user.read(qemu_user.QemuUser(), str(tmp_path / 'fifo'))


@pytest.fixture
def qemu_img(tmp_path, monkeypatch):
    """Replace qemu-img by a shell script."""
    def install(script):
        path = tmp_path / 'qemu-img'
        path.write_text(f'#!/bin/sh\n{script}\n')
        path.chmod(0o755)
        monkeypatch.setenv('PATH', f'{tmp_path}:{os.environ["PATH"]}')
    return install


@pytest.mark.parametrize('told, knows', [
    (KNOWN, True), (UNKNOWN, False), ("Unknown driver 'rbd'", None),
    ('', None)])
def test_whether_librados_knows_the_option(qemu_img, told, knows):
    qemu_img(f'echo "qemu-img: Could not open: {told}" >&2; exit 1')
    assert qemu_user.knows_override(qemu_user.QemuUser()) is knows


def test_nothing_secret_reaches_qemu(qemu_img, tmp_path, monkeypatch):
    monkeypatch.setenv('OS_PASSWORD', 'hush')
    monkeypatch.setenv('CEPH_ARGS', '--conf /none')
    qemu_img(f'env > {tmp_path}/env')
    qemu_user.knows_override(qemu_user.QemuUser())
    told = (tmp_path / 'env').read_text()
    assert 'hush' not in told and 'CEPH_ARGS' not in told


def test_a_qemu_that_hangs(qemu_img, monkeypatch):
    monkeypatch.setattr(qemu_user, '_TIMEOUT', 0.1)
    qemu_img('exec sleep 60')
    assert qemu_user.knows_override(qemu_user.QemuUser()) is None


@pytest.mark.parametrize('user', [
    qemu_user.QemuUser(), qemu_user.QemuUser(None, NOBODY)])
def test_what_is_not_installed(monkeypatch, tmp_path, user):
    monkeypatch.setenv('PATH', str(tmp_path))
    with pytest.raises(exceptions.ConfigError, match='cannot be run here'):
        qemu_user.knows_override(user)


@pytest.mark.skipif(shutil.which('qemu-img') is None, reason='needs qemu-img')
def test_the_real_librados_of_this_machine():
    """It has known the option since 15.2.8."""
    knows = qemu_user.knows_override(qemu_user.QemuUser())
    if knows is None:
        pytest.skip('qemu-img has no rbd driver')
    assert knows


def test_whether_qemu_img_can_be_run(qemu_img, tmp_path, monkeypatch):
    qemu_img('exit 0')
    assert qemu_user.has_qemu_img(qemu_user.QemuUser())
    monkeypatch.setenv('PATH', str(tmp_path / 'none'))
    assert not qemu_user.has_qemu_img(qemu_user.QemuUser())
