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

"""Status says what happens: every state, kind of disk and operation.

One column: ``pytest tests/lab/matrix -k volume``; one cell:
``-k "volume and stopped and start"``.
"""

from __future__ import annotations

import pytest

from tests.lab.matrix import cells


@pytest.mark.parametrize('cell', [
    pytest.param(cell, id=cell.name) for cell in cells.CELLS])
def test_what_happens_is_what_status_says(outcomes_of, cell):
    outcomes = outcomes_of(cell.kind)
    wrong = []
    for phase in cells.PHASES:
        outcome = outcomes[cell, phase]
        if not outcome.as_predicted and not cells.unpredicted(
                cell, phase, outcome.predicted, outcome.happened):
            wrong.append(f'{phase} refresh: {outcome}')
    assert not wrong, '\n'.join(wrong)
