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

"""The guard against a cluster that was swapped for another."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.core import guard
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record

BACKEND = Backend('cinder', 'ssd', 'volumes', 'cinder', None)
ADDR = (MonAddr('192.0.2.1', 6789),)
CHANGE = Change(
    Record(Locator('nova-bdm', 'cmp1', 'a-server', '1'), None), None,
    (Edit('volume', 'volumes/v', 'ceph', ADDR, ADDR, '', ''),))


def check(fsid, name='ceph'):
    cluster = Cluster(name, fsid, Source.CEPH_CONF, MonMap(()), (BACKEND,))
    made = guard.Guard(None)
    made.add(Plan((), (CHANGE,)))
    made.check([cluster], None,
               {cluster_identity.identity(BACKEND): 'before'},
               '/j/clusters.json')


def test_the_same_cluster():
    check('before')


def test_a_swapped_cluster_that_nothing_is_written_for():
    check('now', name='other')


def test_a_swapped_cluster():
    with pytest.raises(exceptions.Refused) as caught:
        check('now')
    assert 'before' in caught.value.message
    assert 'cinder ssd' in caught.value.message
    assert '/j/clusters.json' in caught.value.hint
