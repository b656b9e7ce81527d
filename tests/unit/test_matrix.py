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

"""The matrix of the lab: its tables, and the page with its outcomes."""

from __future__ import annotations

import json

import pytest

from rbd_mon_fix.core import readers
from tests.lab.matrix import cells
from tests.lab.matrix import column
from tests.lab.matrix import operations
from tests.lab.matrix import results
from tests.lab.matrix import states

pytestmark = pytest.mark.once

RECORDED = [
    (cell, phase, column.Outcome(*results.lookup(known, cell)[phase]))
    for known in [results.read()] for cell in cells.CELLS
    if results.lookup(known, cell) for phase in cells.PHASES]


def test_the_page_shows_the_recorded_outcomes():
    assert results.PAGE.read_text() == results.page(results.read())


def test_only_outcomes_of_cells_are_recorded():
    recorded = {
        f'{kind}-{state}-{operation}'
        for kind, of_kind in json.loads(results.DATA.read_text()).items()
        for state, of_state in of_kind.items() for operation in of_state}
    assert recorded and recorded <= {cell.name for cell in cells.CELLS}


@pytest.mark.parametrize('cell, phase, outcome', [
    pytest.param(*each, id=f'{each[0].name}-{each[1]}')
    for each in RECORDED])
def test_what_happened_was_predicted_or_is_explained(cell, phase, outcome):
    assert outcome.as_predicted or cells.unpredicted(
        cell, phase, outcome.predicted, outcome.happened)


@pytest.mark.parametrize('entry', cells.UNPREDICTED,
                         ids=lambda entry: entry.operation)
def test_an_explanation_is_of_something_that_happened(entry):
    tried = [each for each in RECORDED
             if each[0].operation.name == entry.operation
             and each[0].state.name in entry.states
             and entry.phase in ('', each[1])]
    assert not tried or any(
        entry.covers(cell, phase, outcome.predicted, outcome.happened)
        for cell, phase, outcome in tried)


@pytest.mark.parametrize('operation', operations.OPERATIONS,
                         ids=lambda operation: operation.name)
def test_operations_have_known_states(operation):
    assert set(operation.states) <= set(states.STATES) and operation.steps
    assert {step.becomes for step in operation.steps} - {''} <= {
        *readers.STATES, 'shelved_offloaded'}


@pytest.mark.parametrize('state', states.STATES)
def test_each_state_has_operations(state):
    assert any(state in operation.states
               for operation in operations.OPERATIONS)
