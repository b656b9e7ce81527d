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

"""Reading the stores of hosts, batch by batch."""

from __future__ import annotations

import dataclasses
import socket
import threading

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.clients.database import engine as engine_database
from rbd_mon_fix.clients.database import nova_cells
from rbd_mon_fix.engine import scan
from rbd_mon_fix.engine import selection
from rbd_mon_fix.inventory import cells
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import SkipReason
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

STORES = ('cinder-attachment', 'nova-bdm', 'domain')


def seen(plan):
    """Return the server, store, state and skip of each copy."""
    return [(int(copy.instance.uuid.split('-')[0], 16), copy.locator.store,
             copy.state.value, copy.skip and copy.skip.value)
            for copy in plan.copies]


def stale(server, skip=None, stores=STORES):
    return [(server, store, 'stale', skip) for store in stores]


def test_a_host_without_servers(world):
    world.add(1, 'cmp2')
    world.domains('cmp1')
    world.nova.tables.insert('services', host='cmp1', binary='nova-compute',
                             deleted=0)
    assert seen(world.plan('cmp1')) == []


def test_all_copies_grouped_by_server(world):
    for server in (2, 1):
        world.add(server)
    world.add(3, 'cmp2')
    plan = world.plan('cmp1')
    assert sorted(seen(plan)) == sorted(stale(1) + stale(2))
    servers = [copy.instance.uuid for copy in plan.copies]
    assert servers == sorted(servers)
    assert len(plan.changes) == 6
    assert {copy.cluster for copy in plan.copies} == {'ceph'}


def test_host_by_host_in_the_order_asked_for(world):
    world.add(1, 'cmp1')
    world.add(2, 'cmp2')
    plan = world.plan('cmp2', 'cmp1')
    assert [copy.locator.host for copy in plan.copies] == [
        'cmp2'] * 3 + ['cmp1'] * 3


@pytest.mark.parametrize('store', STORES)
def test_a_record_is_read_again(world, store):
    world.add(1)
    looked = world.scan('cmp1')
    [was] = [record for batch in looked.batches()
             for record in batch.records if record.locator.store == store]
    assert looked.get(was.locator).document.text == was.document.text
    gone = was.locator._replace(instance=memory.uuid(9), key='999')
    with pytest.raises(exceptions.Gone):
        looked.get(gone)


@pytest.mark.parametrize('store', STORES)
def test_one_store_only(world, store):
    world.add(1)
    plan = world.plan(store=[store])
    assert seen(plan) == stale(1, stores=[store])
    assert [change.locator.store for change in plan.changes] == [store]


def test_one_server_only(world):
    for server in (1, 2, 3):
        world.add(server)
    assert sorted(seen(world.plan(instance=[memory.uuid(2)]))) == sorted(
        stale(2))


def test_a_server_on_another_host(world):
    world.add(1)
    world.add(2, 'cmp2')
    with pytest.raises(exceptions.ConfigError) as caught:
        world.plan(instance=[memory.uuid(2)])
    assert caught.value.message == (
        f'Server {memory.uuid(2)} is on host cmp2, not on cmp1.')
    assert '--host' in caught.value.hint
    # The server is found on its host, whichever of the hosts it is.
    found = world.plan('cmp1', 'cmp2', instance=[memory.uuid(2)])
    assert len(found.copies) == 3


def test_a_server_that_nobody_knows(world):
    world.add(1)
    with pytest.raises(exceptions.ConfigError, match='no server .*--inst'):
        world.plan(instance=[memory.uuid(1), memory.uuid(9)])


def test_a_host_that_nobody_knows(world):
    world.add(1)
    with pytest.raises(exceptions.ConfigError, match='no compute host cmp9'):
        world.plan('cmp1', 'cmp9')


def test_a_server_without_a_domain_is_nothing_special(world):
    world.add(1)
    world.domains().texts.clear()
    assert sorted(seen(world.plan())) == stale(1, stores=STORES[:2])


def test_a_domain_that_its_server_left_behind(world):
    world.add(1)
    world.add(2, 'cmp2')
    world.domains('cmp1').add(2)
    plan = world.plan('cmp1')
    assert sorted(seen(plan)) == sorted(
        stale(1) + [(2, 'domain', 'stale', 'other-host')])
    assert len(plan.changes) == 3
    left = [copy for copy in plan.copies if copy.skip]
    assert [copy.instance.host for copy in left] == ['cmp2']
    assert [copy.breaks for copy in left] == [()]
    # Both hosts requested: on the other host it does not count as unknown.
    both = world.plan('cmp1', 'cmp2')
    assert len(both.copies) == 7
    assert len(both.changes) == 6


def test_a_domain_of_nova_s_that_nova_does_not_know(world):
    world.add(1)
    world.domains().add(9)
    for unmanaged in (False, True):
        plan = world.plan(unmanaged=unmanaged)
        assert (9, 'domain', 'stale', 'other-host') in seen(plan)
        assert len(plan.changes) == 3


