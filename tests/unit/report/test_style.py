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

from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.report import style
from tests.unit.report import sample

STALE = sample.stale(1)
DRIFTED = [sample.copy(sample.instance(1), state=State.DRIFTED)]


@pytest.mark.parametrize('copies, done, expected', [
    (sample.current(1), None, 'green'),
    (STALE, None, style.BAD),
    (STALE, sample.outcomes(STALE), 'green'),
    (STALE, sample.outcomes(STALE[:2]), 'yellow'),
    (STALE[2:], None, 'yellow'),
    (DRIFTED, None, 'yellow'),
    (DRIFTED, sample.outcomes(DRIFTED), 'green'),
    (DRIFTED, sample.outcomes(DRIFTED, Verdict.FAILED), 'yellow'),
    (sample.unreadable(1), None, 'yellow')])
def test_a_run_is_as_red_as_what_it_leaves(copies, done, expected):
    assert style.of_run(sample.summary([copies], done)) == expected


@pytest.mark.parametrize('word', [*State, *Verdict])
def test_every_state_and_verdict_has_a_style(word):
    assert style.of(word.value)


def test_severity_orders_words():
    words = ['stale', 'current', 'else', 'conflict', 'drifted']

    assert sorted(words, key=style.severity) == [
        'current', 'else', 'drifted', 'stale', 'conflict']
