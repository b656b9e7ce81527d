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

"""Whether one ceph.conf may belong to more than one cluster."""

from __future__ import annotations

import pytest

from rbd_mon_fix.engine import cephx_users
from rbd_mon_fix.inventory import instances
from tests.unit import memory
from tests.unit import worlds


@pytest.fixture
def kvm(tmp_path, alone):
    """Return a libvirt host whose guests have two secrets."""
    world = worlds.World(tmp_path)
    for server, secret in ((1, 'S'), (2, 'T'), (3, 'S')):
        world.add_plain(server, 'kvm1', secret)
    return world


def changed(world, *host, **fields):
    plan = world.plan(*host or ('kvm1',), unmanaged=True, **fields)
    return [int(change.locator.instance.split('-')[0], 16)
            for change in plan.changes]


@pytest.mark.parametrize('batch', [1, 500])
@pytest.mark.parametrize('asked', [(), (1,), (2,), (1, 3)])
def test_a_ceph_conf_that_may_be_of_two_clusters(kvm, monkeypatch, batch,
                                                 asked):
    """No option merges two secrets into one."""
    monkeypatch.setattr(instances, 'BATCH', batch)
    assert changed(kvm, instance=list(map(memory.uuid, asked))) == []


def test_no_store_makes_one_secret_of_two(tmp_path, nova):
    world = worlds.World(tmp_path, nova)
    world.options['cinder_config_file'] = ['']
    world.ceph['pools'] = ['volumes']
    world.add(1)
    fields = {'store': ['nova-bdm'], 'instance': [memory.uuid(1)]}
    assert changed(world, 'cmp1', **fields) == [1]
    world.add_plain(9, 'cmp1', 'T')
    assert changed(world, 'cmp1', **fields) == []


def test_a_ceph_conf_that_can_only_be_of_one(kvm):
    del kvm.domains('kvm1').texts[memory.uuid(2)]
    assert changed(kvm) == [1, 3]
    assert changed(kvm, instance=[memory.uuid(3)]) == [3]


def test_a_ceph_conf_whose_secret_is_stated(kvm):
    kvm.ceph['secret_uuid'] = 'S'
    assert changed(kvm) == [1, 3]


def test_hosts_of_one_run_count_together(kvm):
    kvm.add_plain(4, 'kvm2')
    assert changed(kvm, 'kvm2') == [4]
    assert changed(kvm, 'kvm2', 'kvm1') == []
    del kvm.libvirts['kvm1']
    assert changed(kvm, 'kvm2', 'kvm1') == [4]


@pytest.mark.parametrize('secret, found', [
    (None, {('cinder', 'S'), ('cinder', 'T')}), ('S', set())])
def test_domains_are_read_only_where_the_answer_matters(kvm, secret, found):
    kvm.ceph['secret_uuid'] = secret
    assert cephx_users.of_all_guests(kvm.context(), ['kvm1']) == found
