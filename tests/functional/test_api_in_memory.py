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
"""The unit tests' in-memory Nova API answers as the real API does."""

from __future__ import annotations

import uuid as uuid_module

from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_api
from rbd_mon_fix.clients import nova_servers
from rbd_mon_fix.conf import nova_api as conf_nova_api
from rbd_mon_fix.model.instance import Instance
from tests.functional import nova_api_server
from tests.unit import worlds

UUIDS = [str(uuid_module.UUID(int=number)) for number in range(1, 6)]
SERVERS = [Instance(UUIDS[0], 'compute2', 'web', 'stopped', None),
           Instance(UUIDS[1], 'compute1', 'db', 'active', 'rebooting'),
           Instance(UUIDS[2], 'compute1', 'mail', 'active', None)]
UNKNOWN = UUIDS[4]


@pytest.fixture
def over_http():
    """Return the real client, and a server with Nova's part of the API."""
    with nova_api_server.NovaApiServer() as running:
        running.cloud.hosts = ['compute2', 'compute1']
        running.cloud.add(*(nova_api_server.Server(
            each.uuid, each.host, each.name, each.vm_state, each.task_state)
            for each in SERVERS))
        conf = cfg.ConfigOpts()
        conf([], project='rbd-mon-fix', default_config_files=[])
        conf_nova_api.register(conf)
        yield nova_api.connect(conf, environ={
            'OS_AUTH_URL': f'{running.url}/identity',
            'OS_USERNAME': 'admin', 'OS_PASSWORD': 'Adm1n-Secret',
            'OS_PROJECT_NAME': 'admin', 'OS_USER_DOMAIN_NAME': 'Default',
            'OS_PROJECT_DOMAIN_NAME': 'Default'})


@pytest.fixture(params=['over HTTP', 'in memory'])
def api(request):
    if request.param == 'in memory':
        return worlds.Api(*SERVERS)
    return request.getfixturevalue('over_http')


def test_hosts(api):
    assert api.hosts() == ['compute1', 'compute2']


@pytest.mark.parametrize('host, uuids, found', [
    ('compute1', None, SERVERS[1:]),
    ('compute1', UUIDS, SERVERS[1:]),
    ('compute1', UUIDS[2:], SERVERS[2:]),
    ('compute1', [UUIDS[0], UNKNOWN], []),
    ('compute1', [], []),
    ('compute2', None, SERVERS[:1]),
    ('compute3', None, []),
])
def test_instances(api, host, uuids, found):
    assert list(api.instances(host, uuids)) == found


@pytest.mark.parametrize('server', SERVERS, ids=lambda each: each.name)
def test_instance(api, server):
    assert api.instance(server.uuid) == server


def test_locks(api):
    assert api.locked(UUIDS[0]) == nova_servers.Lock(False)
    api.lock(UUIDS[0], 'ours')
    assert api.locked(UUIDS[0]) == nova_servers.Lock(True, 'ours')
    assert api.locked(UUIDS[1]) == nova_servers.Lock(False)
    api.lock(UUIDS[0], 'another')
    assert api.locked(UUIDS[0]) == nova_servers.Lock(True, 'another')
    api.unlock(UUIDS[0])
    assert api.locked(UUIDS[0]) == nova_servers.Lock(False)
    api.unlock(UUIDS[0])
    assert api.locked(UUIDS[0]) == nova_servers.Lock(False)


@pytest.mark.parametrize('ask', [
    lambda api: api.instance(UNKNOWN), lambda api: api.locked(UNKNOWN),
    lambda api: api.lock(UNKNOWN, 'ours'), lambda api: api.unlock(UNKNOWN),
], ids=['instance', 'locked', 'lock', 'unlock'])
def test_a_server_that_nova_does_not_know(api, ask):
    with pytest.raises(exceptions.Gone):
        ask(api)
