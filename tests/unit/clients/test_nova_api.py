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

from keystoneauth1 import exceptions as ksa_exceptions
from novaclient import api_versions
from novaclient import exceptions as nova_exceptions
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_api


class Client:
    """The part of novaclient's client that is used, failing at all of it."""

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
    (nova_exceptions.NotFound(404), exceptions.Gone, 'nothing'),
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
    api_versions.check_version(nova_api.OLDEST)
    api_versions.check_version(nova_api.NEWEST)


@pytest.mark.parametrize('environ, expected', [
    ({'OS_USERNAME': 'u', 'OS_PASSWORD': 'p', 'OS_PROJECT_NAME': 'n'},
     {'_username': 'u', '_password': 'p', '_project_name': 'n'}),
    ({'OS_USERNAME': 'u', 'OS_PASSWORD': 'p', 'OS_TENANT_NAME': 'n',
      'OS_USER_DOMAIN_ID': 'default'},
     {'_project_name': 'n', '_user_domain_id': 'default'}),
    ({'OS_TOKEN': 't', 'OS_PROJECT_ID': 'i'},
     {'_token': 't', '_project_id': 'i'}),
    ({'OS_AUTH_TYPE': 'password', 'OS_TOKEN': 't', 'OS_USER_ID': 'i'},
     {'_user_id': 'i'}),
])
def test_credentials_of_the_environment(environ, expected):
    auth = nova_api._environ_auth({'OS_AUTH_URL': 'http://k/v3', **environ})
    assert auth.auth_url == 'http://k/v3'
    assert {name: getattr(auth, name) for name in expected} == expected
