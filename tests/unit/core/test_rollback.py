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

"""The plan that rolls a run back."""

import dataclasses

import pytest

from rbd_mon_fix.core import planning
from rbd_mon_fix.core import rollback
from rbd_mon_fix.core.ownership import Ownership
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.run import Entry
from tests.unit import memory

WHERE = memory.locator('domain', 1)
EDIT = Edit('vda', 'volumes/volume-a', 'ceph', memory.addrs(memory.OLD),
            memory.addrs(memory.NEW), memory.OLD, memory.NEW)
NEW = memory.sheet(memory.NEW)
FAILS = (Operation.RESCUE,)


def entry(*edits, where=WHERE, verdict=Verdict.FIXED):
    return Entry(where, edits or (EDIT,), 'old', 'new', verdict, '')


def known(instances, *clusters):
    return planning.Knowledge(
        instances, Ownership(clusters or [memory.cluster()]), {},
        unmanaged=True)


def revert(record, *entries, **fields):
    instances = memory.instances(1, **fields)
    return rollback.plan(entries or [entry()], {WHERE: record}, instances,
                         known(instances))


def one(record, **fields):
    found = revert(record, **fields)
    [copy] = found.copies
    return copy, found.changes


@pytest.mark.parametrize('verdict', [
    None, Verdict.CONFLICT, Verdict.FAILED])
def test_what_was_not_written_is_not_taken_back(verdict):
    """Another writer wrote the same addresses."""
    found = revert(memory.record(WHERE, NEW), entry(verdict=verdict))
    assert (found.copies, found.changes) == ((), ())


@pytest.mark.parametrize('words, state, skip', [
    (memory.NEW, State.CURRENT, None), (memory.OLD, State.STALE, None),
    ('10.2.0.1:6789', State.UNKNOWN_CLUSTER, SkipReason.CHANGED)])
def test_what_may_have_been_written_is_judged_by_what_is_there(words, state,
                                                               skip):
    found = revert(memory.record(WHERE, memory.sheet(words)),
                   entry(verdict=Verdict.UNVERIFIED))
    [copy] = found.copies
    assert (copy.state, copy.skip) == (state, skip)
    assert len(found.changes) == (words == memory.NEW)


def test_nothing_to_take_back():
    assert rollback.plan([], {}, {}).copies == ()


def test_what_was_taken_back_already_is_left_alone():
    copy, changes = one(memory.record(WHERE, memory.sheet(memory.OLD)))
    assert (copy.state, copy.skip, copy.due) == (State.STALE, None, False)
    assert changes == ()


def test_taken_back():
    noise = memory.Sheet(f'# theirs\n{NEW.text}\n# theirs too')
    copy, [change] = one(memory.record(WHERE, noise))
    assert (copy.state, copy.skip, copy.due) == (State.CURRENT, None, True)
    assert copy.desired == memory.addrs(memory.OLD)
    assert (copy.cluster, copy.device) == ('ceph', 'vda')
    assert (copy.breaks, copy.breaks_after) == ((), FAILS)
    assert change.record.document == noise
    assert change.document.text == noise.text.replace(
        memory.NEW, memory.OLD)
    assert change.edits == (EDIT.inverse(),)


def test_the_very_words_are_restored_where_the_addresses_are_the_same():
    """Such as lists of unequal length, or in another order."""
    words = ','.join(reversed(memory.NEW.split(',')))
    edit = dataclasses.replace(EDIT, old=memory.addrs(words),
                               old_verbatim=words)
    found = revert(memory.record(WHERE, NEW), entry(edit))
    assert found.copies[0].due
    assert found.changes[0].document.text == NEW.text.replace(
        memory.NEW, words)


def test_an_old_address_that_is_among_the_new_ones():
    words = '10.1.0.1:6789,10.0.0.2:6789'
    edit = dataclasses.replace(EDIT, old=memory.addrs(words),
                               old_verbatim=words)
    found = revert(memory.record(WHERE, NEW), entry(edit))
    assert found.copies[0].breaks_after == ()
    assert len(found.changes) == 1


def test_without_clusters_nothing_is_said():
    found = rollback.plan([entry()], {WHERE: memory.record(WHERE, NEW)},
                          memory.instances(1))
    [copy] = found.copies
    assert (copy.state, copy.breaks, copy.breaks_after) == (
        State.UNKNOWN_CLUSTER, (), ())
    assert (copy.due, copy.device, copy.cluster) == (True, 'vda', 'ceph')
    assert len(found.changes) == 1


