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

"""The screen of ``journal prune``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.run import Pruned
from rbd_mon_fix.report import prune_screen
from tests.unit.report import drawn
from tests.unit.report import test_journal_screen


def pruned(number, kept=None):
    return Pruned(test_journal_screen.run(number), kept)


def drawing(*runs):
    return functools.partial(prune_screen.screen, runs)


CUT_OFF = 'the run is not finished'
SAMPLES = {'prune': drawing(*map(pruned, range(40)), pruned(41, CUT_OFF),
                            pruned(42, 'the run is damaged'),
                            pruned(43, CUT_OFF)),
           'prune-none': drawing()}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)


@pytest.mark.parametrize('runs, first', [
    ([], 'No run is older than those to keep.'),
    ([pruned(1)], '1 run removed, 0 kept.'),
    ([pruned(1), pruned(2), pruned(3, CUT_OFF)], '2 runs removed, 1 kept.')])
def test_the_counts(runs, first):
    assert drawn.to_pipe(drawing(*runs), 80).splitlines()[0] == first


def test_many_runs_take_few_lines():
    text = drawn.to_pipe(drawing(*(pruned(number, CUT_OFF)
                                   for number in range(500))), 80)
    assert 'and 480 more runs (-f csv lists all)' in text
    assert len(text.splitlines()) <= 25


@given(st.lists(drawn.NAMES, max_size=9), st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(reasons, width):
    screen = drawing(*(pruned(number, reason)
                       for number, reason in enumerate(reasons)))
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
