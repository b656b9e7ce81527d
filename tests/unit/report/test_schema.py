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

from __future__ import annotations

import pytest

from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import schema
from tests.unit.report import sample

SERVER = sample.instance(1)
STALE = sample.copy(SERVER, state=State.STALE)
BUSY = sample.copy(SERVER, state=State.STALE, skip=SkipReason.BUSY)
CURRENT = sample.copy(SERVER)
RAGGED = sample.copy(SERVER, state=State.DRIFTED, monitors=sample.NEW)
REORDERED = sample.copy(SERVER, monitors=sample.NEW[::-1])
LOST = sample.unreadable(1)[0]


@pytest.mark.parametrize('copy, due', [
    (CURRENT, False), (REORDERED, False), (LOST, False), (BUSY, False),
    (STALE, True), (RAGGED, True)])
def test_only_what_is_due_has_an_outcome(copy, due):
    outcome = Outcome(copy.locator, Verdict.FIXED)

    assert copy.due is due
    assert outcome_of(copy, None) is None
    assert outcome_of(copy, {}) is None
    assert outcome_of(copy, {copy.locator: outcome}) == (
        outcome if due else None)


@pytest.mark.parametrize('note, reason, told', [
    ('', '', None),
    ('It is ragged.', '', 'It is ragged.'),
    ('It is ragged.', 'It went away.', 'It went away.')])
def test_reason_is_that_of_the_outcome_else_the_note(note, reason, told):
    copy = sample.copy(SERVER, state=State.STALE, note=note)
    outcomes = sample.outcomes([copy], Verdict.FAILED, reason)

    row, = schema.rows(schema.Kind.REFRESH, [copy], outcomes)

    assert (row['reason'], row['outcome']) == (told, 'failed')


@pytest.mark.parametrize('kind', schema.Kind)
def test_a_record_has_the_columns_in_their_order(kind):
    row, = schema.rows(kind, [STALE], None)

    assert tuple(row) == schema.columns(kind)


@pytest.mark.parametrize('kind, told', [
    (schema.Kind.STATUS, False), (schema.Kind.DRY_RUN, True),
    (schema.Kind.REFRESH, True), (schema.Kind.ROLLBACK, True)])
def test_commands_that_write_tell_the_outcome(kind, told):
    assert ('outcome' in schema.columns(kind)) is told
