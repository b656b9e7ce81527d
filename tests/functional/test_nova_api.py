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

"""Nova's API through keystoneauth and novaclient, over real HTTP."""

from __future__ import annotations

import json
import logging
import socket
import subprocess
import uuid as uuid_module

from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_api
from rbd_mon_fix.clients import nova_servers
from rbd_mon_fix.clients import server_locks
from rbd_mon_fix.clients import waiting
from rbd_mon_fix.conf import nova_api as conf_nova_api
from rbd_mon_fix.model.instance import Instance
from tests.functional import nova_api_server
from tests.functional import releases
from tests.functional.nova_api_server import Server

SECRET = 'Adm1n-Secret'
UUIDS = [str(uuid_module.UUID(int=number)) for number in range(1, 12)]


@pytest.fixture
def server():
    with nova_api_server.NovaApiServer() as running:
        running.cloud.hosts = ['compute2', 'compute1']
        yield running


@pytest.fixture
def configure(tmp_path, server):
    """Write and read a config file, with other values if given."""

    def configure(**changed: object) -> cfg.ConfigOpts:
        options = {
            'auth_type': 'password', 'auth_url': f'{server.url}/identity',
            'username': 'admin', 'password': SECRET, 'project_name': 'admin',
            'user_domain_name': 'Default', 'project_domain_name': 'Default',
            'timeout': 5, 'connect_retry_delay': 0.01,
            'status_code_retry_delay': 0.01, **changed}
        path = tmp_path / 'rbd-mon-fix.conf'
        path.write_text('[nova]\n' + ''.join(
            f'{name} = {value}\n' for name, value in options.items()
            if value is not None))
        conf = cfg.ConfigOpts()
        conf(['--config-file', str(path)], project='rbd-mon-fix')
        conf_nova_api.register(conf)
        return conf

    return configure


@pytest.fixture
def connect(configure):
    return lambda **changed: nova_api.connect(
        configure(**changed), environ={})


@pytest.fixture
def environ(server):
    return {'OS_AUTH_URL': f'{server.url}/identity/v3',
            'OS_USERNAME': 'admin', 'OS_PASSWORD': SECRET,
            'OS_PROJECT_NAME': 'admin', 'OS_USER_DOMAIN_NAME': 'Default',
            'OS_PROJECT_DOMAIN_NAME': 'Default'}


def nova_requests(server, path=None):
    return [exchange for exchange in server.cloud.exchanges
            if path is None or exchange.path.endswith(path)]


def test_hosts(server, connect):
    assert connect().hosts() == ['compute1', 'compute2']


def test_instances_of_a_host_and_no_other(server, connect):
    server.cloud.add(
        Server(UUIDS[0], 'compute1', 'web', 'stopped'),
        Server(UUIDS[1], 'compute2'),
        Server(UUIDS[2], 'COMPUTE1'),
        Server(UUIDS[3], 'compute1', 'db', 'active', 'rebooting'),
        Server(UUIDS[4], None, 'new', 'building'))
    assert list(connect().instances('compute1')) == [
        Instance(UUIDS[0], 'compute1', 'web', 'stopped', None),
        Instance(UUIDS[3], 'compute1', 'db', 'active', 'rebooting')]


def test_instances_asked_for(server, connect):
    server.cloud.add(*(Server(uuid, 'compute1') for uuid in UUIDS))
    found = connect().instances('compute1', {UUIDS[3], UUIDS[7], 'other'})
    assert [one.uuid for one in found] == [UUIDS[3], UUIDS[7]]


@pytest.mark.parametrize('limit, pages', [(1, 12), (4, 3), (11, 2), (12, 1)])
def test_pages(server, connect, limit, pages):
    server.cloud.max_limit = limit
    server.cloud.add(*(Server(uuid, 'compute1') for uuid in UUIDS))
    found = [one.uuid for one in connect().instances('compute1')]
    assert found == UUIDS
    assert len(nova_requests(server, '/servers/detail')) == pages


def test_a_server_that_repeats_its_pages(server, connect):
    server.cloud.max_limit = 2
    server.cloud.repeats = True
    server.cloud.add(*(Server(uuid, 'compute1') for uuid in UUIDS))
    with pytest.raises(exceptions.Unreachable, match='repeats a page'):
        list(connect().instances('compute1'))
    assert len(nova_requests(server, '/servers/detail')) == 2


def test_instance(server, connect):
    server.cloud.add(Server(UUIDS[0], None, 'new', 'building', 'spawning'))
    assert connect().instance(UUIDS[0]) == Instance(
        UUIDS[0], '', 'new', 'building', 'spawning')
    with pytest.raises(exceptions.Gone, match=UUIDS[1]):
        connect().instance(UUIDS[1])


