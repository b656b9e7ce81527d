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

"""What is not as a saved plan says."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import digest
from rbd_mon_fix.core import plan_comparison
from rbd_mon_fix.core import planning
from rbd_mon_fix.core.ownership import Ownership
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.saved_plan import PlannedCluster
from rbd_mon_fix.model.saved_plan import PlannedScope
from rbd_mon_fix.model.saved_plan import SavedPlan
from tests.unit import memory

CLUSTER = memory.cluster(fsid='f51d')
WHERE = [memory.locator('domain', number) for number in range(9)]
PLACE = f'domain vda of server {memory.uuid(1)} on cmp1'


def plan(*records, cluster=CLUSTER, **fields):
    return planning.plan(records, planning.Knowledge(
        memory.instances(*range(9), **fields), Ownership([cluster]), {}))


def record(number, document=None, **fields):
    return memory.record(WHERE[number], document or memory.sheet(memory.OLD),
                         **fields)


def saved(*records):
    changes = tuple(map(digest.planned, plan(*records).changes))
    return SavedPlan(
        '3f9c-11aa', '2026-11-26T02:00:00+00:00', '2.0',
        PlannedScope(('cmp1',), (), (), False),
        (PlannedCluster('ceph', 'f51d', memory.addrs(memory.NEW)),), changes)


def compare(kept, *plans, clusters=(CLUSTER,), lost=()):
    """Return what is refused, and the hint; None if nothing is."""
    comparison = plan_comparison.Comparison(kept)
    for each in plans:
        comparison.add(each)
    try:
        comparison.check(clusters, lost)
    except exceptions.Refused as error:
        assert error.hint.startswith('Nothing was changed.')
        return error.message
    return None


def test_what_is_as_it_was():
    kept = saved(record(1), record(2))
    assert compare(kept, plan(record(1), record(2))) is None
    assert compare(kept, plan(record(2)), plan(), plan(record(1))) is None
    assert compare(saved(), plan(record(3, memory.sheet(memory.NEW)))) is None


BUSY = {'task_state': 'rebooting'}
RIGHT = memory.sheet(memory.NEW)
STRANGE = memory.sheet('10.9.0.1:6789')
SPACE = memory.Sheet(f'# a line\n{memory.sheet(memory.OLD).text}')
TWO = memory.sheet(memory.OLD, memory.OLD)


@pytest.mark.parametrize('now, words', [
    (plan(), 'no longer exists'),
    (plan(record(1, RIGHT)), 'is right already'),
    (plan(record(1, STRANGE)), 'is left alone now (unknown-cluster)'),
    (plan(record(1), **BUSY), 'is left alone now (busy)'),
    (plan(record(1, skip=SkipReason.BLOCK_JOB)),
     'is left alone now (block-job)'),
    (plan(record(1, SPACE)), 'has changed since'),
    # The disk was detached; another one, which was right, is still there.
    (plan(record(1, memory.Sheet(memory.sheet(
        memory.NEW).text.replace('vda', 'vdb')))), 'no longer exists')])
def test_each_difference(now, words):
    assert compare(saved(record(1)), now) == (
        f'The plan 3f9c-11aa no longer holds: {PLACE} {words}.')


def test_a_host_that_was_not_reached():
    assert compare(saved(record(1)), plan(), lost={'cmp1'}) == (
        f'The plan 3f9c-11aa no longer holds: {PLACE} was not reached.')


def test_a_change_that_is_not_in_the_plan():
    assert compare(saved(), plan(record(1))) == (
        f'The plan 3f9c-11aa no longer holds: {PLACE} is to be changed too, '
        'but is not in the plan.')


def test_another_disk_of_a_server():
    assert compare(saved(record(1)), plan(record(1, TWO))) == (
        'The plan 3f9c-11aa no longer holds: domain vda, vdb of server '
        f'{memory.uuid(1)} on cmp1 has changed since.')


def test_other_addresses():
    now = plan(record(1), cluster=memory.cluster(
        monitors='10.1.0.1:6789,10.1.0.2:6789'))
    assert compare(saved(record(1)), now) == (
        f'The plan 3f9c-11aa no longer holds: {PLACE} would get other '
        'addresses.')


@pytest.mark.parametrize('clusters, words', [
    ((), 'no config leads to cluster ceph now'),
    ((memory.cluster(fsid='a11e'),),
     'cluster ceph had fsid f51d, and now has a11e'),
    ((memory.cluster(fsid='f51d', monitors='10.5.0.1:6789'),),
     'the right monitors of cluster ceph were 10.1.0.1:6789, 10.1.0.2:6789, '
     '10.1.0.3:6789, and now are 10.5.0.1:6789'),
    ((memory.cluster(fsid='f51d', monitors=''),),
     'the right monitors of cluster ceph were 10.1.0.1:6789, 10.1.0.2:6789, '
     '10.1.0.3:6789, and now are unknown')])
def test_other_clusters(clusters, words):
    assert compare(saved(record(1)), plan(record(1)), clusters=clusters) == (
        f'The plan 3f9c-11aa no longer holds: {words}.')


def test_a_few_are_named_and_the_others_counted():
    kept = saved(*map(record, range(9)))
    now = plan(*(record(number, SPACE) for number in range(2)))
    told = compare(kept, now, clusters=())
    assert told.count('; ') == 3
    assert told.startswith(
        'The plan 3f9c-11aa no longer holds: no config leads to')
    assert told.endswith('; and 7 more.')
    assert compare(kept, plan(*(record(number, SPACE) for number in range(
        9)))).endswith('; and 6 more.')


def test_what_a_second_reading_may_write():
    """A change that is no longer due does no harm then."""
    comparison = plan_comparison.Comparison(saved(record(1), record(2)))
    assert not list(comparison.unplanned(plan(record(2)).changes))
    changed = plan(record(1, SPACE), record(3)).changes
    assert len(list(comparison.unplanned(changed))) == 2
