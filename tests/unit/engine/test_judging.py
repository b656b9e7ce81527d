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

"""Turning scanned records into plans."""

from __future__ import annotations

import pytest

from rbd_mon_fix.engine import judging
from rbd_mon_fix.model.plan import State
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places


def states(plan):
    return {(int(copy.instance.uuid.split('-')[0], 16), copy.state.value)
            for copy in plan.copies}


def test_cinder_tells_whose_a_volume_is(world):
    for server, host in ((1, 'ctl@lvm#x'), (2, None)):
        world.add(server)
        world.cinder.tables.update('volumes', 'id', places.volume(server),
                                   host=host)
    world.add(3)
    assert states(world.plan()) == {
        (1, 'unknown-cluster'), (2, 'unknown-cluster'), (3, 'stale')}


def test_without_cinder_s_database_the_secret_tells(tmp_path, nova):
    world = worlds.World(tmp_path, nova)
    world.add(1)
    plan = world.plan()
    assert states(plan) == {(1, 'stale')}
    assert {copy.locator.store for copy in plan.copies} == {
        'nova-bdm', 'domain'}
    assert {copy.cluster for copy in plan.copies} == {'ceph'}


def test_the_clusters_of_a_replicated_backend_are_told_by_address(world):
    """After 'cinder failover-host' a volume is on the replica."""
    world.add(1)
    world.add(2)
    world.nova.set_text(
        world.nova.add_row(2, None),
        world.nova.text(2, hosts=['10.2.0.1'], ports=['6789']))
    (world.folder / 'replica.conf').write_text(
        '[global]\nmon_host = 10.2.0.1:6789\n')
    conf = world.folder / 'cinder.conf'
    conf.write_text(conf.read_text().replace(
        'rbd_pool = volumes', 'rbd_pool = volumes\nreplication_device = '
        f'backend_id:away,conf:{world.folder}/replica.conf,user:cinder,'
        'secret_uuid:S'))
    plan = world.plan(store=['nova-bdm'])
    assert {(copy.state.value, copy.cluster) for copy in plan.copies} == {
        ('unknown-cluster', None), ('current', 'away')}


def test_names_are_resolved(world, monkeypatch):
    world.add(1)
    world.nova.set_text(
        world.nova.add_row(1, None),
        world.nova.text(1, hosts=['mon-a'], ports=['6789']))
    asked = []

    def resolve(hosts):
        asked.append(set(hosts))
        return {'mon-a': frozenset({'10.1.0.1'})}

    monkeypatch.setattr('rbd_mon_fix.ceph.dns.resolve', resolve)
    plan = world.plan(store=['nova-bdm'])
    assert [copy.state for copy in plan.copies] == [
        State.STALE, State.DRIFTED]
    assert asked == [{'mon-a'}]


def test_no_name_no_question(monkeypatch):
    monkeypatch.setattr('rbd_mon_fix.ceph.dns.resolve', None)
    assert judging.names([]) == {}


@pytest.mark.parametrize('fields, how', [
    ({'status': 'retyping'}, 'retyping'),
    ({'migration_status': 'migrating'}, 'migration: migrating')])
def test_a_volume_that_cinder_moves(world, fields, how):
    world.add(1)
    world.add(2)
    world.cinder.tables.update('volumes', 'id', places.volume(1), **fields)
    scan = world.scan()
    judge = judging.Judge(scan.context, scan.selection)
    [judged] = [judge.judge(batch) for batch in scan.batches()]
    assert (judged.host, judged.moving) == ('cmp1', {places.volume(1): how})
    assert {change.locator.instance for change in judged.plan.changes} == {
        memory.uuid(2)}
