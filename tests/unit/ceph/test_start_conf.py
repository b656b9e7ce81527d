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

"""A ceph.conf without everything that leads to monitors."""

from __future__ import annotations

import pytest

from rbd_mon_fix.ceph import ini
from rbd_mon_fix.ceph import start_conf

KEYS = ('mon_host', 'mon_host_override', 'monmap', 'mon_dns_srv_name')
TEXT = '''
ms_mode = secure
[global]
fsid = 0b5e1c1d-94d5-4d43-8bd4-2f0bd0f7bb02
mon host = 192.0.2.1, \\
   192.0.2.2
[client]  ; all of them
mon  host_override = 192.0.2.3
rbd_cache = false
[ mon.a ]
[mon.a]
mon addr = 192.0.2.4
[client.cinder]
mon_host_override = 192.0.2.5
monmap = /tmp/monmap
mon_dns_srv_name = ceph
keyring = "/etc/ceph/a;b"
[mon\\.b] # another
mon_addr = 192.0.2.6
[client.cinder]
admin_socket = /run/x
'''


def of_client(text, user):
    """Merge the settings as librados does."""
    found = ini.parse(text)
    return {key: value for name in ('global', 'client', f'client.{user}')
            for key, value in found.get(name, {}).items()}


@pytest.mark.parametrize('user', ['cinder', 'nova', None])
def test_nothing_leads_to_monitors(user):
    found = start_conf.without_monitors(TEXT, user)
    settings = of_client(found, user or 'admin')
    assert [settings[key] for key in KEYS] == ['', '', '', 'none_invalid']
    assert [name for name in ini.parse(found)
            if name.startswith('mon.')] == []


def test_all_else_stays():
    before = of_client(TEXT, 'cinder')
    after = of_client(start_conf.without_monitors(TEXT, 'cinder'), 'cinder')
    assert {key: value for key, value in after.items() if key not in KEYS
            } == {key: value for key, value in before.items()
                  if key not in KEYS}
    assert after['keyring'] == '/etc/ceph/a;b'


def test_what_is_appended_is_of_the_client():
    text = start_conf.without_monitors(TEXT, 'cinder') + 'rbd_cache = true\n'
    assert ini.parse(text)['client.cinder']['rbd_cache'] == 'true'


def test_a_user_that_no_section_can_name():
    text = start_conf.without_monitors(TEXT, 'a]\n[global')
    assert ini.parse(text)['client']['mon_host'] == ''


def test_a_malformed_text():
    with pytest.raises(ValueError, match='line 2'):
        start_conf.without_monitors('[global]\nnonsense\n', 'cinder')
