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

import dataclasses
import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.clients.database import nova_services
from rbd_mon_fix.engine import judging
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.evidence import EvidenceKind
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places


def states(plan):
    return {(int(copy.instance.uuid.split('-')[0], 16), copy.state.value)
            for copy in plan.copies}


def test_addresses_tell_the_cluster_whatever_cinder_calls_it(world):
    for server, host in ((1, 'ctl@lvm#x'), (2, None), (3, 'ctl@rbd#x')):
        world.add(server)
        world.cinder.tables.update('volumes', 'id', places.volume(server),
                                   host=host)
    assert states(world.plan()) == {
        (1, 'stale'), (2, 'stale'), (3, 'stale')}


def test_without_evidence_nothing_is_changed(world):
    world.options['former_monitors'] = []
    world.add(1)
    plan = world.plan()
    assert states(plan) == {(1, 'unknown-cluster')}
    assert {copy.evidence.kind for copy in plan.copies} == {
        EvidenceKind.NOT_FOUND}
    assert plan.changes == ()


@pytest.mark.parametrize('service, expected', [
    ('ctl@rbd#x', 'stale'), ('ctl@away#x', 'unknown-cluster')])
def test_the_service_of_a_volume_can_contradict(world, service, expected):
    world.add(1)
    world.cinder.tables.update('volumes', 'id', places.volume(1),
                               host=service)
    (world.folder / 'away.conf').write_text(
        '[global]\nmon_host = 10.2.0.1:6789\n')
    conf = world.folder / 'cinder.conf'
    conf.write_text(conf.read_text().replace(
        'enabled_backends = rbd', 'enabled_backends = rbd,away').replace(
        '[database]', f'''[away]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_ceph_conf = {world.folder}/away.conf
rbd_pool = volumes
[database]'''))
    assert states(world.plan(store=['nova-bdm'])) == {(1, expected)}


def test_two_sites_with_a_backend_of_one_name(world):
    """Only the config of the first site is known.

    The volume of the other site has the same section, pool, user and secret;
    its service's host and its monitors are the other site's.
    """
    for server, host in ((1, 'ctl@rbd#volumes'), (2, 'dcn1@rbd#volumes')):
        world.add(server)
        world.cinder.tables.update('volumes', 'id', places.volume(server),
                                   host=host)
    world.nova.tables.update(
        'block_device_mapping', 'instance_uuid', memory.uuid(2),
        connection_info=world.nova.text(2, hosts=['203.0.113.1'],
                                        ports=['6789']))
    conf = world.folder / 'cinder.conf'
    conf.write_text(conf.read_text().replace(
        '[DEFAULT]', '[DEFAULT]\nhost = ctl'))
    plan = world.plan(store=['nova-bdm'])
    assert states(plan) == {(1, 'stale'), (2, 'unknown-cluster')}
    assert [change.locator.instance for change in plan.changes] == [
        memory.uuid(1)]


def judged(world, monkeypatch, alive):
    """Return plans, and the asked addresses; only some addresses greet."""
    asked = []

    def answering(addrs):
        asked.append({str(addr) for addr in addrs})
        return frozenset(addr for addr in addrs if str(addr) in alive)

    def unreachable(*way, **options):
        raise exceptions.Unreachable('No quorum.', 'Wait.')

    monkeypatch.setattr(client, 'answering', answering)
    monkeypatch.setattr(client, 'mon_dump', unreachable)
    world.options['offline'] = False
    return list(worlds.plans(world.scan())), asked


RIGHT = memory.NEW.split(',')


@pytest.mark.parametrize('alive, kind', [
    (RIGHT[:2], EvidenceKind.STATED), (RIGHT, EvidenceKind.STATED),
    # A claim that no majority confirms makes nothing right or wrong.
    (RIGHT[:1], EvidenceKind.UNCONFIRMED_LIST),
    ([], EvidenceKind.UNCONFIRMED_LIST),
    ([*RIGHT, '10.0.0.2:6789'], EvidenceKind.LIVING_STRANGER)])
def test_who_greets(world, monkeypatch, alive, kind):
    monkeypatch.setattr(instances, 'BATCH', 1)
    for server in (1, 2):
        world.add(server)
    plans, asked = judged(world, monkeypatch, alive)
    assert {copy.evidence.kind for plan in plans
            for copy in plan.copies} == {kind}
    assert all(bool(plan.changes) is (kind is EvidenceKind.STATED)
               for plan in plans)
    # Each address is asked once in a run, not for each disk.
    assert len(plans) == 2
    assert asked[1:] == ([] if kind is EvidenceKind.UNCONFIRMED_LIST else [
        {'10.0.0.1:6789', '10.0.0.2:6789', '[fd00::3]:6789'}])


