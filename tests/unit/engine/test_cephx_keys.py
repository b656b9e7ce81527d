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

"""Reading keys from libvirt's secrets."""

from __future__ import annotations

import types

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.engine import cephx_keys
from rbd_mon_fix.engine.cephx_keys import SecretName


class Secrets:
    """The secrets of the libvirt of each host."""

    def __init__(self):
        self.asked = []

    def hypervisor(self, host):
        def value(kind):
            def look_up(name):
                self.asked.append((host, kind, name))
                if name == 'private':
                    raise libvirt.Declined('secret is private')
                return b'key'
            return look_up
        return types.SimpleNamespace(secret_value=value('uuid'),
                                     secret_value_by_usage=value('usage'))


@pytest.mark.parametrize('name, kind', [
    (SecretName('cmp1', 'x'), 'uuid'), (SecretName('cmp1', usage='x'), 'usage')
])
def test_each_secret_is_read_once(name, kind):
    secrets = Secrets()
    keys = cephx_keys.Keys(secrets)
    assert [keys.of(name), keys.of(name)] == ['a2V5', 'a2V5']
    assert secrets.asked == [('cmp1', kind, 'x')]


def test_uuid_usage_and_host_tell_secrets_apart():
    secrets = Secrets()
    keys = cephx_keys.Keys(secrets)
    for name in (SecretName('a', 'x'), SecretName('a', usage='x'),
                 SecretName('b', 'x')):
        keys.of(name)
    assert len(secrets.asked) == 3


@pytest.mark.parametrize('name, shown', [
    (SecretName('cmp1', 'private'), 'secret private: secret is private'),
    (SecretName('cmp1', usage='private'),
     'secret with the usage "private": secret is private')])
def test_a_secret_that_may_not_be_read(name, shown):
    with pytest.raises(exceptions.ConfigError, match=shown):
        cephx_keys.Keys(Secrets()).of(name)
