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

"""The screen of ``lifeline plan``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.core import lifeline
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.model.lifeline import ClusterLifelines
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap
from rbd_mon_fix.report import lifeline_screen
from tests.unit.report import drawn

CHECKS = ('rbd-mon-fix guests --from-ceph', 'rbd-mon-fix gate')
SILENT = ('Cluster ceph: mon.c did not tell its clients: no',)
TODAY = '21 22 23'


def addrs(last):
    return tuple(MonAddr(f'192.0.2.{last}', port) for port in (3300, 6789))


def monmap(lasts):
    return MonMap(tuple(Monitor(f'm{last}', addrs(last)[1], addrs(last))
                        for last in lasts.split()))


def cluster(*maps, name='ceph', stranded=2, taken=''):
    """Return the plan of a cluster whose present epoch is the last."""
    history = MonHistory(tuple(
        MonEpoch(number, '', monmap(lasts))
        for number, lasts in enumerate((*maps, TODAY), 1) if lasts))
    return ClusterLifelines(
        name, None, ('m21',), stranded, lifeline.plan(
            history, monmap(TODAY),
            [addr for last in taken.split() for addr in addrs(last)]))


def screen(*plans, not_judged=0, silent=()):
    return functools.partial(lifeline_screen.screen, plans, not_judged,
                             silent, CHECKS)


SAMPLES = {
    'lifeline': screen(cluster('1 2 3', '2 3', '2 3 21', stranded=1)),
    'lifeline-two': screen(cluster('1 2', '11 12'),
                           cluster('5', name='far')),
    'lifeline-doubts': screen(cluster('1', '2 3', '', '4 5', taken='1 2 4'),
                              not_judged=3, silent=SILENT),
    'lifeline-same': screen(cluster('1 21')),
    'lifeline-taken': screen(cluster('1', taken='1')),
    'lifeline-none': screen(),
    'lifeline-not-judged': screen(not_judged=1, silent=SILENT)}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not too_long(kept, width)


def too_long(text, width):
    """Return the lines that are folded, without commands to type."""
    return [line for line in drawn.too_long(text, width)
            if not line.startswith(lifeline_screen.INDENT)]


def test_commands_are_whole():
    shown = drawn.to_pipe(SAMPLES['lifeline'], 40).splitlines()
    plan = cluster('1 2 3', '2 3', '2 3 21').plan
    for way in plan.lifelines[0].ways:
        for command in way.commands + way.back:
            assert f'{lifeline_screen.INDENT}{command}' in shown


@pytest.mark.parametrize('plans, first', [
    ([cluster('1 2', stranded=1)], '1 client of cluster ceph is stranded: 1 '
     'old address that answers reaches it.'),
    ([cluster('1', '2')], '2 clients of cluster ceph are stranded: 2 old '
     'addresses that answer reach all of them.'),
    ([cluster('1', '2', taken='1')], '2 clients of cluster ceph are stranded: '
     '1 old address that answers reaches only those with a monmap of epoch '
     '2.'),
    ([cluster('1', taken='1')], '2 clients of cluster ceph are stranded, and '
     'no old address can bring them back.'),
    ([], 'No client is stranded. There is nothing to do.')])
def test_the_verdict(plans, first):
    assert drawn.to_pipe(screen(*plans), 200).splitlines()[0] == first


def test_the_warnings():
    text = drawn.to_pipe(SAMPLES['lifeline'], 400)
    assert 'restart no OSD and move no data' in text
    assert 'Never redirect an old address to a present monitor' in text
    for name in ('PREFIX', 'DEV', 'OTHER'):
        assert f'{name} ' in text


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(drawn.NAMES, st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(name, width):
    shown = screen(cluster('1 2', '3', name=name), not_judged=1,
                   silent=(name,))
    text = drawn.to_pipe(shown, width)
    assert not too_long(text, width)
    assert drawn.to_terminal(shown, width) == text
