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

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_servers
from rbd_mon_fix.model.instance import Instance


class Endpoint:
    """Answers by path, page by page, and records the requests."""

    def __init__(self, *pages, services=()):
        self.pages = list(pages)
        self.services = list(services)
        self.asked = []

    def read(self, path, key, **params):
        self.asked.append((path, params))
        if path == '/os-services':
            return {'services': self.services}
        return self.pages.pop(0)


def server(uuid, **changed):
    return {'id': uuid, 'name': 'web', 'OS-EXT-SRV-ATTR:host': 'h1',
            'OS-EXT-STS:vm_state': 'active', 'OS-EXT-STS:task_state': None,
            **changed}


def page(*uuids, more=False):
    links = {'servers_links': [{'rel': 'next', 'href': 'x'}]} if more else {}
    return {'servers': [server(uuid) for uuid in uuids], **links}


@pytest.mark.parametrize('pages, uuids, markers', [
    ([page('a', 'b')], 'ab', [None]),
    ([page('a', more=True), page('b')], 'ab', [None, 'a']),
    ([page('a', more=True), page('b', more=True), page()], 'ab',
     [None, 'a', 'b']),
    ([page('a', more=True), page(more=True)], 'a', [None, 'a']),
])
def test_pages(pages, uuids, markers):
    endpoint = Endpoint(*pages)
    found = list(nova_servers.NovaApi(endpoint).instances('h1'))
    assert [one.uuid for one in found] == list(uuids)
    assert [params.get('marker') for _, params in endpoint.asked] == markers
    assert all(params['host'] == 'h1' and params['all_tenants'] == 1
               for _, params in endpoint.asked)


@pytest.mark.parametrize('rounds', [('a', 'a'), ('a', 'b', 'a')])
def test_pages_in_a_circle(rounds):
    endpoint = Endpoint(*(page(uuid, more=True) for uuid in rounds))
    with pytest.raises(exceptions.Unreachable, match='repeats a page'):
        list(nova_servers.NovaApi(endpoint).instances('h1'))
    assert endpoint.pages == []


@pytest.mark.parametrize('changed, expected', [
    ({}, Instance('a', 'h1', 'web', 'active')),
    ({'name': None}, Instance('a', 'h1', '', 'active')),
    ({'OS-EXT-SRV-ATTR:host': None}, Instance('a', '', 'web', 'active')),
    ({'OS-EXT-STS:task_state': 'spawning', 'OS-EXT-STS:vm_state': 'building'},
     Instance('a', 'h1', 'web', 'building', 'spawning')),
])
def test_instance(changed, expected):
    endpoint = Endpoint({'server': server('a', **changed)})
    assert nova_servers.NovaApi(endpoint).instance('a') == expected


@pytest.mark.parametrize('missing, error', [
    ('OS-EXT-SRV-ATTR:host', exceptions.ConfigError),
    ('OS-EXT-STS:vm_state', exceptions.Unreachable)])
def test_what_nova_does_not_say(missing, error):
    said = server('a')
    del said[missing]
    with pytest.raises(error):
        nova_servers.NovaApi(Endpoint({'server': said})).instance('a')
    with pytest.raises(error):
        list(nova_servers.NovaApi(Endpoint({'servers': [said]}))
             .instances('h1'))


@pytest.mark.parametrize('services, error', [
    ([], False), ([{'host': 'h1', 'status': 'enabled'}], False),
    ([{'host': 'h1', 'status': 'disabled'}], False),
    ([{'host': 'h1', 'status': 'UNKNOWN'}], True)])
def test_an_empty_host(services, error):
    api = nova_servers.NovaApi(Endpoint(page(), services=services))
    if not error:
        assert list(api.instances('h1')) == []
        return
    with pytest.raises(exceptions.Unreachable, match='cell of h1'):
        list(api.instances('h1'))


@pytest.mark.parametrize('said, expected', [
    ({'locked': False, 'locked_reason': None}, nova_servers.Lock(False)),
    ({'locked': True, 'locked_reason': None}, nova_servers.Lock(True)),
    ({'locked': True, 'locked_reason': 'x'}, nova_servers.Lock(True, 'x')),
    ({'locked': True}, None), ({}, None)])
def test_locked(said, expected):
    api = nova_servers.NovaApi(Endpoint({'server': server('a', **said)}))
    if expected is not None:
        assert api.locked('a') == expected
        return
    with pytest.raises(exceptions.ConfigError, match='2.73'):
        api.locked('a')


def test_hosts_are_sorted_and_each_is_there_once():
    services = [{'host': host, 'status': 'enabled'}
                for host in ('b', 'a', 'b')]
    assert nova_servers.NovaApi(Endpoint(services=services)).hosts() == [
        'a', 'b']


def test_some_servers_of_a_host():
    endpoint = Endpoint(page('a', 'b', 'c'))
    found = nova_servers.NovaApi(endpoint).instances('h1', ['c', 'a', 'x'])
    assert [one.uuid for one in found] == ['a', 'c']


def test_a_host_that_differs_in_case():
    """Nova's filter ignores case; these servers belong to another host."""
    other = server('a', **{'OS-EXT-SRV-ATTR:host': 'H1'})
    endpoint = Endpoint({'servers': [other]})
    assert list(nova_servers.NovaApi(endpoint).instances('h1')) == []


class Actions:
    """Records locks and unlocks; knows no servers."""

    def __init__(self):
        self.done = []

    def read(self, path, key, **params):
        raise exceptions.Gone('Nothing.')

    def lock(self, uuid, reason):
        self.done.append((uuid, reason))

    def unlock(self, uuid):
        self.done.append((uuid,))


def test_a_server_that_does_not_exist():
    api = nova_servers.NovaApi(Actions())
    for ask in (api.instance, api.locked):
        with pytest.raises(exceptions.Gone, match='no server x'):
            ask('x')


def test_locking_and_unlocking():
    endpoint = Actions()
    api = nova_servers.NovaApi(endpoint)
    api.lock('x', 'a reason')
    api.unlock('x')
    assert endpoint.done == [('x', 'a reason'), ('x',)]