def test_a_cell_that_is_down_is_not_an_empty_host(server, connect):
    server.cloud.add(Server(UUIDS[0], 'compute1'))
    server.cloud.down = {'compute1'}
    api = connect()
    with pytest.raises(exceptions.Unreachable, match='cell of compute1'):
        list(api.instances('compute1'))
    with pytest.raises(exceptions.Unreachable, match='cell of server'):
        api.instance(UUIDS[0])
    with pytest.raises(exceptions.Unreachable, match='cell of server'):
        api.locked(UUIDS[0])
    assert list(api.instances('compute2')) == []


@pytest.mark.parametrize('oldest, newest, spoken', [
    ((2, 1), (2, 104), (2, 73)),
    ((2, 1), (2, 73), (2, 73)),
    ((2, 73), (2, 104), (2, 73)),
    ((2, 1), (2, 60), (2, 60)),
    ((2, 1), (2, 3), (2, 3)),
    ((2, 1), (2, 2), None),
    ((2, 74), (2, 104), None),
])
def test_microversion(server, connect, oldest, newest, spoken):
    server.cloud.add(Server(UUIDS[0], 'compute1'))
    server.cloud.oldest, server.cloud.newest = oldest, newest
    if spoken is None:
        with pytest.raises(exceptions.ConfigError, match='microversions 2.'):
            connect()
        return
    assert connect().instance(UUIDS[0]).host == 'compute1'
    assert nova_requests(server)[-1].microversion == spoken


def test_credentials_of_the_environment(server, configure, environ):
    nothing = {name: None for name in (
        'auth_type', 'auth_url', 'username', 'password', 'project_name')}
    conf = configure(**nothing)
    assert nova_api.connect(conf, environ=environ).hosts()
    del environ['OS_USERNAME'], environ['OS_PASSWORD']
    environ['OS_TOKEN'] = next(iter(server.cloud.tokens))
    assert nova_api.connect(conf, environ=environ).hosts()
    with pytest.raises(exceptions.ConfigError, match='no credentials'):
        nova_api.connect(conf, environ={'OS_USERNAME': 'admin'})
    with pytest.raises(exceptions.ConfigError, match='No endpoint'):
        nova_api.connect(conf, environ={
            **environ, 'OS_REGION_NAME': 'elsewhere'})
    with pytest.raises(exceptions.ConfigError, match='No endpoint'):
        nova_api.connect(
            conf, environ={**environ, 'OS_INTERFACE': 'admin'})


def test_the_config_goes_before_the_environment(configure, environ):
    environ['OS_PASSWORD'] = 'wrong'
    assert nova_api.connect(configure(), environ=environ).hosts()


def test_a_cloud_of_clouds_yaml(configure, environ, tmp_path, monkeypatch):
    """It goes before [nova], whose password is wrong here."""
    pytest.importorskip('openstack')
    auth = {name.lower()[3:]: value for name, value in environ.items()}
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(tmp_path / 'clouds.yaml'))
    (tmp_path / 'clouds.yaml').write_text(json.dumps({'clouds': {
        'mine': {'auth': auth},
        'elsewhere': {'auth': auth, 'region_name': 'elsewhere'},
        'wrong': {'auth': {**auth, 'password': 'Wr0ng-Secret'}}}}))
    conf = configure(password='Wr0ng-Secret')
    assert nova_api.connect(conf, 'mine', {}).hosts()
    for cloud, message in (('elsewhere', 'No endpoint'),
                           ('wrong', 'not accepted'),
                           ('none', 'There is no cloud none')):
        with pytest.raises(exceptions.ConfigError, match=message) as caught:
            nova_api.connect(conf, cloud, {})
        assert 'Secret' not in str(caught.value)


@pytest.mark.parametrize('changed, message', [
    ({'password': 'Wr0ng-Secret'}, 'not accepted'),
    ({'username': 'nobody'}, 'not accepted'),
    ({'auth_type': 'no-such-plugin'}, 'no-such-plugin'),
    ({'auth_url': None}, 'auth_url'),
    ({'auth_url': 'controller:5000'}, 'No endpoint'),
    ({'region_name': 'elsewhere'}, 'No endpoint'),
    ({'valid_interfaces': 'internal'}, 'No endpoint'),
    ({'valid_interfaces': 'outer'}, "'outer'"),
])
def test_config_that_does_not_do(connect, changed, message):
    with pytest.raises(exceptions.ConfigError) as caught:
        connect(**changed)
    assert message in caught.value.message
    assert 'Secret' not in str(caught.value)