def test_a_guest_that_nova_did_not_make(world):
    world.add(1)
    domains = world.domains()
    domains.add(9, domains.text(9, nova=False))
    plan = world.plan()
    assert (9, 'domain', 'stale', 'unmanaged') in seen(plan)
    assert len(plan.changes) == 3
    plan = world.plan(unmanaged=True)
    assert (9, 'domain', 'stale', None) in seen(plan)
    assert len(plan.changes) == 4
    # Unknown guests are irrelevant to a request for one server.
    assert len(world.plan(instance=[memory.uuid(1)]).copies) == 3
    assert seen(world.plan(instance=[memory.uuid(9)])) == [
        (9, 'domain', 'stale', 'unmanaged')]


def test_no_libvirt_is_asked_for_stores_of_databases(world):
    world.add(1)
    world.libvirts.clear()
    assert len(world.plan(store=['nova-bdm']).copies) == 1
    with pytest.raises(exceptions.Unreachable):
        world.plan()


def test_hosts_that_share_one_libvirt(world):
    world.add(1, 'cmp1')
    world.add(2, 'cmp2')
    world.shared = places.DomainPlace()
    for server in (1, 2):
        world.shared.add(server)
    world.shared.add(9, world.shared.text(9, nova=False))
    plan = world.plan('cmp1', 'cmp2')
    assert sorted(seen(plan)) == sorted(
        stale(1) + stale(2) + [(9, 'domain', 'stale', 'unmanaged')])
    assert len(plan.changes) == 6


def test_one_host_of_many_that_is_down(world, caplog):
    world.add(1, 'cmp1')
    world.add(2, 'cmp2')
    del world.libvirts['cmp1']
    found = world.scan('cmp1', 'cmp2')
    plan = worlds.merged(worlds.plans(found))
    assert {copy.locator.host for copy in plan.copies} == {'cmp2'}
    assert list(found.lost) == ['cmp1']
    assert 'cmp1' in caplog.text
    # A server may be on the host that is down.
    list(world.scan('cmp1', 'cmp2', instance=[memory.uuid(1)]).batches())


@pytest.mark.once
def test_a_host_of_many_that_never_answers(world, monkeypatch, caplog):
    never = threading.Event()
    for server, host in ((1, 'cmp1'), (2, 'cmp2'), (3, 'cmp3')):
        world.add(server, host)
    world.options['host_timeout'] = 4.0
    monkeypatch.setattr(world.domains('cmp2'), 'domains', never.wait)
    try:
        scan = world.scan('cmp1', 'cmp2', 'cmp3')
        plan = [copy.locator.host for each in worlds.plans(scan)
                for copy in each.copies]
    finally:
        never.set()
    assert set(plan) == {'cmp1', 'cmp3'}
    assert 'Nothing was read from host cmp2 for 4 seconds' in str(
        scan.lost['cmp2'])
    assert 'Skipping host cmp2' in caplog.text


def test_the_libvirt_of_another_host(world):
    """The libvirt counts as lost, not as one without domains."""
    world.add(1, 'cmp1')
    world.add(2, 'cmp2')
    world.options['libvirt_uri'] = 'qemu+tcp://cmp1/system'
    found = world.scan('cmp1', 'cmp2')
    plan = worlds.merged(worlds.plans(found))
    assert {copy.locator.host for copy in plan.copies} == {'cmp1'}
    assert list(found.lost) == ['cmp2']
    assert 'is on cmp1, not on cmp2' in found.lost['cmp2'].message
    with pytest.raises(exceptions.Unreachable):
        list(world.scan('cmp2').batches())


@pytest.fixture
def two_cells(world, monkeypatch):
    """Return a world with cmp1 in its cell, and cmp2 in one that is down."""
    tables = places.Tables(f'sqlite:///{world.folder}/api',
                           nova_cells.CELL_MAPPINGS, nova_cells.HOST_MAPPINGS)
    down = 'mysql+pymysql://nova:SECRET@127.0.0.1:1/cell2'
    for number, url in enumerate((down, world.nova.tables.url), 1):
        tables.insert('cell_mappings', id=number, uuid=f'C{number}',
                      database_connection=url)
    for host, number in (('cmp1', 2), ('cmp2', 1)):
        tables.insert('host_mappings', host=host, cell_id=number)
    database = engine_database.Database(tables.url, 'API')
    monkeypatch.setattr(cells, 'of', lambda conf: cells.Cells(
        None, nova_cells.CellMappings(database)))
    yield world
    tables.close()


