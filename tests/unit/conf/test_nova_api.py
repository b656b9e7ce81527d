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

import subprocess
import sys

from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import nova_api
from rbd_mon_fix.conf import options


@pytest.fixture
def parse(tmp_path):
    def parse(text):
        path = tmp_path / 'rbd-mon-fix.conf'
        path.write_text(text)
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf(['--config-file', str(path)], project='rbd-mon-fix')
        return conf

    return parse


@pytest.mark.parametrize('text, environ, expected', [
    ('', {}, False),
    ('', {'OS_USERNAME': 'admin'}, False),
    ('', {'OS_AUTH_URL': ''}, False),
    ('[nova]\nauth_url = http://keystone:5000', {}, False),
    ('[nova]\nauth_type =', {}, False),
    ('[DEFAULT]\nauth_type = password', {}, False),
    ('[nova]\nauth_type = password', {}, True),
    ('[nova]\nauth_section = keystone', {}, True),
    ('', {'OS_AUTH_URL': 'http://keystone:5000'}, True),
    ('', {'OS_AUTH_TYPE': 'none'}, True),
    ('', {'OS_CLOUD': 'mine'}, True),
    ('[DEFAULT]\nos_cloud = mine', {}, True),
    ('', {'OS_CLOUD': ''}, False),
])
def test_configured(parse, text, environ, expected):
    assert nova_api.configured(parse(text), environ) is expected


AUTH = '[nova]\nauth_type = password\n'
CLOUD = '[DEFAULT]\nos_cloud = file\n'


@pytest.mark.parametrize('text, environ, expected', [
    ('', {}, None), (AUTH, {}, None), (CLOUD, {}, 'file'),
    ('', {'OS_CLOUD': 'env'}, 'env'), (CLOUD, {'OS_CLOUD': 'env'}, 'file'),
    (AUTH, {'OS_CLOUD': 'env'}, None), (CLOUD + AUTH, {}, 'file'),
    ('', {'OS_CLOUD': 'env', 'OS_AUTH_URL': 'http://k'}, 'env'),
    ('', {'OS_AUTH_URL': 'http://k'}, None)])
def test_which_cloud(parse, text, environ, expected):
    assert nova_api.cloud(parse(text), environ) == expected


def test_configured_reads_config_dirs(tmp_path):
    (tmp_path / 'nova.conf').write_text('[nova]\nauth_type = password')
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf(['--config-dir', str(tmp_path)], project='rbd-mon-fix',
         default_config_files=[])
    assert nova_api.configured(conf, {})


def test_a_config_that_is_gone_meanwhile(tmp_path):
    path = tmp_path / 'rbd-mon-fix.conf'
    path.write_text('')
    conf = options.load([str(path)], {})
    path.unlink()
    with pytest.raises(exceptions.ConfigError, match='no longer be read'):
        nova_api.configured(conf, {})


def test_configured_goes_with_register(parse):
    conf = parse('[nova]\nauth_type = password')
    assert nova_api.configured(conf, {})
    nova_api.register(conf)
    assert nova_api.configured(conf, {})
    assert conf.nova.auth_type == 'password'


def test_configured_without_keystoneauth():
    subprocess.run([sys.executable, '-c', '''
import sys
from oslo_config import cfg
from rbd_mon_fix.conf import nova_api
from rbd_mon_fix.conf import options
conf = cfg.ConfigOpts()
options.register(conf)
conf([], project='rbd-mon-fix', default_config_files=[])
nova_api.configured(conf, {})
assert 'keystoneauth1' not in sys.modules
'''], check=True)


def test_no_request_waits_for_ever(parse):
    conf = parse('')
    nova_api.register(conf)
    assert conf.nova.timeout == 60
    assert conf.nova.connect_retries == 2
    assert conf.nova.status_code_retries == 2


def test_options_of_the_sample():
    (group, opts), = nova_api.list_opts()
    names = [opt.dest for opt in opts]
    assert group == 'nova'
    assert len(names) == len(set(names))
    assert {'auth_type', 'auth_url', 'username', 'password', 'project_name',
            'user_domain_name', 'project_domain_name', 'region_name',
            'endpoint_override', 'valid_interfaces', 'cafile', 'insecure',
            'timeout'} <= set(names)
    assert all(opt.secret for opt in opts if opt.dest == 'password')
