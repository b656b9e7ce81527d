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

"""Reading the stores of hosts, and judging what was read."""

import dataclasses

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import planning
from rbd_mon_fix.engine import scan
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import SkipReason
from tests.unit import fakes
from tests.unit import memory
from tests.unit.stores import places

STORES = ('cinder-attachment', 'nova-bdm', 'domain')


class Cloud:
    """Servers with one volume each, in all the stores."""

    def __init__(self, nova, cinder):
        self.nova = nova
        self.cinder = cinder
        self.libvirts = {}

    def add(self, server, host='cmp1', **fields):
        self.nova.add_server(server, host, **fields)
        self.nova.add_row(server, self.nova.text(server))
        self.cinder.add(server)
        self.cinder.tables.insert('volumes', id=places.volume(server),
                                  host='ctl@rbd#volumes', deleted=False)
        self.domains(host).add(server)

    def domains(self, host='cmp1'):
        return self.libvirts.setdefault(host, places.DomainPlace())


@pytest.fixture
def cloud(nova, cinder):
    return Cloud(nova, cinder)


@pytest.fixture
def site(tmp_path, cloud):
    return fakes.Site(tmp_path, cloud.nova, cloud.cinder, cloud.libvirts)


def look(site, *host, **fields):
    return planning.merged(list(
        fakes.survey_of(site, *host, **fields).plans()))


def seen(plan):
    """Return server, store, state and skip of each copy."""
    return [(int(copy.instance.uuid.split('-')[0], 16), copy.locator.store,
             copy.state.value, copy.skip and copy.skip.value)
            for copy in plan.copies]


def stale(server, skip=None, stores=STORES):
    return [(server, store, 'stale', skip) for store in stores]


def test_a_host_without_servers(cloud, site):
    cloud.add(1, 'cmp2')
    cloud.domains('cmp1')
    cloud.nova.tables.insert('services', host='cmp1', binary='nova-compute',
                             deleted=0)
    assert seen(look(site, 'cmp1')) == []


def test_all_copies_grouped_by_server(cloud, site):
    for server in (2, 1):
        cloud.add(server)
    cloud.add(3, 'cmp2')
    plan = look(site, 'cmp1')
    assert sorted(seen(plan)) == sorted(stale(1) + stale(2))
    servers = [copy.instance.uuid for copy in plan.copies]
    assert servers == sorted(servers)
    assert len(plan.changes) == 6
    assert {copy.cluster for copy in plan.copies} == {'ceph'}


def test_host_by_host_in_the_order_asked_for(cloud, site):
    cloud.add(1, 'cmp1')
    cloud.add(2, 'cmp2')
    plan = look(site, 'cmp2', 'cmp1')
    assert [copy.locator.host for copy in plan.copies] == [
        'cmp2'] * 3 + ['cmp1'] * 3


@pytest.mark.parametrize('store', STORES)
def test_a_record_is_read_again(cloud, site, store):
    cloud.add(1)
    looked = fakes.survey_of(site, 'cmp1')
    [was] = [change.record for plan in looked.plans()
             for change in plan.changes if change.locator.store == store]
    assert looked.get(was.locator).document.text == was.document.text
    gone = dataclasses.replace(was.locator, instance=memory.uuid(9),
                               key='999')
    with pytest.raises(exceptions.Gone):
        looked.get(gone)


@pytest.mark.parametrize('store', STORES)
def test_one_store_only(cloud, site, store):
    cloud.add(1)
    plan = look(site, store=[store])
    assert seen(plan) == stale(1, stores=[store])
    assert [change.locator.store for change in plan.changes] == [store]


def test_one_server_only(cloud, site):
    for server in (1, 2, 3):
        cloud.add(server)
    assert sorted(seen(look(site, instance=[memory.uuid(2)]))) == sorted(
        stale(2))


def test_a_server_on_another_host(cloud, site):
    cloud.add(1)
    cloud.add(2, 'cmp2')
    with pytest.raises(exceptions.ConfigError) as caught:
        look(site, instance=[memory.uuid(2)])
    assert caught.value.message == (
        f'Server {memory.uuid(2)} is on host cmp2, not on cmp1.')
    assert '--host' in caught.value.hint
    # It is found where it is, whichever of the hosts that is.
    found = look(site, 'cmp1', 'cmp2', instance=[memory.uuid(2)])
    assert len(found.copies) == 3


def test_a_server_that_nobody_knows(cloud, site):
    cloud.add(1)
    with pytest.raises(exceptions.ConfigError, match='no server .*--inst'):
        look(site, instance=[memory.uuid(1), memory.uuid(9)])