def test_one_cell_of_many_that_is_down(two_cells, caplog):
    """The other cells go on, though a domain may belong to the dead cell."""
    two_cells.add(1, 'cmp1')
    two_cells.domains('cmp1').add(2)
    two_cells.domains('cmp2').add(3)
    found = two_cells.scan('cmp2', 'cmp1')
    plan = worlds.merged(worlds.plans(found))
    assert sorted(seen(plan)) == sorted(
        stale(1) + [(2, 'domain', 'stale', 'other-host')])
    assert list(found.lost) == ['cmp2']
    assert found.busy('cmp1', [memory.uuid(1), memory.uuid(2)]) == set()
    assert caplog.text.count('Skipping cell C1') == 1
    assert 'SECRET' not in caplog.text
    with pytest.raises(exceptions.Unreachable):
        found.busy('cmp2', [memory.uuid(3)])


def test_all_hosts_that_are_down(world):
    world.add(1, 'cmp1')
    world.add(2, 'cmp2')
    world.libvirts.clear()
    found = world.scan('cmp1', 'cmp2')
    with pytest.raises(exceptions.Unreachable):
        list(found.batches())
    assert list(found.lost) == ['cmp1', 'cmp2']


def test_batch_by_batch(world, monkeypatch):
    """Plans of one batch are returned before the next batch is read."""
    for server in range(1, 6):
        world.add(server)
    monkeypatch.setattr(instances, 'BATCH', 2)
    plans = worlds.plans(world.scan())
    assert sorted(seen(next(plans))) == sorted(stale(1) + stale(2))
    world.nova.tables.update('instances', 'uuid', memory.uuid(3),
                             task_state='rebooting')
    assert sorted(seen(next(plans))) == sorted(
        stale(3, 'busy') + stale(4))
    assert sorted(seen(next(plans))) == sorted(stale(5))
    assert list(plans) == []


@pytest.mark.parametrize('stores, parallel, sizes', [
    (STORES[:2], 1, [2, 2]), (STORES[:2], 2, [1] * 4), (STORES, 2, [2, 2])])
def test_hosts_share_a_batch_of_databases(world, monkeypatch, stores,
                                          parallel, sizes):
    """With libvirt, later hosts would wait for the batches of earlier ones."""
    monkeypatch.setattr(instances, 'BATCH', 2)
    monkeypatch.setattr(instances, '_LEAST', 1)
    for host, servers in (('cmp1', (1, 2)), ('cmp2', (3, 4))):
        for server in servers:
            world.add(server, host)
    context = world.context()
    found = scan.Scan(context, selection.select(dataclasses.replace(
        worlds.request('cmp1', 'cmp2', store=stores), parallel=parallel),
        context))
    assert [len(batch.scope.instances)
            for batch in found.batches()] == sizes


def test_a_document_that_no_set_takes(world):
    """The unhashable rows are reported and do not hide the other rows."""
    world.add(1)
    for fields in ({'volume_id': ['x']}, {'auth_username': {'a': 1}},
                   {'secret_uuid': [1]}, {'name': 7}):
        world.nova.add_row(1, world.nova.text(1, **fields))
    states = [state for _, store, state, _ in seen(world.plan())
              if store == 'nova-bdm']
    assert states == ['stale'] + ['unreadable'] * 4


def test_servers_from_nova_s_api(tmp_path):
    world = worlds.World(tmp_path, api=worlds.Api(
        Instance(memory.uuid(1), 'cmp1', vm_state='active')))
    world.add(1)
    plan = world.plan()
    assert seen(plan) == stale(1, stores=['domain'])
    assert plan.copies[0].instance.vm_state == 'active'


@pytest.mark.parametrize('unmanaged, skip', [
    (False, SkipReason.UNMANAGED), (True, None)])
def test_a_libvirt_host_without_openstack(tmp_path, unmanaged, skip):
    world = worlds.World(tmp_path)
    world.add_plain(1, 'kvm1')
    plan = world.plan('kvm1', unmanaged=unmanaged)
    assert [copy.skip for copy in plan.copies] == [skip]
    assert len(plan.changes) == unmanaged


def test_persistent_xml_is_read_once(tmp_path, monkeypatch):
    """Listing the guests of a libvirt host has already read the XML."""
    world = worlds.World(tmp_path)
    world.ceph['secret_uuid'] = 'S'  # no guest unknown to Nova has to be read
    for server in (1, 2, 3):
        world.add_plain(server, 'kvm1')
    place = world.domains('kvm1')
    place.live_texts[memory.uuid(2)] = place.texts[memory.uuid(2)]
    read = []
    inactive_xml = place.inactive_xml
    monkeypatch.setattr(place, 'persistent', lambda uuid: True)
    monkeypatch.setattr(place, 'live_xml', place.live_texts.__getitem__)
    monkeypatch.setattr(place, 'has_block_job', lambda uuid, device: False)
    monkeypatch.setattr(place, 'inactive_xml', lambda uuid: (
        read.append(uuid) or inactive_xml(uuid)))
    found = engine.status(world.context(), worlds.request('kvm1'))
    assert found.summary.copies == 4
    assert sorted(read) == [memory.uuid(server) for server in (1, 2, 3)]


