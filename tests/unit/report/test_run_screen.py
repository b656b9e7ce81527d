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

"""The screen of ``journal show``."""

from __future__ import annotations

import dataclasses
import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.report import run_screen
from rbd_mon_fix.report import view as views
from tests.unit.report import drawn

OLD = tuple(MonAddr(f'192.0.2.{number}', 6789) for number in (11, 12, 13))
NEW = tuple(MonAddr(f'192.0.2.{number}', 6789) for number in (21, 22, 23))
ID = '20261126-010600-87b7'
VIEW = views.View(shared=('--journal-dir', '/srv/journal'))
PROGRAM = 'rbd-mon-fix --journal-dir /srv/journal'


def uuid(number):
    return f'{0x41265bce + number:08x}-c2ae-5c5f-8f5e-2f6f2b1a7c11'


def entry(number, store='domain', disks=('vda', 'vdb'),
          verdict=Verdict.FIXED, reason='', host='cmp1', old=OLD):
    return Entry(Locator(store, host, uuid(number), '7'), tuple(
        Edit(disk, 'vms/root', 'ceph-6d0fd8d5', old, NEW, '', '')
        for disk in disks), '', '', verdict, reason)


def server(number, **fields):
    return [entry(number, 'nova-bdm', ('volume',), **fields),
            entry(number, **fields)]


def run(*entries, **fields):
    made = Run(ID, 'refresh', ('cmp1',), '2026-11-26T01:06:00+00:00', None,
               sum(entries, []), True, frozenset())
    return dataclasses.replace(made, **fields)


def drawing(*entries, **fields):
    return functools.partial(run_screen.screen, run(*entries, **fields), VIEW)


FAILED = {'verdict': Verdict.FAILED, 'reason': 'The domain is locked by '
          'another job (blockcommit), which lasts longer than 30 seconds.'}
SAMPLES = {
    'run': drawing(server(1), server(2)),
    'run-nothing': drawing(),
    'run-cut-off': drawing(
        server(1), server(2, verdict=None), server(3, **FAILED),
        server(4, **FAILED), finished=False, locked=frozenset({uuid(2)})),
    'run-rollback': drawing(
        server(1), server(2, host='cmp2', old=NEW[:1]), command='rollback',
        undoes='20261120-010600-0a0b', hosts=('cmp1', 'cmp2')),
    'run-60': drawing(*map(server, range(60)))}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)


def ends(*entries, **fields):
    text = drawn.to_pipe(drawing(*entries, **fields), 200)
    return text.splitlines()[0], text.splitlines()[-1]


@pytest.mark.parametrize('entries, fields, first', [
    ([server(1)], {}, 'refresh on cmp1, 2 changes: 2 fixed.'),
    ([], {}, 'refresh on cmp1, 0 changes.'),
    ([server(1, verdict=None)], {'finished': False},
     'refresh on cmp1, 2 changes: 2 not made. The run is not finished.'),
    ([server(1)], {'undoes': 'R', 'command': 'rollback'},
     'rollback of R on cmp1, 2 changes: 2 fixed.'),
    ([server(1)], {'condition': Condition.DAMAGED, 'finished': False},
     'refresh on cmp1, 2 changes: 2 fixed. Some lines of its file cannot be '
     'read.'),
    ([server(1)], {'hosts': tuple('abcd')},
     'refresh on 4 hosts, 2 changes: 2 fixed.')])
def test_the_verdict(entries, fields, first):
    assert ' '.join(ends(*entries, **fields)[0].split()) == (
        f'Run {ID}: {first}')


def test_the_last_line_takes_the_run_back():
    assert ends(server(1))[1] == f'Take back: {PROGRAM} rollback {ID}'
    assert ends()[1] == 'There is nothing to take back.'


def test_a_run_that_was_cut_off_can_go_on():
    text = drawn.to_pipe(SAMPLES['run-cut-off'], 80)
    assert f'Next: {PROGRAM} refresh --host cmp1' in text.splitlines()


def test_a_move_is_told_once():
    text = drawn.to_pipe(SAMPLES['run-60'], 80)
    assert text.count('192.0.2.{11,12,13}:6789') == 1
    assert '180 copies (120 domain, 60 nova-bdm)' in text


def test_failures_come_first():
    text = drawn.to_pipe(SAMPLES['run-cut-off'], 80)
    places = [text.index(word) for word in (
        '4 changes failed', '2 changes not made', '2 changes fixed')]
    assert places == sorted(places)


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(st.lists(st.tuples(drawn.NAMES, st.sampled_from(
           (None, *Verdict)), drawn.NAMES), max_size=9),
       st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(entries, width):
    screen = drawing([
        entry(number, host=host, verdict=verdict, reason=reason)
        for number, (host, verdict, reason) in enumerate(entries)])
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