def test_a_host_that_nobody_knows(cloud, site):
    cloud.add(1)
    with pytest.raises(exceptions.ConfigError, match='no compute host cmp9'):
        look(site, 'cmp1', 'cmp9')


def test_a_server_without_a_domain_is_nothing_special(cloud, site):
    cloud.add(1)
    cloud.domains().texts.clear()
    assert sorted(seen(look(site))) == stale(1, stores=STORES[:2])


def test_a_domain_that_its_server_left_behind(cloud, site):
    cloud.add(1)
    cloud.add(2, 'cmp2')
    cloud.domains('cmp1').add(2)
    plan = look(site, 'cmp1')
    assert sorted(seen(plan)) == sorted(
        stale(1) + [(2, 'domain', 'stale', 'other-host')])
    assert len(plan.changes) == 3
    left = [copy for copy in plan.copies if copy.skip]
    assert [copy.instance.host for copy in left] == ['cmp2']
    assert [copy.breaks for copy in left] == [()]
    # Both hosts asked for: on the other one it is nobody's stranger.
    both = look(site, 'cmp1', 'cmp2')
    assert len(both.copies) == 7
    assert len(both.changes) == 6


def test_a_domain_of_nova_s_that_nova_does_not_know(cloud, site):
    cloud.add(1)
    cloud.domains().add(9)
    for unmanaged in (False, True):
        plan = look(site, unmanaged=unmanaged)
        assert (9, 'domain', 'stale', 'other-host') in seen(plan)
        assert len(plan.changes) == 3


def test_a_guest_that_nova_did_not_make(cloud, site):
    cloud.add(1)
    domains = cloud.domains()
    domains.add(9, domains.text(9, nova=False))
    plan = look(site)
    assert (9, 'domain', 'stale', 'unmanaged') in seen(plan)
    assert len(plan.changes) == 3
    plan = look(site, unmanaged=True)
    assert (9, 'domain', 'stale', None) in seen(plan)
    assert len(plan.changes) == 4
    # Strangers are no concern of who asks for one server.
    assert len(look(site, instance=[memory.uuid(1)]).copies) == 3
    assert seen(look(site, instance=[memory.uuid(9)])) == [
        (9, 'domain', 'stale', 'unmanaged')]


def test_no_libvirt_is_asked_for_stores_of_databases(cloud, site):
    cloud.add(1)
    cloud.libvirts.clear()
    assert len(look(site, store=['nova-bdm']).copies) == 1
    with pytest.raises(exceptions.Unreachable):
        look(site)


def test_hosts_that_share_one_libvirt(tmp_path, cloud):
    cloud.add(1, 'cmp1')
    cloud.add(2, 'cmp2')
    shared = places.DomainPlace()
    for server in (1, 2):
        shared.add(server)
    shared.add(9, shared.text(9, nova=False))
    site = fakes.Site(tmp_path, cloud.nova, cloud.cinder, shared)
    plan = look(site, 'cmp1', 'cmp2')
    assert sorted(seen(plan)) == sorted(
        stale(1) + stale(2) + [(9, 'domain', 'stale', 'unmanaged')])
    assert len(plan.changes) == 6


def test_one_host_of_many_that_is_down(cloud, site, caplog):
    cloud.add(1, 'cmp1')
    cloud.add(2, 'cmp2')
    del cloud.libvirts['cmp1']
    found = fakes.survey_of(site, 'cmp1', 'cmp2')
    plan = planning.merged(list(found.plans()))
    assert {copy.locator.host for copy in plan.copies} == {'cmp2'}
    assert list(found.lost) == ['cmp1']
    assert 'cmp1' in caplog.text
    # A server may be on the host that is down.
    list(fakes.survey_of(site, 'cmp1', 'cmp2',
                         instance=[memory.uuid(1)]).plans())


def test_all_hosts_that_are_down(cloud, site):
    cloud.add(1, 'cmp1')
    cloud.add(2, 'cmp2')
    cloud.libvirts.clear()
    found = fakes.survey_of(site, 'cmp1', 'cmp2')
    with pytest.raises(exceptions.Unreachable):
        list(found.plans())
    assert list(found.lost) == ['cmp1', 'cmp2']


def test_lot_by_lot(cloud, site, monkeypatch):
    """What was read of one lot is not waited for with the next."""
    for server in range(1, 6):
        cloud.add(server)
    monkeypatch.setattr(instances, 'CHUNK', 2)
    plans = fakes.survey_of(site).plans()
    assert sorted(seen(next(plans))) == sorted(stale(1) + stale(2))
    cloud.nova.tables.update('instances', 'uuid', memory.uuid(3),
                             task_state='rebooting')
    assert sorted(seen(next(plans))) == sorted(
        stale(3, 'busy') + stale(4))
    assert sorted(seen(next(plans))) == sorted(stale(5))
    assert list(plans) == []


