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

"""The screen of ``journal list``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import RunSummary
from rbd_mon_fix.report import journal_screen
from rbd_mon_fix.report import view as views
from tests.unit.report import drawn

VIEW = views.View(shared=('--journal-dir', '/srv/journal'))
PROGRAM = 'rbd-mon-fix --journal-dir /srv/journal'


def name(number):
    return f'20261126-{number:06}-87b7'


def run(number, command='refresh', **fields):
    return RunSummary(**{
        'id': name(number), 'command': command, 'hosts': ('cmp1',),
        'started': '2026-11-26T00:00:00+00:00', 'undoes': None,
        'outcomes': {Verdict.FIXED: number}, 'finished': True, **fields})


def cut_off(number, **fields):
    return run(number, finished=False,
               outcomes={Verdict.FIXED: 1850, None: 2150}, **fields)


def drawing(*runs, last=0):
    return functools.partial(journal_screen.screen, runs, last, VIEW)


def shown(*runs, **fields):
    return drawn.to_pipe(drawing(*runs, **fields), 80).splitlines()


HOSTS = tuple(f'compute-{number:03}.internal.example' for number in range(9))
BACK = run(3, 'rollback', undoes=name(2), outcomes={Verdict.FIXED: 2})
MIXED = run(4, hosts=HOSTS[:2], outcomes={
    Verdict.FIXED: 12880, Verdict.FAILED: 2, Verdict.CONFLICT: 11})
SAMPLES = {
    'journal': drawing(run(1), run(2), BACK, MIXED,
                       run(5, hosts=HOSTS, outcomes={})),
    'journal-none': drawing(),
    'journal-cut-off': drawing(
        cut_off(1), run(2, '', hosts=(), condition=Condition.DAMAGED,
                        outcomes={}), run(3), cut_off(4, hosts=HOSTS)),
    'journal-many': drawing(cut_off(1), *map(run, range(2, 60)))}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)
    assert len(kept.splitlines()) <= 25


@pytest.mark.parametrize('runs, back', [
    ([run(1), run(2)], 2),
    # The last one that is not taken back already, and did something.
    ([run(1), run(2), BACK], 1), ([run(1), run(2, outcomes={})], 1),
    ([run(1), cut_off(2)], 2)])
def test_the_last_run_can_be_taken_back(runs, back):
    assert shown(*runs)[-1] == f'Take back: {PROGRAM} rollback {name(back)}'


@pytest.mark.parametrize('runs', [[run(2), BACK], [run(1, outcomes={})]])
def test_nothing_to_take_back(runs):
    assert not any('Take back' in line for line in shown(*runs))


@pytest.mark.parametrize('last, command', [
    (cut_off(1), 'refresh --host cmp1'),
    (cut_off(1, hosts=('a', 'b')), 'refresh --host a,b'),
    (cut_off(1, hosts=HOSTS), 'refresh --all-hosts'),
    (cut_off(1, command='rollback', undoes=name(9)), f'rollback {name(9)}')])
def test_a_run_that_was_cut_off_can_go_on(last, command):
    assert f'Next: {PROGRAM} {command}' in shown(last)


@pytest.mark.parametrize('condition, words', [
    (Condition.DAMAGED, 'cannot be read'), (Condition.NEWER, 'newer version')])
def test_a_run_that_cannot_be_read(condition, words):
    lines = shown(run(1, condition=condition, outcomes={}))
    assert any(line.startswith('  ! ') for line in lines)
    assert words in ' '.join(lines)
    assert not any(line.startswith('Next') for line in lines)


def test_a_number_of_runs_that_was_asked_for_is_shown():
    listed = [line for line in shown(*map(run, range(100)), last=100)
              if line.startswith('    2026')]
    assert len(listed) == 100


def test_what_is_not_finished_is_shown_however_old():
    assert shown(cut_off(1), *map(run, range(2, 99)))[2].startswith(
        f'  ! {name(1)}')


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(st.lists(st.tuples(drawn.NAMES, drawn.NAMES, st.booleans()),
                max_size=9), st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(found, width):
    screen = drawing(*(
        run(number, command[:10], hosts=(host,), finished=finished)
        for number, (command, host, finished) in enumerate(found)))
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
