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

"""Credentials for Nova's API, from each place that may have them."""

from __future__ import annotations

import json
import logging
import sys

from keystoneauth1 import exceptions as ksa_exceptions
from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_login
from rbd_mon_fix.conf import nova_api as conf_nova_api
from rbd_mon_fix.conf import options

AUTH = {'auth_url': 'http://k/v3', 'username': 'u', 'password': 'TOPSECRET',
        'project_name': 'p', 'user_domain_name': 'd',
        'project_domain_name': 'd'}


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
    auth = nova_login._environ_auth({'OS_AUTH_URL': 'http://k/v3', **environ})
    assert auth.auth_url == 'http://k/v3'
    assert {name: getattr(auth, name) for name in expected} == expected


@pytest.fixture
def conf(tmp_path):
    def conf(text=''):
        path = tmp_path / 'rbd-mon-fix.conf'
        path.write_text(text)
        found = cfg.ConfigOpts()
        options.register(found)
        found([], default_config_files=[str(path)], default_config_dirs=[])
        conf_nova_api.register(found)
        return found
    return conf


def test_without_openstacksdk(conf, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openstack', None)
    with pytest.raises(exceptions.ConfigError) as caught:
        nova_login.of(conf(), 'nova', 'mine', {})
    assert 'cloud mine' in caught.value.message
    assert 'Install the Python package openstacksdk' in caught.value.hint


def test_nothing_else_needs_openstacksdk(conf, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openstack', None)
    found = nova_login.of(conf('''
[nova]
auth_type = password
auth_url = http://k/v3
username = u
'''), 'nova', None, {'OS_CLOUD': 'mine'})
    assert found.auth.auth_url == 'http://k/v3'


@pytest.fixture
def clouds(tmp_path, monkeypatch):
    """Return a function that writes clouds.yaml, for the real library."""
    loader = pytest.importorskip('openstack.config.loader')
    # Older releases add the files in the environment to these lists.
    for name in ('CONFIG_FILES', 'SECURE_FILES', 'VENDOR_FILES'):
        monkeypatch.setattr(loader, name, [*getattr(loader, name)])
    for name in ('OS_CLOUD', 'OS_REGION_NAME', 'OS_AUTH_URL'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv('OS_CLIENT_CONFIG_FILE', str(tmp_path / 'own.yaml'))

    def write(content):
        (tmp_path / 'own.yaml').write_text(
            content if isinstance(content, str) else json.dumps(content))
    return write


def test_a_cloud(conf, clouds):
    clouds({'clouds': {'mine': {
        'auth': AUTH, 'region_name': 'here', 'interface': 'internal',
        'cacert': '/none/ca.pem'}, 'other': {}}})
    found = nova_login.of(conf(), 'nova', 'mine', {})
    assert found.auth.auth_url == 'http://k/v3'
    assert found.auth._password == 'TOPSECRET'
    assert found.session == {'insecure': False, 'cacert': '/none/ca.pem',
                             'cert': None, 'key': None}
    assert found.adapter == {'region_name': 'here', 'interface': 'internal'}


def test_other_settings_of_a_cloud(conf, clouds):
    clouds({'clouds': {'mine': {
        'auth': AUTH, 'verify': False, 'cert': '/none/c', 'key': '/none/k',
        'compute_endpoint_override': 'http://n/v2.1',
        'regions': ['one', 'two']}}})
    found = nova_login.of(conf(), 'nova', 'mine',
                          {'OS_REGION_NAME': 'two', 'OS_INTERFACE': 'admin'})
    assert found.session == {'insecure': True, 'cacert': None,
                             'cert': '/none/c', 'key': '/none/k'}
    assert found.adapter == {
        'region_name': 'two', 'interface': 'admin',
        'endpoint_override': 'http://n/v2.1'}


def test_passwords_may_be_in_secure_yaml(conf, clouds, tmp_path,
                                          monkeypatch):
    monkeypatch.setenv('OS_CLIENT_SECURE_FILE', str(tmp_path / 'secure.yaml'))
    clouds({'clouds': {'mine': {'auth': {**AUTH, 'password': ''}}}})
    (tmp_path / 'secure.yaml').write_text(json.dumps(
        {'clouds': {'mine': {'auth': {'password': 'TOPSECRET'}}}}))
    found = nova_login.of(conf(), 'nova', 'mine', {})
    assert found.auth._password == 'TOPSECRET'


@pytest.mark.parametrize('content, words', [
    ({'clouds': {'b': {}, 'a': {}}}, 'Give one of a, b.'),
    ({'clouds': {}}, 'OS_CLIENT_CONFIG_FILE'),
    # Newer releases of openstacksdk skip this file, older ones raise.
    ('clouds:\n  mine:\n    auth: {password: *TOPSECRET}\n', 'cannot be '),
    ('clouds: [TOPSECRET]', 'cannot be used'),
    ('TOPSECRET', 'cannot be used'),
    ({'clouds': {'mine': 'TOPSECRET'}}, 'cannot be used'),
    ({'clouds': {'mine': {'auth': 'TOPSECRET'}}}, 'cannot be used'),
    ({'clouds': {'mine': {'auth': AUTH, 'regions': [{'TOPSECRET': 1}]}}},
     'cannot be used'),
    ({'clouds': {'mine': {'auth': AUTH, 'auth_type': 'odd'}}}, 'odd')])
def test_an_entry_that_cannot_be_used(conf, clouds, caplog, content, words):
    clouds(content)
    with caplog.at_level(logging.DEBUG):
        with pytest.raises((exceptions.ConfigError,
                            ksa_exceptions.NoMatchingPlugin)) as caught:
            nova_login.of(conf(), 'nova', 'mine', {})
    assert words in str(caught.value)
    assert 'SECRET' not in str(caught.value)
    assert 'SECRET' not in caplog.text


class Session:
    """A session as keystoneauth uses it to log in."""

    auth = 'the credentials'

    def get(self):
        return self.auth.get_token(self)


def test_a_login_sends_no_token():
    """Keystoneauth would wait for ever for the login that it is part of."""
    class Plugin:
        def get_auth_ref(self, session):
            return session.get()

    auth, session = Plugin(), Session()
    nova_login._without_token(auth)
    with pytest.raises(ksa_exceptions.Unauthorized):
        auth.get_auth_ref(session)
    assert session.auth == 'the credentials'
    nova_login._without_token(object())