def test_cinder_tells_whose_a_volume_is(cloud, site):
    for server, host in ((1, 'ctl@lvm#x'), (2, None)):
        cloud.add(server)
        cloud.cinder.tables.update('volumes', 'id', places.volume(server),
                                   host=host)
    cloud.add(3)
    states = {(server, state) for server, _, state, _ in seen(look(site))}
    assert states == {(1, 'unknown-cluster'), (2, 'unknown-cluster'),
                      (3, 'stale')}


def test_without_cinder_the_secret_tells(tmp_path, cloud):
    cloud.add(1)
    site = fakes.Site(tmp_path, cloud.nova, None, cloud.libvirts)
    assert seen(look(site)) == stale(1, stores=STORES[1:])


def test_names_are_resolved(cloud, site, monkeypatch):
    cloud.add(1)
    cloud.nova.set_text(
        cloud.nova.add_row(1, None),
        cloud.nova.text(1, hosts=['mon-a'], ports=['6789']))
    asked = []

    def resolve(hosts):
        asked.append(set(hosts))
        return {'mon-a': frozenset({'10.1.0.1'})}

    monkeypatch.setattr('rbd_mon_fix.ceph.dns.resolve', resolve)
    plan = look(site, store=['nova-bdm'])
    assert [copy.state for copy in plan.copies] == [
        State.STALE, State.DRIFTED]
    assert asked == [{'mon-a'}]


def test_a_document_that_no_set_takes(cloud, site):
    """Such rows are told of, and keep nobody from the others."""
    cloud.add(1)
    for fields in ({'volume_id': ['x']}, {'auth_username': {'a': 1}},
                   {'secret_uuid': [1]}, {'name': 7}):
        cloud.nova.add_row(1, cloud.nova.text(1, **fields))
    states = [state for _, store, state, _ in seen(look(site))
              if store == 'nova-bdm']
    assert states == ['stale'] + ['unreadable'] * 4


def test_servers_from_nova_s_api(tmp_path):
    domains = places.DomainPlace()
    domains.add(1)
    site = fakes.Site(
        tmp_path, libvirts={'cmp1': domains},
        api=fakes.Api(Instance(memory.uuid(1), 'cmp1', vm_state='active')))
    plan = look(site)
    assert seen(plan) == stale(1, stores=['domain'])
    assert plan.copies[0].instance.vm_state == 'active'


def test_a_libvirt_host_without_openstack(tmp_path):
    domains = places.DomainPlace()
    domains.add(1, domains.text(1, nova=False))
    domains.hostname = lambda: 'kvm1'
    site = fakes.Site(tmp_path, libvirts=domains)
    command = fakes.command([])
    plans = list(scan.Survey(site, command).plans())
    assert [copy.skip for copy in plans[0].copies] == [SkipReason.UNMANAGED]
    command = fakes.command([], unmanaged=True)
    [plan] = scan.Survey(site, command).plans()
    assert len(plan.changes) == 1


PLAIN = Backend('libvirt', '', None, None, None)


@pytest.fixture
def kvm(tmp_path):
    """Return a libvirt host whose guests have two secrets."""
    domains = places.DomainPlace()
    for server, secret in ((1, 'S'), (2, 'T'), (3, 'S')):
        domains.add(server, domains.text(server, nova=False).replace(
            "uuid='S'", f"uuid='{secret}'"))
    domains.hostname = lambda: 'kvm1'
    site = fakes.Site(tmp_path, libvirts=domains)
    site.clusters = (memory.cluster(backends=[PLAIN]),)
    return site


def changed(site, *host, **fields):
    plan = look(site, *host or ('kvm1',), unmanaged=True, **fields)
    return [int(change.locator.instance.split('-')[0], 16)
            for change in plan.changes]


@pytest.mark.parametrize('chunk', [1, 500])
@pytest.mark.parametrize('asked', [(), (1,), (2,), (1, 3)])
def test_a_ceph_conf_that_may_be_of_two_clusters(kvm, monkeypatch, chunk,
                                                 asked):
    """No option makes one secret of two."""
    monkeypatch.setattr(instances, 'CHUNK', chunk)
    assert changed(kvm, instance=list(map(memory.uuid, asked))) == []


