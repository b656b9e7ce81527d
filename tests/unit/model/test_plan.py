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

"""Copies, edits, changes and outcomes as values."""

import dataclasses

import pytest

from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason
from tests.unit import memory

WHERE = memory.locator('nova-bdm', 1)
EDIT = Edit('vda', 'volumes/a', 'ceph', memory.addrs(memory.OLD),
            memory.addrs(memory.NEW), memory.OLD, memory.NEW)


@pytest.mark.parametrize('state, expected', [
    (State.CURRENT, False), (State.DRIFTED, True), (State.STALE, True),
    (State.UNKNOWN_CLUSTER, False), (State.UNREADABLE, False),
])
def test_wrong(state, expected):
    assert copy(state).wrong is expected


def test_the_inverse_of_the_inverse_is_the_edit():
    inverse = EDIT.inverse()
    assert (inverse.old, inverse.old_verbatim) == (EDIT.new, memory.NEW)
    assert (inverse.new, inverse.new_verbatim) == (EDIT.old, memory.OLD)
    assert (inverse.disk, inverse.image, inverse.cluster) == (
        EDIT.disk, EDIT.image, EDIT.cluster)
    assert inverse.inverse() == EDIT


@pytest.mark.parametrize('image', ['vms/disk', 'vms/space/disk'])
def test_the_pool_of_an_edit(image):
    assert dataclasses.replace(EDIT, image=image).pool == 'vms'


def test_a_change_is_where_its_record_is():
    old = memory.sheet(memory.OLD)
    change = Change(Record(WHERE, old), old.edited({'vda': memory.NEW}),
                    (EDIT,))
    assert change.locator == WHERE


def copy(state=State.STALE, skip=None):
    return Copy(WHERE, memory.instances(1)[WHERE.instance], None, None, None,
                (), state, skip)


@pytest.mark.parametrize('state', State)
@pytest.mark.parametrize('skip', [None, *SkipReason])
def test_due_is_what_is_wrong_and_not_skipped(state, skip):
    made = copy(state, skip)
    assert made.due is (made.wrong and skip is None)


@pytest.mark.parametrize('state', State)
@pytest.mark.parametrize('skip', [None, *SkipReason])
@pytest.mark.parametrize('restore', [False, True])
def test_a_rollback_restores_what_a_run_wrote(state, skip, restore):
    """Whether the addresses are right today does not matter."""
    made = dataclasses.replace(copy(state, skip), restore=restore)
    assert made.due is (restore and skip is None)
    assert made.is_left_alone is (skip is not None)


@pytest.mark.parametrize('state', State)
@pytest.mark.parametrize('skip', [None, *SkipReason])
def test_a_right_copy_is_not_left_alone(state, skip):
    assert copy(state, skip).is_left_alone is (
        skip is not None and state is not State.CURRENT)


FIXED = Outcome(WHERE, Verdict.FIXED)


@pytest.mark.parametrize('made, outcomes, expected', [
    (copy(), {WHERE: FIXED}, FIXED),
    (copy(), {}, None),
    (copy(), None, None),
    (copy(), {memory.locator('domain', 1): FIXED}, None),
    # The document was written because of another disk.
    (copy(State.CURRENT), {WHERE: FIXED}, None),
    (copy(skip=SkipReason.BUSY), {WHERE: FIXED}, None),
])
def test_outcome_of(made, outcomes, expected):
    assert outcome_of(made, outcomes) == expected