def test_no_nova_in_the_catalog(server, connect):
    server.cloud.service_type = 'network'
    with pytest.raises(exceptions.ConfigError, match='No endpoint'):
        connect()


@pytest.mark.parametrize('answer', [
    'no JSON', {'something': 'else'}, ['list'], {'version': None},
    {'version': {'id': 'v2.0', 'links': [], 'version': '',
                 'min_version': ''}}])
def test_an_endpoint_that_is_not_nova(server, connect, answer):
    server.cloud.faults.append(nova_api_server.Fault('/compute.*', answer))
    with pytest.raises(exceptions.ConfigError, match="like Nova's"):
        connect()


def test_an_answer_that_is_not_novas(server, connect):
    api = connect()
    server.cloud.faults.append(
        nova_api_server.Fault('/compute.*', '<html>Login</html>'))
    with pytest.raises(exceptions.ConfigError, match="like Nova's"):
        list(api.instances('compute1'))


def test_no_administrator(server, connect):
    server.cloud.add(Server(UUIDS[0], 'compute1'))
    api = connect(username='demo', password='demo')
    for ask in (api.hosts, lambda: list(api.instances('compute1')),
                lambda: api.instance(UUIDS[0])):
        with pytest.raises(exceptions.ConfigError) as caught:
            ask()
        assert 'role "admin"' in caught.value.hint


@pytest.mark.parametrize('status, error', [
    (401, exceptions.ConfigError), (403, exceptions.ConfigError),
    (400, exceptions.ConfigError), (404, exceptions.ConfigError),
    (429, exceptions.Unreachable), (500, exceptions.Unreachable),
    (503, exceptions.Unreachable)])
@pytest.mark.parametrize('path', ['/compute/v2.1', '/identity/v3/auth/tokens'])
def test_errors_at_the_login(server, connect, path, status, error):
    server.cloud.fail(path, status)
    with pytest.raises(error):
        connect()


def test_a_keystone_that_shows_nobody_its_versions(server, connect):
    """Keystoneauth would wait for its own lock, for ever."""
    server.cloud.fail('/identity/?', 401)
    with pytest.raises(exceptions.Unreachable, match='401'):
        waiting.answer(connect, 30)


@pytest.mark.parametrize('status', [500, 502, 503, 504])
def test_what_passes_is_tried_again(server, connect, status):
    server.cloud.fail('.*/os-services', status, times=1)
    assert connect().hosts() == ['compute1', 'compute2']


def test_what_does_not_pass(server, connect):
    api = connect()
    server.cloud.fail('.*/os-services', 500)
    with pytest.raises(exceptions.Unreachable, match='out of order'):
        api.hosts()


def test_too_slow(server, connect):
    api = connect(timeout=1, connect_retries=0)
    server.cloud.faults.append(
        nova_api_server.Fault('.*/os-services', Ellipsis))
    with pytest.raises(exceptions.Unreachable, match='timed out'):
        api.hosts()


@pytest.mark.parametrize('path', ['/identity', '/identity/v3'])
def test_down(connect, path):
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        port = unused.getsockname()[1]
        with pytest.raises(exceptions.Unreachable) as caught:
            connect(auth_url=f'http://127.0.0.1:{port}{path}')
    assert str(port) in caught.value.message


@pytest.mark.parametrize('times, error', [
    (1, None), (2, None), (3, exceptions.Unreachable)])
def test_lost_connections(server, connect, times, error):
    api = connect()
    server.cloud.faults.append(nova_api_server.Fault(
        '.*/os-services', ConnectionResetError, times=times))
    if error is None:
        assert api.hosts() == ['compute1', 'compute2']
        return
    with pytest.raises(error, match='cannot be reached'):
        api.hosts()


def test_locks(server, connect):
    theirs = Server(UUIDS[1], 'compute1', locked=True, locked_reason='mine!')
    server.cloud.add(Server(UUIDS[0], 'compute1'), theirs)
    locks = server_locks.Locks(connect())
    assert locks.acquire(UUIDS[:3], 'run1') == {UUIDS[0]}
    assert server.cloud.servers[UUIDS[0]].locked_reason == 'rbd-mon-fix run1'
    locks.release(UUIDS[:3], 'run1')
    assert server.cloud.servers == {
        UUIDS[0]: Server(UUIDS[0], 'compute1'),
        UUIDS[1]: Server(UUIDS[1], 'compute1', locked=True,
                         locked_reason='mine!')}


