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

"""Login to Nova's API, and its errors, without a Nova."""

from __future__ import annotations

import logging
import types

from keystoneauth1 import exceptions as ksa_exceptions
import novaclient
from novaclient import api_versions
from novaclient import client as nova_client
from novaclient import exceptions as nova_exceptions
from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_api
from rbd_mon_fix.conf import nova_api as conf_nova_api


class Client:
    """The part of novaclient's client that we use; all calls fail."""

    def __init__(self, error):
        self.error = error
        self.client = self.servers = self

    def get(self, path, params, log):
        raise self.error

    def lock(self, uuid, reason):
        raise self.error

    def unlock(self, uuid):
        raise self.error


@pytest.mark.parametrize('error, expected, words', [
    (nova_exceptions.Unauthorized(401), exceptions.ConfigError, 'password'),
    (nova_exceptions.Forbidden(403), exceptions.ConfigError, '"admin"'),
    (nova_exceptions.NotFound(404), exceptions.Gone, 'no such'),
    (nova_exceptions.BadRequest(400, 'odd'), exceptions.ConfigError, 'odd'),
    (nova_exceptions.RateLimit(429), exceptions.Unreachable, '429'),
    (nova_exceptions.ClientException(500, 'oops'), exceptions.Unreachable,
     'oops'),
    (nova_exceptions.ClientException(503), exceptions.Unreachable, '503'),
    (ksa_exceptions.Unauthorized(), exceptions.ConfigError, 'password'),
    (ksa_exceptions.Forbidden(), exceptions.ConfigError, '"admin"'),
    (ksa_exceptions.NotFound(), exceptions.ConfigError, '404'),
    (ksa_exceptions.BadGateway(), exceptions.Unreachable, '502'),
    (ksa_exceptions.ConnectFailure('refused'), exceptions.Unreachable,
     'refused'),
    (ksa_exceptions.ConnectTimeout('late'), exceptions.Unreachable, 'late'),
    (ksa_exceptions.UnknownConnectionError('odd', None),
     exceptions.Unreachable, 'odd'),
    (ksa_exceptions.DiscoveryFailure('none'), exceptions.Unreachable, 'none'),
    (ksa_exceptions.SSLError('self-signed'), exceptions.Unreachable,
     'cafile'),
    (ksa_exceptions.EndpointNotFound(), exceptions.ConfigError,
     'region_name'),
    (ksa_exceptions.EmptyCatalog(), exceptions.ConfigError, 'region_name'),
    (ksa_exceptions.NoMatchingPlugin('odd'), exceptions.ConfigError, 'odd'),
    (ksa_exceptions.AuthorizationFailure('odd'), exceptions.ConfigError,
     'odd'),
])
@pytest.mark.parametrize('act', [
    lambda endpoint: endpoint.read('/servers/x', 'server'),
    lambda endpoint: endpoint.lock('x', 'a reason'),
    lambda endpoint: endpoint.unlock('x')], ids=['read', 'lock', 'unlock'])
def test_errors(act, error, expected, words):
    with pytest.raises(exceptions.RbdMonFixError) as caught:
        act(nova_api.NovaClient(Client(error)))
    assert type(caught.value) is expected
    assert words in str(caught.value)
    assert caught.value.__cause__ is error


def test_the_client_knows_the_versions_that_are_asked_for():
    assert novaclient.API_MIN_VERSION <= nova_api.OLDEST
    assert nova_api.NEWEST <= novaclient.API_MAX_VERSION


class Nova:
    """novaclient's client for an API with a range of microversions."""

    def __init__(self, current, answer=None):
        self.versions = types.SimpleNamespace(get_current=lambda: current)
        self.client = self
        self.answer = answer
        self.api_version = None
        self.asked = []

    def get(self, path, params, log):
        self.asked.append((path, params, log))
        return None, self.answer


def versions(oldest, newest):
    return types.SimpleNamespace(min_version=oldest, version=newest)


@pytest.fixture
def configure(tmp_path):
    def parse(text):
        path = tmp_path / 'rbd-mon-fix.conf'
        path.write_text(text)
        conf = cfg.ConfigOpts()
        conf([], default_config_files=[str(path)])
        conf_nova_api.register(conf)
        return conf
    return parse


