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

"""What the config names, opened when it is needed."""

from oslo_config import cfg
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.conf import options
from rbd_mon_fix.engine import context as contexts


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Return what opens a site with a config file of that content."""
    for name in ('OS_AUTH_URL', 'OS_AUTH_TYPE'):
        monkeypatch.delenv(name, raising=False)
    for name in ('NOVA_CONF', 'CINDER_CONF'):
        monkeypatch.setattr(options, name, str(tmp_path / 'none.conf'))

    def opened(text='', *argv):
        path = tmp_path / 'own.conf'
        path.write_text(text)
        conf = cfg.ConfigOpts()
        options.register(conf)
        conf([*argv], project='rbd-mon-fix',
             default_config_files=[str(path)], default_config_dirs=[])
        for name in ('nova_config_file', 'cinder_config_file'):
            if not argv:
                conf.set_override(name, [str(tmp_path / 'none.conf')])
        return contexts.Context(conf)

    return opened


API = '[nova]\nauth_type = password\nauth_url = http://127.0.0.1:1/\n'


def test_nothing_at_all(site):
    found = site()
    assert (found.nova, found.cinder, found.cells, found.cinder_database,
            found.api) == (None,) * 5
    assert not found.has_openstack
    found.close()


@pytest.mark.parametrize('service', ['nova', 'cinder'])
def test_only_the_default_files_may_be_missing(site, service):
    found = site('', f'--{service}-config-file', '/none/x.conf')
    with pytest.raises(exceptions.ConfigError, match='/none/x.conf'):
        getattr(found, service)


def test_an_empty_name_says_that_there_is_none(site, tmp_path):
    (tmp_path / 'none.conf').write_text('[DEFAULT]\nhost = cmp1\n')
    found = site('', '--nova-config-file', '', '--cinder-config-file', '')
    assert (found.nova, found.cinder) == (None, None)


@pytest.mark.parametrize('content, words', [
    ('password = TOP$SECRET', 'NoSuchOptError'),
    ('password = ${SECRET}x', 'NoSuchOptError'),
    ('username = u\npassword = p\ntimeout = abc', "timeout.*'abc'"),
])
def test_credentials_that_cannot_be_used(site, content, words):
    with pytest.raises(exceptions.ConfigError, match=words) as caught:
        assert site(API + content).api
    assert 'SECRET' not in str(caught.value)
    assert '[nova]' in caught.value.message


@pytest.mark.parametrize('text, host, expected', [
    ('', 'cmp1', 'qemu:///system'),
    ('libvirt_uri = qemu+tls://{host}/system', 'cmp1',
     'qemu+tls://cmp1/system'),
    ('libvirt_uri = qemu+tls://{host}.x/system?a={host}', 'c',
     'qemu+tls://c.x/system?a=c'),
    ('libvirt_uri = test:///default', 'cmp1', 'test:///default'),
])
def test_where_the_libvirt_of_a_host_is(site, text, host, expected):
    assert site(f'[DEFAULT]\n{text}\n').libvirt_uri(host) == expected


def test_nova_s_word_on_libvirt_s_uri(site, tmp_path):
    nova = tmp_path / 'nova.conf'
    nova.write_text('[libvirt]\nconnection_uri = qemu+tcp://{host}/system\n')
    found = site('', '--nova-config-file', str(nova))
    assert found.libvirt_uri('c') == 'qemu+tcp://c/system'
    assert found.has_openstack


def test_nobody_is_asked_offline(site):
    assert site('[DEFAULT]\noffline = true\n').answering is None