def test_busy(world):
    world.add(1)
    world.add(2, task_state='rebooting')
    world.add(3, 'cmp2', vm_state='building')
    uuids = [memory.uuid(server) for server in (1, 2, 3, 9)]
    assert world.scan().busy('cmp1', uuids) == set(uuids[1:3])


def test_stores_are_opened_once(world):
    world.add(1)
    found = world.scan()
    stores = found.stores('cmp1')
    assert [store.name for store in stores] == [
        *STORES, 'managed-save', 'live-domain']
    assert [id(store) for store in stores] == [
        id(store) for store in found.stores('cmp1')]
    chosen = world.scan(store=['domain', 'nova-bdm'])
    assert [store.name for store in chosen.stores('cmp1')] == [
        'nova-bdm', 'domain']


def test_a_server_that_runs(world):
    """The persistent XML and the XML of the process are distinguished."""
    world.add(1)
    domains = world.domains()
    domains.live_texts[memory.uuid(1)] = domains.text(1)
    plan = world.plan()
    assert sorted(seen(plan)) == sorted(
        stale(1) + [(1, 'live-domain', 'stale', 'read-only')])
    assert {change.locator.store for change in plan.changes} == set(STORES)


def test_a_server_that_is_suspended(world):
    world.add(1, vm_state='suspended')
    domains = world.domains()
    domains.images[memory.uuid(1)] = domains.text(1)
    plan = world.plan()
    assert sorted(seen(plan)) == sorted(
        stale(1, stores=(*STORES, 'managed-save')))
    assert len(plan.changes) == 4


def rescue(world, *servers):
    """Write the files of rescued servers to this machine's folder."""
    for server in servers:
        folder = world.folder / memory.uuid(server)
        folder.mkdir()
        (folder / 'unrescue.xml').write_text(places.DomainPlace().text(server))


def test_a_server_that_is_rescued(world):
    """Its file is read on the server's own host only."""
    world.add(1, 'cmp1')
    world.add(2, 'cmp2')
    rescue(world, 1, 2)
    world.write_nova_conf(host='cmp1', instances_path=str(world.folder))
    assert sorted(seen(world.plan('cmp1', 'cmp2'))) == sorted(
        stale(1, stores=(*STORES, 'unrescue')) + stale(2))


@pytest.mark.parametrize('fields, stores, found', [
    ({'vm_state': 'rescued'}, [], {2}),
    ({'vm_state': 'rescued'}, ['domain', 'unrescue'], {2}),
    ({'vm_state': 'rescued'}, ['domain'], set()),
    ({'vm_state': 'active'}, [], set())])
def test_a_rescued_server_on_another_machine_is_not_judged(world, fields,
                                                           stores, found):
    world.add(1, 'cmp1', **fields)
    world.add(2, 'cmp2', **fields)
    rescue(world, 1, 2)
    world.write_nova_conf(host='cmp1', instances_path=str(world.folder))
    plan = world.plan('cmp1', 'cmp2', store=stores)
    bad = [copy for copy in plan.copies if copy.state is State.UNREADABLE]
    assert {worlds.number(copy.locator.instance) for copy in bad} == found
    assert all(copy.locator.store == 'unrescue' and copy.not_judged
               and 'run this there' in copy.note for copy in bad)


def test_no_file_of_a_rescued_server_is_in_reach_of_a_controller(world):
    world.add(1, vm_state='rescued')
    world.add(2)
    # The server is on another host, so libvirt has a leftover here.
    world.add(3, 'cmp3', vm_state='rescued')
    world.domains('cmp1').add(3)
    plan = world.plan('cmp1')
    assert [worlds.number(copy.locator.instance) for copy in plan.copies
            if copy.state is State.UNREADABLE] == [1]


@pytest.mark.parametrize('machine, host, found', [
    ('cmp1', 'cmp1.example.org', True), ('cmp1.example.org', 'cmp1', True),
    ('cmp1.example.org', 'cmp1.example.org', True),
    ('cmp1.example.com', 'cmp1.example.org', False),
    ('cmp2', 'cmp1.example.org', False)])
def test_a_rescued_server_by_short_and_full_host_names(
        world, monkeypatch, machine, host, found):
    """Nova may know this machine by its other name."""
    monkeypatch.setattr(socket, 'gethostname', lambda: machine)
    world.add(1, host)
    rescue(world, 1)
    world.write_nova_conf(instances_path=str(world.folder))
    stores = (*STORES, 'unrescue') if found else STORES
    plan = world.plan(host)
    assert sorted(seen(plan)) == sorted(stale(1, stores=stores))
    assert {change.locator.store for change in plan.changes} == set(stores)
