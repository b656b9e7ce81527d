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

"""The screen of ``guests``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import guests_screen
from rbd_mon_fix.report import view as views
from rbd_mon_fix.report.guests_screen import GuestLine
from tests.unit.report import drawn

OLD = tuple(MonAddr(f'192.0.2.{number}', 6789) for number in (11, 12, 13))
NEW = tuple(MonAddr(f'192.0.2.{number}', 3300) for number in (21, 22))
VIEW = views.View(shared=('--config-file', '/etc/second.conf'))


def uuid(number):
    return f'{0x41265bce + number:08x}-c2ae-5c5f-8f5e-2f6f2b1a7c11'


def guest(number, state=GuestState.FOLLOWING, **fields):
    return GuestLine(**{
        'instance': uuid(number), 'name': f'web-{number}',
        'pid': 21877 + number, 'launched': OLD, 'connected': NEW,
        'state': state, **fields})


def stranded(number, **fields):
    return guest(number, GuestState.STRANDED, **{'connected': (), **fields})


def unknown(number, **fields):
    return guest(number, GuestState.UNKNOWN, **fields)


def drawing(*guests, hidden=0, view=VIEW):
    return functools.partial(guests_screen.screen, guests, 'cmp1', hidden,
                             view)


FOLLOWING = [guest(number) for number in range(41)]
DOUBTFUL = [unknown(50), unknown(51, connected=None, name='猫' * 60),
            unknown(52, is_domain=False, instance='a-guest-of-nobody',
                    name='')]
SAMPLES = {
    'guests': drawing(*FOLLOWING, stranded(41)),
    'guests-follow': drawing(*FOLLOWING),
    'guests-none': drawing(),
    'guests-not-judged': drawing(*FOLLOWING, *DOUBTFUL, hidden=2),
    'guests-60': drawing(*map(stranded, range(55)),
                         *(stranded(number, connected=OLD[:1])
                           for number in range(55, 60)), *DOUBTFUL)}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)
    assert len(kept.splitlines()) <= 60 + 25


@pytest.mark.parametrize('guests, hidden, verdict', [
    ([], 0, 'no guest with an RBD disk is running. Go on.'),
    ([guest(1)], 0, 'the only running guest follows the monitors. Go on.'),
    ([stranded(1)], 0, 'the only running guest is stranded.'),
    ([], 1, 'the only running guest is not judged.'),
    ([guest(1), stranded(2)], 0,
     '1 of 2 running guests follows the monitors, 1 is stranded.'),
    ([stranded(1), stranded(2), unknown(3)], 1,
     '0 of 4 running guests follow the monitors, 2 are stranded, '
     '2 are not judged.'),
    # Any user can start a process that looks like a guest.
    ([guest(1), guest(2), unknown(3, is_domain=False)], 0,
     'all 2 running guests follow the monitors. Go on.')])
def test_the_verdict(guests, hidden, verdict):
    text = drawn.to_pipe(drawing(*guests, hidden=hidden), 99)
    assert text.splitlines()[0] == f'cmp1: {verdict}'


@pytest.mark.parametrize('guests, words', [
    ([stranded(1)], f' --instance {uuid(1)}'),
    ([stranded(1), stranded(2)], '')])
def test_the_next_command(guests, words):
    assert drawn.to_pipe(drawing(*guests), 80).splitlines()[-1] == (
        'Next: rbd-mon-fix --config-file /etc/second.conf refresh'
        f'{words} --dry-run')


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(st.lists(st.tuples(drawn.NAMES, st.sampled_from(GuestState),
                          st.none() | drawn.NAMES, st.booleans()),
                max_size=9), st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(guests, width):
    screen = drawing(*(
        guest(number, state, name=name, instance=instance,
              is_domain=is_domain)
        for number, (name, state, instance, is_domain)
        in enumerate(guests)))
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
