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

"""Reasons to refuse a whole run."""

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import guard
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Plan
from tests.unit import memory

ALL = frozenset(memory.addrs(memory.NEW))


def change(old=memory.OLD, new=memory.NEW, cluster='ceph', server=1):
    record = memory.record(memory.locator('nova-bdm', server))
    return Change(record, record.document, (Edit(
        'vda', 'volumes/a', cluster, memory.addrs(old), memory.addrs(new),
        old, new),))


def check(*changes, answering=ALL, limit=None, clusters=None):
    """Check a run with one plan per change."""
    made = guard.Guard(limit)
    for each in changes:
        made.add(Plan((), (each,)))
    assert made.changes == len(changes)
    made.check(clusters or [memory.cluster()], answering, {},
               'clusters.json')


@pytest.mark.parametrize('old, new', [
    (memory.OLD, memory.NEW),
    (memory.OLD, '10.1.0.1:6789,10.1.0.2:6789'),
    ('10.0.0.1:6789', memory.NEW),
    ('10.0.0.1:6789', '10.1.0.1:6789'),
    ('', '10.1.0.1:6789'),
])
def test_let_through(old, new):
    check(change(old, new))


@pytest.mark.parametrize('old, new', [
    (memory.OLD, ''),
    ('10.0.0.1:6789', ''),
    ('', ''),
    (memory.OLD, '10.1.0.1:6789'),
    ('10.0.0.1:6789,10.0.0.2:6789', '10.1.0.1:6789'),
])
def test_a_map_that_shrank_too_far(old, new):
    with pytest.raises(exceptions.Refused, match='volumes/a') as caught:
        check(change(), change(old, new, server=2))
    assert memory.uuid(2) in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize('count, limit', [
    (0, 0), (1, 1), (2, 3), (2, None),
])
def test_few_enough(count, limit):
    check(*[change(server=number) for number in range(count)], limit=limit)


@pytest.mark.parametrize('count, limit', [(1, 0), (2, 1), (3, 2)])
def test_too_many(count, limit):
    with pytest.raises(exceptions.Refused,
                       match=f'^{count} .* {limit}[.] .*--dry-run'):
        check(*[change(server=number) for number in range(count)],
              limit=limit)


def test_a_change_is_a_document_however_many_disks_it_has():
    one = change()
    two = Change(one.record, one.document, one.edits * 2)
    made = guard.Guard(2)
    made.add(Plan((), (one, two)))
    made.add(Plan((), ()))
    made.check([memory.cluster()], None, {}, 'clusters.json')
    assert made.changes == 2


def test_the_first_map_that_shrank_is_named():
    with pytest.raises(exceptions.Refused) as caught:
        check(change(new='', server=1), change(new='', server=2))
    assert memory.uuid(1) in caught.value.message


@pytest.mark.parametrize('answering', [
    None,
    ALL,
    frozenset(memory.addrs('10.1.0.2:6789')),
    # On any of the monitor's endpoints.
    frozenset(memory.addrs('10.1.0.3:3300')),
])
def test_one_monitor_that_answers_will_do(answering):
    check(change(), answering=answering)


@pytest.mark.parametrize('answering', [
    frozenset(), frozenset(memory.addrs(memory.OLD)),
    frozenset(memory.addrs('10.1.0.1:6790')),
])
def test_no_monitor_answers(answering):
    with pytest.raises(exceptions.Refused, match='ceph answers.*10.1.0.2'):
        check(change(), answering=answering)


def test_a_swap_is_named_by_its_cluster():
    backend = Backend('cinder', 'ssd', 'ssd', None, None)
    other = memory.cluster('other', memory.NEW, [backend], fsid='now')
    run = guard.Guard(None)
    run.add(Plan((), (change(), change(cluster='other', server=2))))
    with pytest.raises(exceptions.Refused, match='cinder ssd .* before '):
        run.check([memory.cluster(), other], ALL, {backend: 'before'},
                  'clusters.json')
    calm = guard.Guard(None)
    calm.add(Plan((), (change(),)))
    calm.check([memory.cluster(), other], ALL, {backend: 'before'},
               'clusters.json')


def test_only_clusters_that_are_written_have_to_answer():
    dead = memory.cluster('dead', '10.2.0.1:6789')
    check(change(), clusters=[dead, memory.cluster()])
    check(clusters=[dead])
    with pytest.raises(exceptions.Refused, match='cluster dead answers'):
        check(change(), change(cluster='dead', server=2),
              clusters=[memory.cluster(), dead])