def test_no_store_makes_one_secret_of_two(cloud, kvm, tmp_path):
    cloud.add(1)
    domains = cloud.domains()
    site = fakes.Site(tmp_path, cloud.nova, None, cloud.libvirts)
    site.clusters = kvm.clusters
    fields = {'store': ['nova-bdm'], 'instance': [memory.uuid(1)]}
    assert changed(site, 'cmp1', **fields) == [1]
    domains.add(9, kvm.libvirts.texts[memory.uuid(2)])
    assert changed(site, 'cmp1', **fields) == []


def test_a_ceph_conf_that_can_only_be_of_one(kvm):
    del kvm.libvirts.texts[memory.uuid(2)]
    assert changed(kvm) == [1, 3]
    assert changed(kvm, instance=[memory.uuid(3)]) == [3]


def test_a_ceph_conf_whose_secret_is_stated(kvm):
    kvm.clusters = (memory.cluster(backends=[
        Backend('libvirt', '', None, None, 'S')]),)
    assert changed(kvm) == [1, 3]


def test_hosts_of_one_run_count_together(tmp_path, kvm):
    other = places.DomainPlace()
    other.add(4, other.text(4, nova=False))
    libvirts = {'kvm1': kvm.libvirts, 'kvm2': other}
    site = fakes.Site(tmp_path, libvirts=libvirts)
    site.clusters = kvm.clusters
    assert changed(site, 'kvm2') == [4]
    assert changed(site, 'kvm2', 'kvm1') == []
    del libvirts['kvm1']
    assert changed(site, 'kvm2', 'kvm1') == [4]


def test_busy(cloud, site):
    cloud.add(1)
    cloud.add(2, task_state='rebooting')
    cloud.add(3, 'cmp2', vm_state='building')
    uuids = [memory.uuid(server) for server in (1, 2, 3, 9)]
    assert fakes.survey_of(site).busy(uuids) == set(uuids[1:3])


def test_stores_are_opened_once(cloud, site):
    cloud.add(1)
    found = fakes.survey_of(site)
    stores = found.stores('cmp1')
    assert [store.name for store in stores] == [
        *STORES, 'managed-save', 'live-domain']
    assert [id(store) for store in stores] == [
        id(store) for store in found.stores('cmp1')]
    assert [store.name for store in fakes.survey_of(
        site, store=['domain', 'nova-bdm']).stores('cmp1')] == [
        'nova-bdm', 'domain']


def test_a_server_that_runs(cloud, site):
    """The persistent XML and that of the process are told apart."""
    cloud.add(1)
    domains = cloud.domains()
    domains.live_texts[memory.uuid(1)] = domains.text(1)
    plan = look(site)
    assert sorted(seen(plan)) == sorted(
        stale(1) + [(1, 'live-domain', 'stale', 'read-only')])
    assert {change.locator.store for change in plan.changes} == set(STORES)


def test_a_server_that_is_suspended(cloud, site):
    cloud.add(1, vm_state='suspended')
    domains = cloud.domains()
    domains.images[memory.uuid(1)] = domains.text(1)
    plan = look(site)
    assert sorted(seen(plan)) == sorted(
        stale(1, stores=(*STORES, 'managed-save')))
    assert len(plan.changes) == 4


def test_a_server_that_is_rescued(tmp_path, cloud):
    """Its file is looked at on the host that it is on, and there alone."""
    for server, host in ((1, 'cmp1'), (2, 'cmp2')):
        cloud.add(server, host)
        folder = tmp_path / memory.uuid(server)
        folder.mkdir()
        (folder / 'unrescue.xml').write_text(
            cloud.domains(host).text(server))
    site = fakes.Site(tmp_path, cloud.nova, cloud.cinder, cloud.libvirts,
                      conf=fakes.NovaConf('cmp1', str(tmp_path)))
    assert sorted(seen(look(site, 'cmp1', 'cmp2'))) == sorted(
        stale(1, stores=(*STORES, 'unrescue')) + stale(2))


@pytest.mark.parametrize('fields, how', [
    ({'status': 'retyping'}, 'retyping'),
    ({'migration_status': 'migrating'}, 'migration: migrating')])
def test_a_volume_that_cinder_moves(cloud, site, fields, how):
    cloud.add(1)
    cloud.add(2)
    cloud.cinder.tables.update('volumes', 'id', places.volume(1), **fields)
    found = fakes.survey_of(site)
    plan = planning.merged(list(found.plans()))
    assert found.moving == {'cmp1': {places.volume(1): how}}
    assert {change.locator.instance for change in plan.changes} == {
        memory.uuid(2)}