def test_no_locks_without_reasons(server, connect):
    server.cloud.newest = (2, 72)
    server.cloud.add(Server(UUIDS[0], 'compute1'))
    with pytest.raises(exceptions.ConfigError, match='2.73'):
        server_locks.Locks(connect()).acquire(UUIDS[:1], 'run1')
    assert not server.cloud.servers[UUIDS[0]].locked


def test_a_lock_says_whose_it_is(server, connect):
    server.cloud.add(Server(UUIDS[0], 'compute1', locked=True))
    api = connect()
    assert api.locked(UUIDS[0]) == nova_servers.Lock(True, None)
    api.unlock(UUIDS[0])
    assert api.locked(UUIDS[0]) == nova_servers.Lock(False, None)


def test_nothing_secret_is_logged(server, connect, caplog):
    server.cloud.add(Server(UUIDS[0], 'compute1'))
    with caplog.at_level(logging.DEBUG):
        api = connect()
        api.hosts()
        list(api.instances('compute1'))
        server_locks.Locks(api).acquire(UUIDS[:1], 'run1')
        server.cloud.fail('.*/os-services', 500)
        with pytest.raises(exceptions.Unreachable):
            api.hosts()
    assert '/os-services' in caplog.text and 'keystoneauth' in caplog.text
    assert SECRET not in caplog.text
    assert nova_api_server.USER_DATA not in caplog.text
    assert server.cloud.tokens
    for token in server.cloud.tokens:
        assert token not in caplog.text


def test_no_files_are_left_at_home(server, connect, tmp_path, monkeypatch):
    home = tmp_path / 'home'
    home.mkdir()
    monkeypatch.setenv('HOME', str(home))
    server.cloud.add(Server(UUIDS[0], 'compute1'))
    api = connect()
    api.hosts()
    list(api.instances('compute1'))
    server_locks.Locks(api).acquire(UUIDS[:1], 'run1')
    assert list(home.iterdir()) == []


# Check the answers of the server above against Nova's schemas.

CHECK = '''
import json, sys
from nova.api.openstack.compute.schemas import lock_server, servers, services
from nova.api.validation import validators
if not hasattr(servers, 'detail_response_v273'):
    sys.exit(77)
from nova.api.openstack.compute.schemas import versions
count = 0
for line in sys.stdin:
    module, name, document = json.loads(line)
    schema = getattr({'lock_server': lock_server, 'servers': servers,
                      'services': services, 'versions': versions}[module],
                     name)
    validators._SchemaValidator(schema).validate(document)
    count += 1
print(count)
'''

# The schema of an answer of the older and of the newer kind, by the end of
# the path.
SCHEMAS = {
    'detail': ('servers', 'detail_response_v23', 'detail_response_v273'),
    'os-services': ('services', 'index_response', 'index_response_v269'),
    'v2.1': ('versions', 'show_response', 'show_response'),
    'action': ('lock_server', 'lock_response', 'lock_response'),
}
SHOW = ('servers', 'show_response_v23', 'show_response_v273')


def documents(exchanges):
    for exchange in exchanges:
        newer = exchange.microversion >= (2, 73)
        module, *names = SCHEMAS.get(exchange.path.rsplit('/', 1)[1], SHOW)
        yield module, names[newer], exchange.answer
        if exchange.body is not None:
            action = next(iter(exchange.body))
            name = 'lock_v273' if action == 'lock' else 'unlock'
            yield module, name, exchange.body


def test_the_server_speaks_as_nova_does(server, connect):
    python = releases.nova_python('nova-latest')
    server.cloud.max_limit = 2
    server.cloud.hosts = ['compute1', 'compute2', 'compute3']
    server.cloud.add(*(Server(uuid, 'compute1') for uuid in UUIDS[:3]),
                     Server(UUIDS[4], 'compute2'))
    server.cloud.down = {'compute2'}
    for newest in ((2, 3), (2, 73)):
        server.cloud.newest = newest
        api = connect()
        api.hosts()
        list(api.instances('compute1'))
        api.instance(UUIDS[0])
    locks = server_locks.Locks(api)
    locks.release(locks.acquire(UUIDS[:2], 'run1'), 'run1')
    with pytest.raises(exceptions.Unreachable):
        api.instance(UUIDS[4])
    lines = [json.dumps(one) for one in documents(server.cloud.exchanges)]
    checked = subprocess.run(
        [python, '-c', CHECK], input='\n'.join(lines), text=True,
        capture_output=True, timeout=120, check=False)
    if checked.returncode == 77:
        pytest.skip('this Nova has no schemas of its answers yet')
    assert checked.returncode == 0, checked.stderr[-2000:]
    assert int(checked.stdout) == len(lines) > 15
