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

"""The places that stores open, and why some stores are not available."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import cinder as cinder_db
from rbd_mon_fix.engine import places as engine_places
from rbd_mon_fix.stores import registry
from tests.unit import worlds

Need = registry.Need


def test_places(world):
    world.add(1)
    world.write_nova_conf(instances_path='/srv/instances')
    context = world.context()
    found = engine_places.Places(context)
    assert found.cell('cmp1') is context.cells.of_host('cmp1')
    assert isinstance(found.volumes(), cinder_db.Cinder)
    assert found.hypervisor('cmp1') is world.domains('cmp1')
    assert found.instances_path() == '/srv/instances'
    assert found.ceph_conf().nova is context.nova
    with pytest.raises(exceptions.ConfigError, match='cmp9'):
        found.cell('cmp9')
    with pytest.raises(exceptions.Unreachable):
        found.hypervisor('cmp9')


@pytest.mark.parametrize('need, why', [
    (Need.NOVA_DATABASE, ''), (Need.CINDER_DATABASE, ''),
    (Need.LIBVIRT, ''),
    (Need.INSTANCES_FOLDER, 'this machine (cmp2) is not a selected host'),
    (Need.CEPH_CONF, 'this machine (cmp2) is not a selected host')])
def test_what_is_missing(world, need, why):
    world.write_nova_conf(host='cmp2', instances_path=str(world.folder))
    keep_disks_in_ceph(world)
    context = world.context()
    assert engine_places.why_missing(need, context, ['cmp1']) == why
    assert engine_places.why_missing(need, context, ['cmp1', 'cmp2']) == ''


@pytest.mark.parametrize('need, why', [
    (Need.NOVA_DATABASE, 'nova.conf gives no [database] connection'),
    (Need.CINDER_DATABASE, 'cinder.conf gives no [database] connection'),
    (Need.LIBVIRT, ''), (Need.INSTANCES_FOLDER, 'there is no nova.conf'),
    (Need.CEPH_CONF, 'there is no nova.conf')])
def test_what_is_missing_without_openstack(tmp_path, need, why):
    context = worlds.World(tmp_path).context()
    assert engine_places.why_missing(need, context, ['cmp1']) == why


def keep_disks_in_ceph(world, conf=None):
    path = world.folder / 'nova.conf'
    path.write_text(
        f'{path.read_text()}[libvirt]\nimages_type = rbd\n'
        f'images_rbd_ceph_conf = {conf or world.folder / "ceph.conf"}\n')


def why_no_ceph_conf(world):
    return engine_places.why_missing(Need.CEPH_CONF, world.context(),
                                     ['cmp1'])


def test_novas_own_disks_need_not_be_in_ceph(world):
    world.write_nova_conf(host='cmp1')
    assert why_no_ceph_conf(world) == (
        'nova.conf does not set images_type = rbd in [libvirt]')


@pytest.mark.parametrize('conf, why', [
    (None, ''), ('/x/ceph.conf', 'there is no file /x/ceph.conf')])
def test_the_ceph_conf_of_novas_own_disks(world, conf, why):
    world.write_nova_conf(host='cmp1')
    keep_disks_in_ceph(world, conf)
    assert why_no_ceph_conf(world) == why


def test_all_needs_are_known():
    assert {spec.needs for spec in registry.SPECS.values()} == set(Need)
