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

"""The sources that know the servers of a host."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.inventory import cells as cells_module
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.instance import Instance
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

ONE, TWO, THREE = map(memory.uuid, (1, 2, 3))


@pytest.fixture
def cells(nova):
    """Return the inventory of a cell with servers on two hosts."""
    for server, host in ((1, 'cmp1'), (2, 'cmp2'), (3, 'cmp1')):
        nova.add_server(server, host)
    return instances.CellInventory(cells_module.Cells(nova.tables.url, None))


@pytest.fixture
def api():
    return instances.ApiInventory(api_of('cmp1', 'cmp2', 'cmp1'))


@pytest.fixture
def libvirt(place):
    return instances.LibvirtInventory(lambda host: place)


@pytest.fixture
def place():
    made = places.DomainPlace()
    made.add(3, made.text(3, nova=False))
    made.add(1)
    made.hostname = lambda: 'kvm1'
    return made


@pytest.fixture
def inventory(request):
    return request.getfixturevalue(request.param)


def api_of(*hosts):
    return worlds.Api(*[Instance(memory.uuid(number), host)
                        for number, host in enumerate(hosts, 1)])


def batches(known, host, only=()):
    return [list(scope.instances) for scope in known.scopes(host, only)]


def test_the_best_that_there_is():
    cells, api = cells_module.Cells('sqlite://', None), api_of('cmp1')
    for known, kind in ((instances.of(cells, api, None),
                         instances.CellInventory),
                        (instances.of(None, api, None),
                         instances.ApiInventory),
                        (instances.of(None, None, None),
                         instances.LibvirtInventory)):
        assert type(known) is kind
        assert known.lists_domains is (kind is instances.LibvirtInventory)


@pytest.mark.parametrize('host, known, words', [
    ('cmp-1', ['cmp1', 'ctl'], 'Did you mean cmp1?'),
    ('CMP1', ['cmp1'], 'Did you mean cmp1?'),
    ('cmp1', ['CMP1.Example'], 'Did you mean CMP1.Example?'),
    ('a', ['a.very.long.domain.example.org'], 'Did you mean a.very'),
    ('zzz', ['cmp1'], 'Nova knows 1 host'),
    ('cmp1', ['cmp1.example.org', 'db.example.org'],
     'Did you mean cmp1.example.org?'),
    ('cmp1.example.org', ['cmp1', 'cmp2'], 'Did you mean cmp1?'),
    ('compute-12', ['compute-1', 'compute-2', 'x'],
     'Did you mean compute-2 or compute-1?'),
    ('zzz', ['cmp1', 'cmp2'], 'Nova knows 2 hosts'),
    ('cmp1', [], 'Nova knows 0 hosts'),
])
def test_the_near_misses_of_an_unknown_host(host, known, words):
    error = instances.unknown_host(host, known)
    assert error.message == f'Nova knows no compute host {host}.'
    assert words in error.hint


@pytest.mark.parametrize('host', ['cmp', 'cmp11', ''])
@pytest.mark.parametrize('inventory', ['cells', 'api'], indirect=True)
def test_an_unknown_host(inventory, host):
    with pytest.raises(exceptions.ConfigError, match='no compute host'):
        batches(inventory, host)


@pytest.mark.parametrize('inventory', ['cells', 'api', 'libvirt'],
                         indirect=True)
def test_servers_in_batches(inventory, monkeypatch):
    assert batches(inventory, 'cmp1') == [[ONE, THREE]]
    assert batches(inventory, 'cmp1', [THREE, TWO]) == [[THREE]]
    assert batches(inventory, 'cmp1', [memory.uuid(9)]) == []
    monkeypatch.setattr(instances, 'BATCH', 1)
    assert batches(inventory, 'cmp1') == [[ONE], [THREE]]


@pytest.mark.parametrize('at_once, size', [
    (1, 500), (2, 250), (8, 62), (32, 50)])
def test_hosts_that_are_read_at_once_share_a_batch(at_once, size):
    servers = [Instance(memory.uuid(number), 'cmp1')
               for number in range(1, 502)]
    found = instances.ApiInventory(worlds.Api(*servers)).scopes(
        'cmp1', (), at_once)
    assert len(next(found).instances) == size


@pytest.mark.parametrize('inventory', ['cells', 'api', 'libvirt'],
                         indirect=True)
def test_every_inventory_obeys_the_size_of_a_batch(inventory, monkeypatch):
    monkeypatch.setattr(instances, 'BATCH', 2)
    monkeypatch.setattr(instances, '_LEAST', 1)
    for at_once, sizes in ((1, [2]), (2, [1, 1])):
        assert [len(scope.instances) for scope in inventory.scopes(
            'cmp1', (), at_once)] == sizes


@pytest.mark.parametrize('inventory', ['cells', 'api'], indirect=True)
def test_hosts_and_where_servers_are(inventory):
    assert inventory.hosts() == ['cmp1', 'cmp2']
    found = inventory.where([TWO, memory.uuid(9)])
    assert {uuid: each.host for uuid, each in found.items()} == {TWO: 'cmp2'}


def test_what_libvirt_alone_can_tell(libvirt):
    assert libvirt.hosts() == ['kvm1']
    [scope] = libvirt.scopes('kvm1', [])
    assert [(each.name, each.host, each.managed)
            for each in scope.instances.values()] == [
        ('as Nova calls it', 'kvm1', True), ('instance-3', 'kvm1', False)]
    # It does not know what other sources know about servers.
    assert libvirt.where([ONE]) == {}


def unlisted(inventory, place, known=(), only=()):
    return [(uuid, guest.host, guest.managed)
            for scope in instances.unlisted(inventory, place, 'cmp1', known,
                                            only)
            for uuid, guest in scope.instances.items()]


def test_domains_that_are_not_listed(cells):
    place = places.DomainPlace()
    place.add(1)
    # Nova has it on another host; Nova created it, but no longer knows
    # it; only libvirt knows it.
    place.add(2)
    place.add(9)
    place.add(8, place.text(8, nova=False))
    expected = [(TWO, 'cmp2', True), (memory.uuid(8), 'cmp1', False),
                (memory.uuid(9), '', True)]
    assert unlisted(cells, place, [ONE]) == expected
    assert unlisted(cells, place, [ONE], [memory.uuid(8)]) == expected[1:2]
    assert unlisted(cells, places.DomainPlace()) == []


def test_a_guest_without_nova_s_mark_that_nova_knows(cells):
    place = places.DomainPlace()
    place.add(2, place.text(2, nova=False))
    assert unlisted(cells, place) == [(TWO, 'cmp2', True)]


def test_domains_that_are_not_listed_come_in_batches(cells, monkeypatch):
    place = places.DomainPlace()
    for server in (7, 8, 9):
        place.add(server)
    monkeypatch.setattr(instances, 'BATCH', 2)
    assert [len(scope.instances) for scope in instances.unlisted(
        cells, place, 'cmp1', [], [])] == [2, 1]
    assert [uuid for uuid, *_ in unlisted(cells, place)] == list(
        map(memory.uuid, (7, 8, 9)))


@pytest.mark.parametrize('inventory, counts', [
    ('cells', [2, 1, 3]), ('api', [None] * 3), ('libvirt', [None] * 3)],
    indirect=['inventory'])
def test_the_number_of_servers(inventory, counts):
    assert [inventory.count(hosts) for hosts in (
        ['cmp1'], ['cmp2'], ['cmp1', 'cmp2'])] == counts
