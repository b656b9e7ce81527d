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

"""Healths to report."""

from __future__ import annotations

import collections
from typing import Any

from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.health import Health
from rbd_mon_fix.model.health import HostHealth
from tests.unit.report import sample


def host(name: str, *servers: list[Any], **fields: Any) -> HostHealth:
    """Return the health of a host with servers."""
    return HostHealth(
        name, sample.summary(list(servers)), collections.Counter(
            (copy.cluster or '', copy.locator.store, copy.state)
            for copies in servers for copy in copies if copy.counts),
        **fields)


def health(*servers: list[Any], stranded: int = 0, **fields: Any) -> Health:
    """Return the health of host cmp1 with servers."""
    summary = sample.summary(list(servers))
    summary.stranded += map(sample.uuid, range(stranded))
    known: dict[str, Any] = {
        'hosts': {'cmp1': host('cmp1', *servers)}, 'unreached': (),
        'clusters': (sample.CLUSTER,), 'answering': frozenset(sample.NEW),
        'not_judged': 0, 'doubts': (), **fields}
    return Health(summary, **known)


def fleet() -> Health:
    """Return the health of three hosts, one of which is down."""
    one = host('cmp1', sample.stale(1), sample.current(2), sample.busy(3),
               sample.unreadable(4),
               findings=collections.Counter({FindingKind.POOL: 2}),
               guests=collections.Counter({GuestState.FOLLOWING: 3,
                                           GuestState.STRANDED: 1}))
    two = host('cmp2', sample.current(5, host='cmp2'))
    return health(
        sample.stale(1), sample.current(2), sample.busy(3),
        sample.unreadable(4), sample.current(5, host='cmp2'), stranded=1,
        hosts={'cmp1': one, 'cmp2': two},
        unreached=('cmp3',))