def test_a_monitors_file_tells_who_greeted(world):
    path = world.folder / 'monitors.json'
    former = ('10.0.0.1:6789', '10.0.0.2:6789', '[fd00::3]:6789')
    entry = {'name': 'ceph', 'fsid': worlds.FSID, 'monitors': RIGHT,
             'former': [{'addresses': [each], 'answers': False}
                        for each in former]}
    world.options.update(monitors_file=str(path), former_monitors=[])
    world.add(1)
    for answers, expected in ((False, EvidenceKind.HISTORY),
                              (True, EvidenceKind.LIVING_STRANGER)):
        entry['former'][1]['answers'] = answers
        path.write_text(json.dumps({'clusters': [entry]}))
        assert {copy.evidence.kind for copy in world.plan().copies} == {
            expected}


def test_a_present_monitor_of_another_cluster_lives_offline_too(world):
    """The address was handed on, and the config says whose disk it is."""
    path = world.folder / 'monitors.json'
    backend = {'owner': 'cinder', 'name': 'rbd', 'pool': 'volumes',
               'user': 'cinder', 'secret_uuid': 'S'}
    former = [{'addresses': [each]} for each in
              ('10.0.0.1:6789', '10.0.0.2:6789', '[fd00::3]:6789')]
    path.write_text(json.dumps({'clusters': [
        {'name': 'ceph', 'fsid': worlds.FSID, 'monitors': RIGHT,
         'former': former, 'backends': [backend]},
        {'name': 'other', 'fsid': worlds.FSID[::-1].replace('-', ''),
         'monitors': ['10.0.0.1:6789'], 'former': former[1:]}]}))
    world.options.update(monitors_file=str(path), former_monitors=[])
    world.add(1)
    plan = world.plan(store=['nova-bdm'])
    assert [copy.evidence.kind for copy in plan.copies] == [
        EvidenceKind.LIVING_STRANGER]
    assert plan.changes == ()


def test_without_cinder_s_database(tmp_path, nova):
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
        ('stale', 'ceph'), ('current', 'away')}


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
    [batch] = scan.batches()
    judged, plan = judge.judge(batch), judge.plan(batch)
    assert (judged.host, judged.moving) == ('cmp1', {places.volume(1): how})
    assert {change.locator.instance for change in plan.changes} == {
        memory.uuid(2)}
    assert judged.plan == dataclasses.replace(plan, changes=())


@pytest.mark.parametrize('version, expected', [
    (None, True), (72, True), (73, False)])
def test_the_release_of_nova_on_the_host(world, version, expected):
    world.add(1, vm_state='active')
    world.nova.tables.insert('services', host='cmp1', version=version,
                             binary='nova-compute', deleted=0)
    domains = world.domains()
    domains.live_texts[memory.uuid(1)] = domains.text(1).replace(
        f'volumes/volume-{places.volume(1)}', f'vms/{memory.uuid(1)}_disk')
    [copy] = world.plan(store=['live-domain']).copies
    assert (Operation.LIVE_MIGRATE in copy.breaks) is expected


@pytest.mark.parametrize('found, expected', [
    ((), 'hard-reboot resume'), (('domain',), 'hard-reboot'),
    (('domain', 'image'), 'hard-reboot')])
def test_what_a_suspended_server_would_resume_from(world, found, expected):
    world.add(1, vm_state='suspended')
    domains = world.domains()
    text = domains.texts.pop(memory.uuid(1))
    if 'domain' in found:
        domains.texts[memory.uuid(1)] = text
    if 'image' in found:
        domains.images[memory.uuid(1)] = text
    breaks = {copy.locator.store: ' '.join(
        each.value for each in copy.breaks) for copy in world.plan().copies}
    assert breaks['nova-bdm'] == expected
    assert breaks.get('domain') == (
        None if 'domain' not in found else
        '' if 'image' in found else 'resume')
    assert breaks.get('managed-save') == (
        'resume' if 'image' in found else None)


@pytest.mark.parametrize('error', [
    exceptions.Unreachable('It is down.', 'Wait.'),
    exceptions.ConfigError('There is no such column.', 'Upgrade.')])
def test_without_the_release_the_older_rule_holds(world, monkeypatch, error):
    def fail(*args):
        raise error

    monkeypatch.setattr(nova_services, 'version', fail)
    world.add(1, vm_state='active')
    domains = world.domains()
    domains.live_texts[memory.uuid(1)] = domains.text(1).replace(
        f'volumes/volume-{places.volume(1)}', f'vms/{memory.uuid(1)}_disk')
    [copy] = world.plan(store=['live-domain']).copies
    assert Operation.LIVE_MIGRATE in copy.breaks


def test_the_release_is_asked_only_where_it_matters_and_once(world,
                                                             monkeypatch):
    asked = []
    monkeypatch.setattr(nova_services, 'version',
                        lambda database, host: asked.append(host))
    for server in (1, 2):
        world.add(server, vm_state='active')
        world.domains().live_texts[memory.uuid(server)] = (
            world.domains().text(server))
    world.plan(store=['nova-bdm', 'domain'])
    assert asked == []
    scan = world.scan(store=['live-domain'])
    judge = judging.Judge(scan.context, scan.selection)
    for batch in [*scan.batches(), *scan.batches()]:
        judge.judge(batch)
    assert asked == ['cmp1']
