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

"""Who knows the servers of a host."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.instance import Instance
from tests.unit import fakes
from tests.unit import memory
from tests.unit.stores import places

ONE, TWO, THREE = map(memory.uuid, (1, 2, 3))


@pytest.fixture
def cloud(nova):
    for server, host in ((1, 'cmp1'), (2, 'cmp2'), (3, 'cmp1')):
        nova.add_server(server, host)
    return nova


@pytest.fixture
def libvirt():
    place = places.DomainPlace()
    place.add(3, place.text(3, nova=False))
    place.add(1)
    place.hostname = lambda: 'kvm1'
    return place


def api_of(*hosts):
    return fakes.Api(*[Instance(memory.uuid(number), host)
                       for number, host in enumerate(hosts, 1)])


def lots(known, host, only=()):
    return [list(scope.instances) for scope in known.scopes(host, only)]


def test_the_best_that_the_config_allows(tmp_path, cloud):
    api = api_of('cmp1')
    for site, kind in (
            (fakes.Site(tmp_path, cloud, api=api), instances.CellRoster),
            (fakes.Site(tmp_path, api=api), instances.ApiRoster),
            (fakes.Site(tmp_path), instances.LibvirtRoster)):
        assert type(instances.of(site)) is kind


@pytest.mark.parametrize('host, known, words', [
    ('cmp-1', ['cmp1', 'ctl'], 'Did you mean cmp1?'),
    ('CMP1', ['cmp1'], 'Did you mean cmp1?'),
    ('cmp1', ['CMP1.Example'], 'Did you mean CMP1.Example?'),
    ('a', ['a.very.long.domain.example.org'], 'Did you mean a.very'),
    ('zzz', ['cmp1'], 'It knows 1 host'),
    ('cmp1', ['cmp1.example.org', 'db.example.org'],
     'Did you mean cmp1.example.org?'),
    ('cmp1.example.org', ['cmp1', 'cmp2'], 'Did you mean cmp1?'),
    ('compute-12', ['compute-1', 'compute-2', 'x'],
     'Did you mean compute-2 or compute-1?'),
    ('zzz', ['cmp1', 'cmp2'], 'It knows 2 hosts'),
    ('cmp1', [], 'It knows 0 hosts'),
])
def test_the_near_misses_of_an_unknown_host(host, known, words):
    error = contexts.unknown_host(host, known)
    assert error.message == f'Nova knows no compute host {host}.'
    assert words in error.hint


@pytest.mark.parametrize('host', ['cmp', 'cmp11', ''])
@pytest.mark.parametrize('kind', ['cells', 'api'])
def test_an_unknown_host(tmp_path, cloud, kind, host):
    site = (fakes.Site(tmp_path, cloud) if kind == 'cells'
            else fakes.Site(tmp_path, api=api_of('cmp1', 'cmp2')))
    with pytest.raises(exceptions.ConfigError, match='no compute host'):
        lots(instances.of(site), host)


@pytest.mark.parametrize('kind', ['cells', 'api', 'libvirt'])
def test_servers_in_lots(tmp_path, cloud, libvirt, monkeypatch, kind):
    site = {'cells': lambda: fakes.Site(tmp_path, cloud),
            'api': lambda: fakes.Site(
                tmp_path, api=api_of('cmp1', 'cmp2', 'cmp1')),
            'libvirt': lambda: fakes.Site(tmp_path, libvirts=libvirt),
            }[kind]()
    known = instances.of(site)
    assert lots(known, 'cmp1') == [[ONE, THREE]]
    assert lots(known, 'cmp1', [THREE, TWO]) == [[THREE]]
    assert lots(known, 'cmp1', [memory.uuid(9)]) == []
    monkeypatch.setattr(instances, 'CHUNK', 1)
    assert lots(known, 'cmp1') == [[ONE], [THREE]]


@pytest.mark.parametrize('kind', ['cells', 'api'])
def test_hosts_and_where_servers_are(tmp_path, cloud, kind):
    site = (fakes.Site(tmp_path, cloud) if kind == 'cells' else fakes.Site(
        tmp_path, api=api_of('cmp1', 'cmp2', 'cmp1')))
    known = instances.of(site)
    assert known.hosts() == ['cmp1', 'cmp2']
    found = known.where([TWO, memory.uuid(9)])
    assert {uuid: each.host for uuid, each in found.items()} == {TWO: 'cmp2'}


def test_what_libvirt_alone_can_tell(tmp_path, libvirt):
    known = instances.of(fakes.Site(tmp_path, libvirts=libvirt))
    assert known.hosts() == ['kvm1']
    [scope] = known.scopes('kvm1', [])
    assert [(each.name, each.host, each.managed)
            for each in scope.instances.values()] == [
        ('as Nova calls it', 'kvm1', True), ('instance-3', 'kvm1', False)]
    # It knows nothing of what others know of servers.
    assert known.where([ONE]) == {}


def test_strangers(tmp_path, cloud):
    known = instances.of(fakes.Site(tmp_path, cloud))
    found = instances.strangers(known, [
        # Nova has it on another host; Nova made it, and knows it no more;
        # nobody's but libvirt's.
        Instance(TWO, 'cmp1', 'two'), Instance(memory.uuid(9), 'cmp1', 'x'),
        Instance(memory.uuid(8), 'cmp1', 'y', managed=False)])
    assert {uuid: (each.host, each.managed) for uuid, each in found.items()
            } == {TWO: ('cmp2', True), memory.uuid(8): ('cmp1', False),
                  memory.uuid(9): ('', True)}
    assert list(found) == sorted(found)
    assert instances.strangers(known, []) == {}


def test_a_guest_without_nova_s_mark_that_nova_knows(tmp_path, cloud):
    known = instances.of(fakes.Site(tmp_path, cloud))
    [found] = instances.strangers(known, [
        Instance(TWO, 'cmp1', managed=False)]).values()
    assert (found.host, found.managed) == ('cmp2', True)
