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

"""The ceph.conf with which nova-compute reaches its own disks."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import own_disks
from tests.unit.stores import ceph_conf_place


def of(path, **fields):
    return own_disks.OwnDisks(dataclasses.replace(
        ceph_conf_place.NOVA, images_rbd_ceph_conf=str(path), **fields))


@pytest.fixture
def read(tmp_path):
    def found(text, **fields):
        path = tmp_path / 'ceph.conf'
        path.write_text(text)
        [disk] = of(path, **fields).read().disks
        return ' '.join(map(str, disk.monitors))
    return found


def test_without_a_name_it_is_the_default():
    assert of('').path == '/etc/ceph/ceph.conf'
    assert of('/x/nova.conf').path == '/x/nova.conf'


@pytest.mark.parametrize('mon_host, expected', [
    # Either port of a monitor is enough.
    ('10.0.0.1,fd00::2', '10.0.0.1 [fd00::2]'),
    ('[v2:10.0.0.1:3300,v1:10.0.0.1:6789]', '10.0.0.1'),
    ('10.0.0.1:6789 10.0.0.2:3300', '10.0.0.1:6789 10.0.0.2:3300'),
    ('[v2:10.0.0.1:3300,v1:10.0.0.1:6790]', '10.0.0.1:3300 10.0.0.1:6790'),
    ('v2:10.0.0.1', '10.0.0.1:3300'),
])
def test_addresses(read, mon_host, expected):
    assert read(f'[global]\nmon_host = {mon_host}\n') == expected


def test_it_is_read_as_novas_user(read):
    text = ('[global]\nmon_host = 10.0.0.1:6789\n[client.nova]\n'
            'mon_host_override = 10.0.0.9:6789\n')
    assert read(text, rbd_user='nova') == '10.0.0.9:6789'
    assert read(text, rbd_user=None) == '10.0.0.1:6789'


def test_the_disk_has_what_nova_gives_it(tmp_path):
    path = tmp_path / 'ceph.conf'
    path.write_text('[global]\nmon_host = 10.0.0.1\n')
    [disk] = of(path, rbd_user='nova', rbd_secret_uuid='N').read().disks
    assert (disk.user, disk.secret_uuid) == ('nova', 'N')
    assert disk.verbatim == '10.0.0.1'


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(exceptions.Gone):
        of(tmp_path / 'none.conf').read()
    for text in ('', 'nonsense', '[global]\nmon_host = x!\n'):
        (tmp_path / 'ceph.conf').write_text(text)
        with pytest.raises(exceptions.Unreadable, match='ceph.conf'):
            of(tmp_path / 'ceph.conf').read()
