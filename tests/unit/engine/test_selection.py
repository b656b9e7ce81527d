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

"""The selection that was requested, and whether it is available."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import selection
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.stores import registry
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

LIBVIRT = ('domain', 'managed-save', 'live-domain')
# Files are available on their own host only.
ALL = ('cinder-attachment', 'nova-bdm', *LIBVIRT)
EMPTY = selection.ScanRequest()


@pytest.fixture
def two(world):
    for server, host in ((1, 'cmp1'), (2, 'cmp2')):
        world.nova.add_server(server, host)
    return world


def select(world, **fields):
    return selection.select(dataclasses.replace(EMPTY, **fields),
                            world.context())


def test_as_it_was_asked(two):
    found = two.select('b', 'a', 'b', instance=[memory.uuid(1)],
                       unmanaged=True)
    assert found == selection.Selection(
        ('b', 'a'), (memory.uuid(1),), ALL, (), True,
        ('unrescue', 'ceph-conf'), selection.Pace(2, 300.0))
    assert two.select('a', store=['domain']).lacking == ()
    assert found.includes(memory.uuid(1))
    assert not found.includes(memory.uuid(2))
    assert two.select('a').includes(memory.uuid(2))


def test_all_hosts(two):
    assert select(two, all_hosts=True).hosts == ('cmp1', 'cmp2')
    with pytest.raises(exceptions.ConfigError, match='mutually exclusive'):
        select(two, hosts=('cmp1',), all_hosts=True)


def test_this_machine_is_the_default(two):
    two.write_nova_conf(host='cmp2')
    assert select(two).hosts == ('cmp2',)
    assert select(two, all_hosts=True).hosts == ('cmp1', 'cmp2')


def test_a_machine_that_nova_does_not_know(two):
    two.write_nova_conf(host='controller')
    with pytest.raises(exceptions.ConfigError) as caught:
        select(two)
    assert '(controller)' in caught.value.message
    assert caught.value.hint == 'Give --host H, or --all-hosts.'


def test_a_compute_host_without_databases(tmp_path):
    """Only libvirt can be asked; nova.conf has Nova's name of the host."""
    world = worlds.World(tmp_path)
    world.write_nova_conf(host='cmp9')
    world.options.update(nova_config_file=[str(tmp_path / 'nova.conf')])
    assert select(world).hosts == ('cmp9',)


def test_a_volume_host_without_databases(tmp_path, cinder):
    world = worlds.World(tmp_path, None, cinder)
    with pytest.raises(exceptions.ConfigError, match='Nova knows no'):
        select(world)


def test_servers_by_name(two):
    name = two.context().inventory.where([memory.uuid(1)])[
        memory.uuid(1)].name
    assert name
    assert select(two, hosts=('cmp1',), instances=(name,)).instances == (
        memory.uuid(1),)
    with pytest.raises(exceptions.ConfigError, match='has the name'):
        select(two, hosts=('cmp2',), instances=('nobody',))


def test_a_libvirt_host_without_openstack(tmp_path):
    world = worlds.World(tmp_path)
    world.shared = places.DomainPlace()
    world.shared.hostname = lambda: 'kvm1'
    assert select(world).hosts == ('kvm1',)
    assert select(world, hosts=('other',)).hosts == ('other',)
    assert select(world).stores == LIBVIRT


@pytest.mark.parametrize('wanted, expected', [
    ([], ALL), (['domain'], ('domain',)), (LIBVIRT[::-1], LIBVIRT),
    (['domain', 'nova-bdm', 'domain'], ('nova-bdm', 'domain')),
])
def test_stores(two, wanted, expected):
    assert two.select(store=wanted).stores == expected


@pytest.mark.parametrize('wanted, implied', [
    ([], ()), (['domain'], ()), (['cinder-attachment'], ('nova-bdm',)),
    (['cinder-attachment', 'nova-bdm'], ())])
def test_stores_that_are_read_for_others(two, wanted, implied):
    assert two.select(store=wanted).implied == implied


def test_nothing_is_read_for_others_where_it_is_not_available(tmp_path,
                                                              cinder):
    world = worlds.World(tmp_path, None, cinder)
    assert world.select(store=['cinder-attachment']).implied == ()


@pytest.mark.parametrize('wanted, need, needed', [
    (['domain'], registry.Need.LIBVIRT, True),
    (['nova-bdm'], registry.Need.LIBVIRT, False),
    (['nova-bdm'], registry.Need.NOVA_DATABASE, True),
    # Stores that are read only for the sake of others are not selected.
    (['cinder-attachment'], registry.Need.NOVA_DATABASE, False)])
def test_needs(two, wanted, need, needed):
    assert two.select(store=wanted).needs(need) is needed


@pytest.mark.parametrize('has, expected, lacking', [
    ('nova', ('nova-bdm', *LIBVIRT), ['cinder-attachment']),
    ('cinder', ('cinder-attachment', *LIBVIRT), ['nova-bdm']),
    ('api', LIBVIRT, ['nova-bdm', 'cinder-attachment']),
])
def test_stores_that_are_lacking(tmp_path, nova, cinder, caplog, has,
                                 expected, lacking):
    api = worlds.Api(Instance(memory.uuid(1), 'cmp1'))
    world = {'nova': lambda: worlds.World(tmp_path, nova),
             'cinder': lambda: worlds.World(tmp_path, None, cinder),
             'api': lambda: worlds.World(tmp_path, api=api)}[has]()
    assert world.select().stores == expected
    for name in lacking:
        assert f'Skipping {name}: ' in caplog.text
        with pytest.raises(exceptions.ConfigError,
                           match=f'{name} is not available'):
            world.select(store=['domain', name])
    caplog.clear()
    # Stores that were not requested are not reported as missing.
    assert world.select(store=['domain']).stores == ('domain',)
    assert caplog.text == ''


def test_files_of_rescued_servers_on_their_own_host(tmp_path, nova):
    world = worlds.World(tmp_path, nova)
    world.write_nova_conf(host='cmp1', instances_path=str(tmp_path))
    found = ('nova-bdm', 'domain', 'managed-save', 'unrescue', 'live-domain')
    assert world.select('cmp1').stores == found
    assert world.select('cmp2', 'cmp1').stores == found
    assert world.select(store=['unrescue']).stores == ('unrescue',)


@pytest.mark.parametrize('host, path, why', [
    ('cmp2', '/', r'this machine \(cmp2\) is not a selected host'),
    ('cmp1', '/none/such', 'there is no folder /none/such'),
])
def test_files_of_rescued_servers_elsewhere(two, caplog, host, path, why):
    two.write_nova_conf(host=host, instances_path=path)
    assert two.select('cmp1').stores == ALL
    assert caplog.text == ''  # so it is on every controller
    with pytest.raises(exceptions.ConfigError,
                       match=f'unrescue is not available here: {why}'):
        two.select('cmp1', store=['unrescue'])


def test_files_of_rescued_servers_without_a_nova_conf(tmp_path, cinder,
                                                      caplog):
    world = worlds.World(tmp_path, None, cinder)
    assert 'unrescue' not in world.select('cmp1').stores
    assert 'unrescue' not in caplog.text
    with pytest.raises(exceptions.ConfigError,
                       match='not available here: there is no nova.conf'):
        world.select('cmp1', store=['unrescue'])


def test_nobody_misses_openstack_where_there_is_none(tmp_path, caplog):
    worlds.World(tmp_path).select()
    assert caplog.text == ''
