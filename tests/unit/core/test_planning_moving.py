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

"""Copies of volumes that Cinder is moving elsewhere."""

from __future__ import annotations

import pytest

from rbd_mon_fix.core import ownership
from rbd_mon_fix.core import planning
from rbd_mon_fix.documents import connection_info
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason
from tests.cloud import documents
from tests.cloud import shape

RIGHT = MonMap(tuple(
    Monitor('', addr, (addr,))
    for addr in (MonAddr(host, 6789) for host in shape.ALPHA.new)))
CLUSTER = Cluster('ceph', shape.ALPHA.fsid, Source.MON_DUMP, RIGHT, (
    Backend('cinder', 'a', shape.ALPHA.pool, documents.USER,
            shape.ALPHA.secret_uuid),),
    stated=tuple(MonAddr(host, 6789) for host in shape.ALPHA.old))


def plan(volume, moving, task_state=None):
    server = shape.Server('one', (volume,))
    record = Record(
        Locator('nova-bdm', 'cmp1', server.uuid, '1'),
        connection_info.ConnectionInfo.parse(
            documents.bdm_connection_info(server, volume)),
        volume_id=volume.id)
    known = planning.Knowledge(
        {server.uuid: Instance(server.uuid, 'cmp1', task_state=task_state)},
        ownership.Ownership([CLUSTER]), {},
        moving=moving)
    return planning.plan([record], known)


STALE = shape.stale('volume')
CURRENT = shape.Volume('volume', shape.ALPHA, shape.ALPHA.new)


@pytest.mark.parametrize('volume, moving, skip, changes', [
    (CURRENT, {CURRENT.id: 'retyping'}, None, 0),
    (STALE, {}, None, 1),
    (STALE, {'another': 'retyping'}, None, 1),
    (STALE, {STALE.id: 'retyping'}, SkipReason.BUSY, 0),
])
def test_moving(volume, moving, skip, changes):
    made = plan(volume, moving)
    copy, = made.copies
    assert (copy.skip, len(made.changes)) == (skip, changes)
    assert ('retyping' in copy.note) is (skip is not None)
