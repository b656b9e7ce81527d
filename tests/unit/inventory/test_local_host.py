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

"""The rule that tells which compute host this machine is."""

from __future__ import annotations

import socket

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.inventory import local_host

FULL, SHORT, OTHER = 'box.example.com', 'box', 'box.example.org'


@pytest.mark.parametrize('configured, hostname, host, yes', [
    # The value in nova.conf is used unchanged.
    ('cmp1', FULL, 'cmp1', True),
    ('cmp1', FULL, 'cmp2', False),
    ('cmp1', FULL, FULL, False),
    ('cmp1', FULL, SHORT, False),
    ('cmp1', 'cmp1.example.com', 'cmp1.example.com', False),
    (FULL, SHORT, FULL, True),
    (FULL, SHORT, SHORT, False),
    # One host name is short, the other fully qualified.
    (None, SHORT, SHORT, True),
    (None, FULL, FULL, True),
    (None, SHORT, FULL, True),
    (None, FULL, SHORT, True),
    (None, SHORT, OTHER, True),
    # Two different fully qualified names are two machines.
    (None, FULL, OTHER, False),
    (None, FULL, 'box2.example.com', False),
    (None, SHORT, 'box2', False),
    (None, FULL, 'box2', False),
    (None, SHORT, 'box2.example.com', False),
    (None, FULL, 'cmp1', False),
    (None, FULL, '', False),
    (None, SHORT, '', False)])
def test_is_here(configured, hostname, host, yes):
    assert local_host.LocalHost(configured, hostname).is_here(host) is yes


@pytest.mark.parametrize('configured, name', [('cmp1', 'cmp1'), (None, FULL)])
def test_name(monkeypatch, configured, name):
    monkeypatch.setattr(socket, 'gethostname', lambda: FULL)
    assert local_host.LocalHost.of(configured).name == name


def test_require():
    here = local_host.LocalHost('cmp1', FULL)
    here.require(['cmp1'], 'guests')
    here.require([], 'guests')
    with pytest.raises(exceptions.ConfigError,
                       match='guests inspects .* is not cmp2'):
        here.require(['cmp1', 'cmp2'], 'guests')


@pytest.mark.parametrize('configured, hostname, hosts, found', [
    ('cmp1', FULL, ['cmp2', 'cmp1'], 'cmp1'), ('cmp1', FULL, [FULL], None),
    (None, SHORT, ['cmp1', FULL], FULL), (None, FULL, [SHORT], SHORT),
    (None, FULL, [], None), (None, FULL, ['cmp1'], None),
    # The name that Nova uses goes before one that is only alike.
    (None, FULL, [SHORT, FULL], FULL),
    # Two hosts that could be this machine: ask.
    (None, SHORT, [FULL, OTHER], None)])
def test_among(configured, hostname, hosts, found):
    assert local_host.LocalHost(configured, hostname).among(hosts) == found