@pytest.fixture
def nova(monkeypatch):
    """Make novaclient find an API, and return the options passed to it."""
    given = {}

    def found(current, answer=None):
        client = Nova(current, answer)

        def make(version, session, **options):
            given.update(options, session=session)
            return client

        monkeypatch.setattr(nova_client, 'Client', make)
        return client, given
    return found


NO_AUTH = '[nova]\nauth_type = none\n'


@pytest.mark.parametrize('oldest, newest, chosen', [
    ('2.1', '2.104', '2.73'), ('2.1', '2.73', '2.73'),
    ('2.73', '2.104', '2.73'), ('2.1', '2.60', '2.60'),
    ('2.1', '2.3', '2.3')])
def test_the_microversion_that_is_chosen(configure, nova, oldest, newest,
                                         chosen):
    client, _ = nova(versions(oldest, newest), {'services': []})
    assert nova_api.connect(configure(NO_AUTH), environ={}).hosts() == []
    assert client.api_version == api_versions.APIVersion(chosen)


@pytest.mark.parametrize('oldest, newest', [
    ('2.1', '2.2'), ('2.74', '2.104')])
def test_an_api_that_is_too_old_or_too_new(configure, nova, oldest, newest):
    nova(versions(oldest, newest))
    with pytest.raises(exceptions.ConfigError) as caught:
        nova_api.connect(configure(NO_AUTH), environ={})
    assert f'{oldest} to {newest}' in caught.value.message
    assert '2.3 to 2.73' in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize('current, words', [
    (None, 'not accepted'), (versions('', ''), "like Nova's API"),
    (types.SimpleNamespace(), "like Nova's API")])
def test_an_endpoint_that_is_not_nova(configure, nova, current, words):
    nova(current)
    with pytest.raises(exceptions.ConfigError, match=words):
        nova_api.connect(configure(NO_AUTH), environ={})


@pytest.mark.parametrize('answer', [None, [], 'text', {'other': 1}])
def test_an_answer_that_is_not_novas(configure, nova, answer):
    nova(versions('2.1', '2.73'), answer)
    with pytest.raises(exceptions.ConfigError, match="like Nova's API"):
        nova_api.connect(configure(NO_AUTH), environ={}).hosts()


def test_answers_are_not_logged(configure, nova, caplog):
    client, _ = nova(versions('2.1', '2.73'),
                     {'services': [{'host': 'TOPSECRET',
                                'status': 'enabled'}]})
    with caplog.at_level(logging.DEBUG):
        assert nova_api.connect(configure(NO_AUTH), environ={}).hosts() == [
            'TOPSECRET']
    (path, params, log), = client.asked
    assert (path, log) == ('/os-services', False)
    assert path in caplog.text
    assert 'SECRET' not in caplog.text


ENVIRON = {'OS_AUTH_URL': 'http://k/v3', 'OS_TOKEN': 't',
           'OS_REGION_NAME': 'here', 'OS_INTERFACE': 'internal',
           'OS_CACERT': '/none/ca.pem'}


def test_the_environment_stands_in_for_the_config(configure, nova):
    _, given = nova(versions('2.1', '2.73'))
    nova_api.connect(configure(''), environ=ENVIRON)
    assert given['region_name'] == 'here'
    assert given['endpoint_type'] == 'internal'
    assert given['session'].verify == '/none/ca.pem'
    assert given['session'].auth.auth_url == 'http://k/v3'


def test_the_config_goes_before_the_environment(configure, nova):
    _, given = nova(versions('2.1', '2.73'))
    nova_api.connect(configure(f'{NO_AUTH}region_name = there\n'),
                     environ=ENVIRON)
    assert given['region_name'] == 'there'
    assert given['session'].verify is True
    assert not hasattr(given['session'].auth, 'auth_url')
    assert given['service_type'] == 'compute'


def test_no_credentials(configure):
    with pytest.raises(exceptions.ConfigError, match='no credentials') as e:
        nova_api.connect(configure(''),
                         environ={'OS_USERNAME': 'admin'})
    assert '[nova]' in e.value.hint


def test_options_that_contradict_each_other(configure, nova):
    nova(versions('2.1', '2.73'))
    conf = configure(f'{NO_AUTH}version = 2\nmin_version = 2\n')
    with pytest.raises(exceptions.ConfigError, match=r'\[nova\]') as caught:
        nova_api.connect(conf, environ={})
    assert 'version' in caught.value.message
