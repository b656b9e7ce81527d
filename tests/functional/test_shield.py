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

"""``shield`` with a real Ceph cluster, a real QEMU and a real libvirt.

The operator has an /etc/ceph of its own, in a mount namespace: it is the
folder, or has the file, that a test prepares.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import stat
import subprocess

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.ceph import history
from rbd_mon_fix.model.cluster import Way
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import qemu_user
from tests.cloud import domains
from tests.functional import ceph as real
from tests.functional import guests
from tests.functional import operator
from tests.functional import secrets

pytest.importorskip('libvirt')

BOUND = 60
NOBODY = 65534
UUID = '3f2a0d1c-2f0e-4b7a-8a51-9d3c5e7f1b20'
DEAD = MonAddr(real.DEAD, 6789)
OWN_CONF = '''\
[DEFAULT]
nova_config_file =
cinder_config_file =
libvirt_uri = qemu:///embed?root={root}
journal_dir = {folder}/journal
[ceph]
conf = {ceph.conf}
'''
# What QEMU reads: without a shield, it tries the list of the disk.
CONF = '''\
# The site's own file.
[global]
fsid = {fsid}
mon_host = {dead}
client_mount_timeout = 3
[client.cinder]
admin_socket =
# no newline follows'''
FOLDER = 'mount --bind "$1" /etc/ceph && shift && exec "$@"'
FILE = ('mount -t tmpfs none /etc/ceph && touch /etc/ceph/ceph.conf && '
        'mount --bind "$1/ceph.conf" /etc/ceph/ceph.conf && shift && '
        'exec "$@"')


@pytest.fixture(scope='module')
def ceph():
    """Return a cluster whose monitor was at the dead address before."""
    with real.running(former=real.DEAD) as running:
        running.create_image('web')
        yield running


class Host:
    """A libvirt host with a guest whose list is dead.

    :param how: what mounts /etc/ceph
    """

    def __init__(self, folder: pathlib.Path, ceph: real.Ceph, cache, how: str):
        self._how = how
        self.etc = folder / 'etc'
        self.etc.mkdir()
        self.path = self.etc / 'ceph.conf'
        self.before = CONF.format(fsid=ceph.fsid, dead=real.DEAD).encode()
        self.path.write_bytes(self.before)
        root = folder / 'libvirt'
        shutil.copytree(cache, root / 'cache')
        domains.define(root, [guests.guest(DISK, name='web', uuid=UUID)])
        secrets.define(root, guests.SECRET, ceph.key)
        # As distributions do, and unlike the other tests: not as root.
        (root / 'etc' / 'qemu.conf').write_text(domains.QEMU_CONF.format(
            user=NOBODY, group=NOBODY))
        config = folder / 'host.conf'
        config.write_text(OWN_CONF.format(folder=folder, ceph=ceph, root=root))
        self._operator = operator.Operator(None, config)
        self._key = folder / 'key'
        self._key.write_text(ceph.key)
        self._key.chmod(0o644)

    def run(self, *words):
        return self._operator.run(
            *words, '-f', 'json',
            program=[*self._program, str(operator.COMMAND)])

    def shield(self, action):
        return self.run('shield', action)

    def opens(self, user='cinder'):
        """Return whether QEMU, as root, opens the image with the dead list."""
        source = {'driver': 'rbd', 'pool': real.POOL, 'image': 'web',
                  'user': user, 'key-secret': 'key',
                  'auth-client-required': ['cephx', 'none'],
                  'server': [{'host': DEAD.host, 'port': '6789'}]}
        done = subprocess.run(
            [*self._program, 'qemu-img', 'info', '--force-share', '--object',
             f'secret,id=key,format=base64,file={self._key}',
             f'json:{json.dumps(source)}'], timeout=BOUND,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        return done.returncode == 0

    @property
    def _program(self):
        return ['unshare', '--mount', '--propagation', 'private', 'sh', '-ec',
                self._how, 'sh', str(self.etc)]


DISK = f'''<disk type='network' device='disk'>
  <driver name='qemu' type='raw'/>{guests.AUTH}
  <source protocol='rbd' name='{real.POOL}/web'>
    <host name='{DEAD.host}' port='{DEAD.port}'/></source>
  <target dev='vda' bus='virtio'/></disk>'''


@pytest.fixture
def build_host(tmp_path, ceph, libvirt_cache):
    return lambda how=FOLDER: Host(tmp_path, ceph, libvirt_cache, how)


def told(answer):
    return [(row['user'], row['state'], row['monitors'])
            for row in answer.json['users']]


@pytest.mark.parametrize('how, linked', [
    (FOLDER, False), (FOLDER, True), (FILE, False)],
    ids=['folder', 'link', 'file'])
def test_the_whole_way(build_host, how, linked):
    """The ceph.conf of a charm is a link."""
    host = build_host(how)
    if linked:
        host.path.rename(host.etc / 'charm.conf')
        host.path.symlink_to('charm.conf')
    os.chown(host.path, 64045, 64045)
    host.path.chmod(0o644)
    right = [('cinder', 'shielded', [real.ADDRESS])]

    answer = host.shield('status')
    assert (answer.code, told(answer)) == (1, [('cinder', 'missing', [])]), (
        answer.err)
    assert not host.opens()

    with open(host.path, 'rb') as old:
        answer = host.shield('install')
        assert (answer.code, told(answer)) == (0, right), answer.err
        # One that was replaced has no name any more.
        assert bool(os.fstat(old.fileno()).st_nlink) is (how == FILE)
    assert host.opens()
    found = host.path.stat()
    assert (found.st_uid, stat.S_IMODE(found.st_mode)) == (64045, 0o644)
    assert host.path.read_bytes().startswith(host.before)
    for action in ('status', 'install', 'refresh'):
        answer = host.shield(action)
        assert (answer.code, told(answer)) == (0, right)
        assert answer.json['changed'] is False

    answer = host.shield('remove')
    assert (answer.code, answer.json['changed']) == (0, True)
    assert host.path.read_bytes() == host.before
    assert not host.opens()
    assert host.path.is_symlink() is linked
    assert len(list(host.etc.iterdir())) == 1 + linked


@pytest.mark.parametrize('what, mode', [('file', 0o600), ('folder', 0o750)])
def test_a_file_that_qemu_may_not_read(build_host, what, mode):
    """Nothing is left behind. RHOSO closes the folder like this."""
    host = build_host()
    (host.path if what == 'file' else host.etc).chmod(mode)
    answer = host.shield('install')
    assert (answer.code, told(answer)) == (4, [('cinder', 'not proven', [])])
    note = answer.json['users'][0]['note']
    assert 'vms/web does not open' in note and 'may read /etc/ceph' in note
    assert answer.json['changed'] is False
    assert host.path.read_bytes() == host.before


def test_a_refresh(build_host):
    """The section has only the former monitor, and gets the present one."""
    host = build_host()
    assert host.shield('install').code == 0
    host.path.write_text(host.path.read_text().replace(
        f'= {real.ADDRESS}\n', f'= {real.DEAD}\n'))
    answer = host.shield('status')
    assert (answer.code, told(answer)) == (
        1, [('cinder', 'outdated', [real.DEAD])])
    assert not host.opens()
    answer = host.shield('refresh')
    assert (answer.code, answer.json['changed'], told(answer)) == (
        0, True, [('cinder', 'shielded', [real.ADDRESS])])
    assert host.opens()


def test_status_and_verify_know_it(build_host):
    host = build_host()
    for is_shielded in (False, True):
        answer = host.run('status')
        assert answer.code == 1, answer.err
        [record] = answer.json['records']
        assert (record['state'], record['shielded'], record['breaks']) == (
            'stale', is_shielded, [] if is_shielded else ['start'])
        assert answer.json['summary']['shielded'] == is_shielded
        answer = host.run('verify')
        assert answer.code == 1, answer.err
        [disk] = answer.json['disks']
        assert (disk['opened'], disk['shielded']) == (False, is_shielded)
        assert host.shield('install').code == 0


def test_another_user(build_host):
    """Its clients do not read the section."""
    host = build_host()
    assert host.shield('install').code == 0
    assert not host.opens('admin')


def test_the_cluster_is_asked_around_an_override(ceph, tmp_path):
    """Otherwise a block whose monitors are all gone could not be mended."""
    path = tmp_path / 'ceph.conf'
    path.write_text(f'{ceph.conf.read_text()}[client.admin]\n'
                    f'mon_host_override = {real.DEAD}\n')
    with pytest.raises(exceptions.Unreachable):
        client.mon_dump(str(path), None, 'admin', timeout=5)
    way = Way(str(path), None, 'admin', bypass=True)
    dump = client.mon_dump(way.conf, way.flag, way.user, bypass=way.bypass)
    assert json.loads(dump)['fsid'] == ceph.fsid
    assert [each.epoch for each in history.epochs(way, [1])] == [1]


def test_the_real_librados_knows_the_option():
    assert qemu_user.knows_override(qemu_user.QemuUser())
