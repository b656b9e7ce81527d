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

"""How a start opens a disk: user, mounts and ceph.conf."""

from __future__ import annotations

import os
import pwd

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import start_opening
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.qemu import qemu_user

CONF = '/etc/ceph/ceph.conf'
BARE = open_check.Case('vms/web', (), 'cinder', 'a2V5')
ROOT = qemu_user.QemuUser(None, (0, 0))


@pytest.fixture
def files(monkeypatch):
    """Return the files that QEMU can read; a list tells who read them."""
    found = {}

    def read(user, path):
        if path not in found:
            raise exceptions.ConfigError(f'Cannot read {path}: no file.')
        return found[path]

    monkeypatch.setattr(start_opening.qemu_user, 'read', read)
    return found


def test_the_settings_of_the_ceph_conf(files):
    files[CONF] = '[global]\nmon_host = 192.0.2.9\nms_mode = secure\n'
    opening = start_opening.StartOpening(ROOT)
    case = opening.case(BARE, None)
    assert case.by == ROOT and case.conf == ''
    assert 'ms_mode = secure' in case.settings
    assert case.settings.rstrip().endswith('mon_dns_srv_name = none_invalid')
    assert '[client.cinder]' in case.settings
    assert opening.opener == start_opening.Opener('root', None, CONF)


def test_no_ceph_conf(files):
    opening = start_opening.StartOpening(qemu_user.QemuUser(), 'As I am.')
    case = opening.case(BARE, None)
    assert (case.by, case.conf, case.settings) == (None, '', '')
    assert opening.opener == start_opening.Opener(
        pwd.getpwuid(os.geteuid()).pw_name, None, None,
        f'As I am. Cannot read {CONF}: no file.')


def test_a_malformed_ceph_conf(files):
    """QEMU ignores what librados says about the default file."""
    files[CONF] = 'nonsense'
    opening = start_opening.StartOpening(ROOT)
    assert opening.case(BARE, None).settings == ''
    assert opening.opener.conf is None
    assert 'is malformed, so QEMU ignores it: line 1' in opening.opener.note


def test_a_ceph_conf_of_the_disk(files):
    """QEMU does not ignore what librados says about that one."""
    files.update({CONF: '[global]\na = 1\n', '/x.conf': '[global]\nb = 2\n',
                  '/bad.conf': 'nonsense'})
    opening = start_opening.StartOpening(ROOT)
    settings = opening.case(BARE, '/x.conf').settings
    assert 'b = 2' in settings and 'a = 1' not in settings
    assert opening.case(BARE, '/bad.conf').conf == 'nonsense'
    with pytest.raises(exceptions.ConfigError, match='/none.conf'):
        opening.case(BARE, '/none.conf')


def test_a_user_without_a_name(files):
    by = qemu_user.QemuUser(7, (4123456, 0))
    assert start_opening.StartOpening(by).opener.user == '4123456'
    assert start_opening.StartOpening(by).opener.daemon == 7


@pytest.mark.parametrize('own_conf, opened', [(None, True), ('/none', False)])
def test_a_disk_whose_ceph_conf_cannot_be_read(world, files, own_conf,
                                               opened):
    opening = start_opening.LazyOpening(world.context(), ['cmp1'])
    assert opening.opener is None
    proof = open_check.Proof(False, 'no secret', 0.0)
    disk = RbdDisk('vda', 'vms/web', 'cinder', None, (), '',
                   own_conf=own_conf)
    assert opening.attempt(proof, disk) is proof
    assert opening.opener is None
    found = opening.attempt(BARE, disk)
    assert isinstance(found, open_check.Case) is opened
    assert opened or found.error == 'Cannot read /none: no file.'
    assert opening.opener.note.startswith('Not in a unit test.')


@pytest.mark.parametrize('programs, note', [
    ((), 'Not in a unit test.'), (('sh',), 'Not in a unit test.'),
    (('no-such-program',), 'There is no no-such-program here.')])
def test_as_this_process(world, files, monkeypatch, programs, note):
    monkeypatch.setattr(start_opening.qemu_user, 'PROGRAMS', programs)
    opening = start_opening.of_host(world.context(), 'cmp1')
    assert opening.opener.note.startswith(note)
    assert opening.case(BARE, None).by is None


@pytest.mark.parametrize('has_qemu', [True, False])
def test_as_qemu_where_it_can_be_run(world, files, monkeypatch, has_qemu):
    """A container of libvirt may have QEMU, but not qemu-img."""
    monkeypatch.setattr(start_opening.qemu_on_host, 'user',
                        lambda context, host: ROOT)
    monkeypatch.setattr(start_opening.qemu_user, 'has_qemu_img',
                        lambda user: has_qemu, raising=False)
    opening = start_opening.of_host(world.context(), 'cmp1')
    assert opening.case(BARE, None).by == (ROOT if has_qemu else None)
    assert opening.opener.note.startswith('There is no qemu-img') is (
        not has_qemu)
