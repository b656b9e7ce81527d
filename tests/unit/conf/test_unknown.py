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

"""Warnings about options that nothing reads."""

from __future__ import annotations

import subprocess
import sys

from oslo_config import cfg
from oslo_log import log as logging
import pytest

from rbd_mon_fix.conf import nova_api
from rbd_mon_fix.conf import options
from rbd_mon_fix.conf import unknown


@pytest.fixture
def warnings(tmp_path, caplog):
    """Return a function that returns the warnings for files."""
    def warned(text, **drop_ins):
        path = tmp_path / 'own.conf'
        path.write_text(text)
        folder = tmp_path / 'own.conf.d'
        folder.mkdir()
        for name, content in drop_ins.items():
            (folder / f'{name}.conf').write_text(content)
        conf = cfg.ConfigOpts()
        options.register(conf)
        logging.register_options(conf)
        conf([], project='rbd-mon-fix', default_config_files=[str(path)],
             default_config_dirs=[str(folder)])
        unknown.warn(conf)
        return [record.getMessage().replace(f'{tmp_path}/', '')
                for record in caplog.records
                if record.name == unknown.LOG.name]
    return warned


def every(opts):
    return '\n'.join(f'{opt.dest} = 1' for opt in opts)


@pytest.mark.parametrize('text', [
    '', '[DEFAULT]\n', '[ceph]\n[strange]\n',
    f'[DEFAULT]\n{every(options.OPTS)}\n[ceph]\n{every(options.CEPH_OPTS)}\n'
    f'[hook]\n{every(options.HOOK_OPTS)}\n',
    '[CEPH]\nuser = u\n',
    '[DEFAULT]\ndebug = true\nlogfile = x\nlog_file = y\nuse_syslog = 0\n',
    '[nova]\nauth_type = password\nauth_url = u\nusername = u\npassword = p\n'
    'timeout = 3\nproject_name = p\n',
    '[nova]\nauth_type = password\nkeyfile = k\ncertfile = c\n'
    'service_type = compute\ninterface = i\nauth_plugin = password\n',
    '[nova]\nauth_type = v3token\ntoken = t\n',
    '[nova]\nauth_type = v3applicationcredential\n'
    'application_credential_id = i\napplication_credential_secret = s\n',
    # A missing plugin is an error at login.
    '[nova]\nauth_type = no_such\nsomething = s\n',
    '[nova]\nauth_section = keystone\n[keystone]\nauth_type = v3token\n'
    'token = t\n',
    '[DEFAULT]\nconfig_source = far\n[far]\ndriver = remote_file\n'
    'uri = http://127.0.0.1:1/\n',
])
def test_known(warnings, text):
    assert warnings(text) == []


@pytest.mark.parametrize('text, expected', [
    ('[DEFAULT]\njurnal_dir = TOPSECRET\n',
     'jurnal_dir in [DEFAULT] of own.conf; did you mean journal_dir?'),
    ('[DEFAULT]\nnova-config-file = x\n', 'nova-config-file in [DEFAULT] of '
     'own.conf; did you mean nova_config_file?'),
    ('[DEFAULT]\nlog_fiel = x\n',
     'log_fiel in [DEFAULT] of own.conf; did you mean log_file?'),
    ('[ceph]\npool = x\n',
     'pool in [ceph] of own.conf; did you mean pools?'),
    ('[DEFAULT]\nsecret_uuid = x\n', 'secret_uuid in [DEFAULT] of own.conf; '
     'did you mean secret_uuid in [ceph]?'),
    ('[cehp]\nusr = x\n',
     'usr in [cehp] of own.conf; did you mean user in [ceph]?'),
    ('[nova]\nauth_tpye = password\n',
     'auth_tpye in [nova] of own.conf; did you mean auth_type?'),
    ('[nova]\nauth_type = password\npasswort = TOPSECRET\n',
     'passwort in [nova] of own.conf; did you mean password?'),
    ('[nova]\nauth_type = v3token\nusername = u\ntokn = TOPSECRET\n',
     'tokn in [nova] of own.conf; did you mean token?'),
    ('[keystone]\nzzz = x\n', 'zzz in [keystone] of own.conf'),
    ('[DEFAULT]\nqqqqqqqqqq = x\n', 'qqqqqqqqqq in [DEFAULT] of own.conf'),
])
def test_unknown(warnings, text, expected):
    assert f'Unknown option {expected}' in warnings(text)


def test_each_file_is_looked_at(warnings):
    assert warnings('[DEFAULT]\nofline = 1\n', b='[DEFAULT]\nlockal = 1\n',
                    a='[ceph]\nconfig = x\n') == [
        'Unknown option ofline in [DEFAULT] of own.conf; did you mean '
        'offline?',
        'Unknown option config in [ceph] of own.conf.d/a.conf; did you mean '
        'conf?',
        'Unknown option lockal in [DEFAULT] of own.conf.d/b.conf']


def test_the_usual_options_are_those_of_keystoneauth():
    names = nova_api.option_names(None)
    assert nova_api.USUAL <= names


def test_the_usual_options_need_no_keystoneauth(tmp_path):
    path = tmp_path / 'own.conf'
    path.write_text('[nova]\nauth_type = password\nusername = u\n')
    subprocess.run([sys.executable, '-c', f'''
import sys
from rbd_mon_fix.conf import options, unknown
unknown.warn(options.load([{str(path)!r}], {{}}))
assert 'keystoneauth1' not in sys.modules
'''], check=True)
