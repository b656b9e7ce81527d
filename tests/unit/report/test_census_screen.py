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

"""The screens of ``guests --from-ceph`` and ``gate``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.report import census_screen
from rbd_mon_fix.report import view as views
from rbd_mon_fix.report.census_screen import WatcherLine
from tests.unit.report import drawn

VIEW = views.View(shared=('--config-file', '/etc/second.conf'),
                  scope=('--fsid', 'F'))
SILENT = ('Cluster ceph: mon.c did not tell its clients: Error ENXIO: problem '
          'getting command descriptions from mon.c',)
WHY = 'rbd: error opening image volume-50: (22) Invalid argument'


def watcher(number, state=GuestState.FOLLOWING, **fields):
    return WatcherLine(**{
        'cluster': 'ceph', 'image': f'volumes/volume-{number}',
        'client': 4100 + number, 'address': f'192.0.2.{number}:0/3275351962',
        'monitors': ('d',), 'state': state,
        'ready': state is GuestState.FOLLOWING, **fields})


def held(number, *monitors):
    return watcher(number, monitors=monitors or ('a',), ready=False)


def stranded(number, **fields):
    return watcher(number, GuestState.STRANDED, **{'monitors': (), **fields})


def unknown(number, **fields):
    return watcher(number, GuestState.UNKNOWN,
                   **{'monitors': (), 'reason': WHY, **fields})


def census(*watchers, silent=()):
    return functools.partial(census_screen.census, watchers, silent, VIEW)


def gate(*watchers, leaving=('a',), silent=()):
    return functools.partial(census_screen.gate, watchers, leaving, silent,
                             VIEW)


FOLLOWING = [watcher(number) for number in range(41)]
UNREAD = unknown(50, client=None, address='')
SAMPLES = {
    'census': census(*FOLLOWING, stranded(41)),
    'census-follow': census(*FOLLOWING),
    'census-none': census(),
    'census-not-judged': census(*FOLLOWING, UNREAD, silent=SILENT),
    'census-60': census(*map(stranded, range(60)), stranded(
        61, image=f'volumes/{"猫" * 90}')),
    'gate': gate(*FOLLOWING, stranded(41), held(42), held(43, 'a', 'b'),
                 UNREAD, leaving=('a', 'b')),
    'gate-open': gate(*FOLLOWING),
    'gate-held': gate(*FOLLOWING, held(42)),
    'gate-silent': gate(*FOLLOWING, silent=SILENT)}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)
    assert len(kept.splitlines()) <= 60


@pytest.mark.parametrize('watchers, silent, verdict', [
    ([], (), 'No image is open. Go on.'),
    ([], SILENT, 'No image is open, but not every monitor told its clients.'),
    ([watcher(1)], (),
     'The only watcher of an image follows the monitors. Go on.'),
    ([watcher(1), watcher(2)], SILENT, 'All 2 watchers of images follow the '
     'monitors, but not every monitor told its clients.'),
    ([watcher(1), stranded(2)], (),
     '1 of 2 watchers follows the monitors, 1 is stranded.'),
    ([stranded(1), stranded(2), unknown(3)], (), '0 of 3 watchers follow the '
     'monitors, 2 are stranded, 1 is not judged.')])
def test_the_verdict(watchers, silent, verdict):
    text = drawn.to_pipe(census(*watchers, silent=silent), 120)
    assert text.splitlines()[0] == verdict


@pytest.mark.parametrize('watchers, leaving, silent, verdict', [
    ([], ('a',), (), 'No image is open. Go on.'),
    ([watcher(1)], ('a',), (), 'The only watcher of an image has a session '
     'on a monitor that stays. Go on.'),
    ([watcher(1), watcher(2)], (), (), 'All 2 watchers of images have a '
     'session on a monitor that stays. Go on.'),
    ([watcher(1)], ('a', 'b'), SILENT, 'Do not remove mon.a, mon.b yet: not '
     'every monitor that stays told its clients.'),
    ([watcher(1), held(2)], ('a',), (), 'Do not remove mon.a yet: 1 of 2 '
     'watchers has no known session on a monitor that stays.'),
    ([stranded(1), stranded(2)], (), (), 'Do not remove any monitor yet: 2 '
     'of 2 watchers have no known session on a monitor that stays.')])
def test_the_verdict_of_the_gate(watchers, leaving, silent, verdict):
    text = drawn.to_pipe(gate(*watchers, leaving=leaving, silent=silent), 120)
    assert text.splitlines()[0] == verdict


@pytest.mark.parametrize('screen, last', [
    (gate(watcher(1)), 'Go on: ceph mon rm a'),
    (gate(held(1)), 'Next: rbd-mon-fix --config-file /etc/second.conf gate '
     '--fsid F a'),
    (census(stranded(1)), 'Next: rbd-mon-fix --config-file /etc/second.conf '
     'refresh --dry-run'),
    (census(unknown(1)), 'Do not go on before every watcher is judged.')])
def test_the_last_line(screen, last):
    assert drawn.to_pipe(screen, 120).splitlines()[-1] == last


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(drawn.NAMES, st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(name, width):
    screen = gate(stranded(1, image=name, address=name), unknown(
        2, reason=name, cluster=name), leaving=('a',), silent=(name,))
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
