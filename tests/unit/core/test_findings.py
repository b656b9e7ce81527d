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

"""Addresses that rbd-mon-fix cannot write."""

from __future__ import annotations

import pytest

from rbd_mon_fix.core import findings
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap

V1 = tuple(MonAddr(f'192.0.2.2{number}', 6789) for number in (1, 2, 3))
OTHERS = (MonAddr('192.0.2.51', 6789),)
DEAD = MonAddr('192.0.2.11', 6789)


def cluster(name, addrs):
    return Cluster(name, None, Source.MON_DUMP, MonMap(tuple(
        Monitor('', addr, (addr, MonAddr(addr.host, 3300)))
        for addr in addrs)), ())


A, B = cluster('a', V1), cluster('b', OTHERS)
UNKNOWN = cluster('c', ())


@pytest.mark.parametrize('monitors, owner, clusters, right', [
    ((), None, (A, B), None),
    ((DEAD,), None, (), None),
    ((DEAD,), None, (UNKNOWN,), None),
    (V1, None, (A, B), None),
    (V1[:1], None, (A, B), None),
    ((MonAddr('192.0.2.21', 3300),), None, (A, B), None),
    ((MonAddr('192.0.2.21', None),), None, (A, B), None),
    ((MonAddr('mon.example', 6789),), None, (A, B), None),
    ((DEAD, *V1), None, (A, B), V1),
    ((DEAD,), None, (A, B), ()),
    ((DEAD,), A, (A, B), V1),
    ((DEAD,), UNKNOWN, (A, B, UNKNOWN), None),
    (OTHERS, A, (A, B), V1),
    ((DEAD, V1[0], OTHERS[0]), None, (A, B), ()),
])
def test_right_ones(monitors, owner, clusters, right):
    names = {'mon.example': frozenset({'192.0.2.22'})}
    assert findings.right_ones(monitors, owner, clusters, names) == right