@pytest.mark.parametrize('now, former, state, breaks, after', [
    # The run was right, and still is.
    (memory.NEW, memory.OLD, State.CURRENT, (), FAILS),
    # The monitors have moved back.
    (memory.OLD, memory.NEW, State.STALE, FAILS, ()),
    # The monitors have moved on.
    ('10.3.0.1:6789', f'{memory.OLD},{memory.NEW}', State.STALE, FAILS,
     FAILS),
    # One of the former monitors is back.
    ('10.1.0.1:6789,10.0.0.1:6789', f'{memory.OLD},{memory.NEW}',
     State.DRIFTED, (), ()),
    # Nothing tells whose the addresses are.
    ('10.3.0.1:6789', '', State.UNKNOWN_CLUSTER, (), ())])
def test_copies_are_judged_as_they_are_today(now, former, state, breaks,
                                             after):
    instances = memory.instances(1)
    found = rollback.plan(
        [entry()], {WHERE: memory.record(WHERE, NEW)}, instances,
        known(instances, memory.cluster(monitors=now, former=former)))
    [copy] = found.copies
    assert (copy.state, copy.breaks, copy.breaks_after) == (
        state, breaks, after)
    assert (copy.due, copy.desired) == (True, memory.addrs(memory.OLD))


def test_a_server_elsewhere_does_not_start_from_the_copy():
    copy, _ = one(memory.record(WHERE, memory.sheet(memory.OLD)),
                  host='cmp2')
    assert (copy.state, copy.breaks) == (State.STALE, ())


@pytest.mark.parametrize('record, expected', [
    (None, SkipReason.GONE),
    (Record(WHERE, None, 'it is no XML'), SkipReason.UNREADABLE),
    (memory.record(WHERE, memory.sheet('!none')), SkipReason.UNREADABLE),
    (memory.record(WHERE, memory.Sheet(
        f'vdb volumes/volume-b cinder S !{memory.NEW}')), SkipReason.GONE),
    (memory.record(WHERE, memory.sheet()), SkipReason.GONE),
    # Another image under the same device.
    (memory.record(WHERE, memory.Sheet(
        f'vda volumes/other cinder S {memory.NEW}')), SkipReason.GONE),
    # Monitors that another writer has written since.
    (memory.record(WHERE, memory.sheet('10.2.0.1:6789')),
     SkipReason.CHANGED),
    (memory.record(WHERE, memory.sheet('10.1.0.1:6789')),
     SkipReason.CHANGED),
    (memory.record(WHERE, NEW, skip=SkipReason.TRANSIENT),
     SkipReason.TRANSIENT),
    (memory.record(WHERE, NEW, skip=SkipReason.BLOCK_JOB),
     SkipReason.BLOCK_JOB),
])
def test_left_alone(record, expected):
    copy, changes = one(record)
    assert copy.skip is expected
    assert changes == ()
    assert (copy.disk is None) == (expected in (
        SkipReason.GONE, SkipReason.UNREADABLE))
    assert (copy.due, copy.is_left_alone) == (False, True)


@pytest.mark.parametrize('fields, expected', [
    ({'task_state': 'rebooting'}, SkipReason.BUSY),
    ({'vm_state': 'building'}, SkipReason.BUSY),
    ({'host': 'cmp2'}, SkipReason.OTHER_HOST),
    ({'host': None}, SkipReason.OTHER_HOST),
    ({'host': 'cmp2', 'task_state': 'x'}, SkipReason.OTHER_HOST),
    ({'managed': False}, None),
])
def test_servers_that_are_left_alone(fields, expected):
    copy, changes = one(memory.record(WHERE, NEW), **fields)
    assert copy.skip is expected
    assert len(changes) == (expected is None)


def test_each_disk_for_itself():
    edits = [dataclasses.replace(EDIT, disk=f'vd{letter}',
                                 image=f'volumes/volume-{letter}')
             for letter in 'abc']
    record = memory.record(WHERE, memory.sheet(
        memory.NEW, '10.2.0.1:6789', memory.NEW, memory.NEW))
    found = revert(record, entry(*edits))
    assert [copy.skip for copy in found.copies] == [
        None, SkipReason.CHANGED, None]
    [change] = found.changes
    assert change.document == memory.sheet(
        memory.OLD, '10.2.0.1:6789', memory.OLD, memory.NEW)
    assert [edit.disk for edit in change.edits] == ['vda', 'vdc']


def test_the_device_that_the_record_knows():
    edit = dataclasses.replace(EDIT, disk='volume')
    document = memory.Sheet(
        f'volume volumes/volume-a cinder S {memory.NEW}')
    for disk in ('vdb', None):
        found = revert(memory.record(WHERE, document, disk=disk),
                       entry(edit))
        assert found.copies[0].device == disk


def test_the_order_is_that_of_the_run():
    places = [memory.locator(store, server) for server in (2, 1)
              for store in ('nova-bdm', 'domain')]
    found = rollback.plan(
        [entry(where=where) for where in places],
        {where: memory.record(where, NEW) for where in places},
        memory.instances(1, 2))
    assert [change.locator for change in found.changes] == places
