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

"""Servers by UUID and by name."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.inventory import servers
from rbd_mon_fix.model.instance import Instance
from tests.unit import memory
from tests.unit import worlds

A, B, C, D = map(memory.uuid, range(1, 5))
LIKE_A_UUID = A.replace('-', '')


@pytest.fixture
def inventory():
    return instances.ApiInventory(worlds.Api(
        Instance(A, 'cmp1', 'web'), Instance(B, 'cmp1', 'db,@1'),
        Instance(C, 'cmp2', 'web'), Instance(D, 'cmp2', LIKE_A_UUID)))


@pytest.mark.parametrize('hosts, wanted, expected', [
    (['cmp1'], [], ()), (['cmp1'], ['web'], (A,)), (['cmp2'], ['web'], (C,)),
    (['cmp1', 'cmp2'], ['db,@1'], (B,)), (['cmp1'], [B, 'web', B], (B, A)),
    (['cmp1'], ['web', A], (A,)),
    # A UUID is a UUID in any spelling, even if a server is called so.
    (['cmp1', 'cmp2'], [LIKE_A_UUID], (A,)), (['cmp1'], [A.upper()], (A,)),
    # Whether a server with a UUID exists is asked later.
    (['cmp1'], [D], (D,))])
def test_uuids(inventory, hosts, wanted, expected):
    assert servers.uuids(wanted, hosts, inventory) == expected


def test_uuids_ask_nothing():
    assert servers.uuids([A], ['cmp1'], None) == (A,)


@pytest.mark.parametrize('name', ['WEB', 'we', 'nobody', 'db'])
def test_an_unknown_name(inventory, name):
    with pytest.raises(exceptions.ConfigError) as caught:
        servers.uuids([name], ['cmp1', 'cmp2'], inventory)
    assert repr(name) in caught.value.message


def test_a_name_of_several_servers(inventory):
    with pytest.raises(exceptions.ConfigError) as caught:
        servers.uuids(['web'], ['cmp1', 'cmp2'], inventory)
    assert caught.value.message == "2 servers have the name 'web'."
    assert f'{A} on cmp1, {C} on cmp2' in caught.value.hint
