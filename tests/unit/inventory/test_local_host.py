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

"""Which compute host is this machine."""

from __future__ import annotations

import socket
import types

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.inventory import local_host


def site(host=None, nova=True):
    return types.SimpleNamespace(
        nova=types.SimpleNamespace(host=host) if nova else None)


@pytest.mark.parametrize('where, host, yes', [
    (site('cmp1'), 'cmp1', True), (site('cmp1'), 'cmp2', False),
    (site('cmp1'), 'box', False), (site(), 'box', True),
    (site(), 'box.example.org', True), (site(), 'cmp1', False),
    (site(nova=False), 'box', True), (site(nova=False), '', False)])
def test_is_here(monkeypatch, where, host, yes):
    monkeypatch.setattr(socket, 'gethostname', lambda: 'box.example.com')
    assert local_host.is_here(where, host) is yes


def test_require():
    local_host.require(site('cmp1'), ['cmp1'], 'guests')
    with pytest.raises(exceptions.ConfigError, match='is not cmp2'):
        local_host.require(site('cmp1'), ['cmp1', 'cmp2'], 'guests')
