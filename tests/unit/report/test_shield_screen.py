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

"""The screen of ``shield``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import shield_screen
from rbd_mon_fix.report import view as views
from rbd_mon_fix.report.shield_screen import UserLine
from tests.unit.report import drawn

VIEW = views.View(shared=('--config-file', '/etc/second.conf'))
PROGRAM = 'rbd-mon-fix --config-file /etc/second.conf'
PATH = '/etc/ceph/ceph.conf'
FSID = '534b004b-4bea-476e-a1b1-8c8698cfcc50'


def addrs(*numbers):
    return tuple(MonAddr(f'192.0.2.{number}', None) for number in numbers)


SHIELDED = UserLine('cinder', 'shielded', FSID, addrs(21, 22, 23), '', True)
OUTDATED = UserLine('nova', 'outdated', FSID, addrs(11, 12, 13, 21, 22, 23),
                    '', False, 'refresh')
MISSING = UserLine('glance', 'missing', None, (), '', False, 'install')
BARRED = UserLine('dcn', 'barred', None, (),
                  'east and west both have this user.', False)
NOT_PROVEN = UserLine('manila', 'not proven', None, (),
                      'volumes/a does not open: no answer within 10 seconds',
                      False)
WITHOUT = UserLine(None, 'barred', None, (), (
    'Its section would be that of client.admin, which commands of '
    'administrators read as well.'), False)


def drawing(*users, is_removed=False):
    return functools.partial(shield_screen.screen, users, PATH, is_removed,
                             VIEW)


SAMPLES = {'shield': drawing(WITHOUT, SHIELDED, BARRED, MISSING, NOT_PROVEN,
                             OUTDATED),
           'shield-in-order': drawing(SHIELDED),
           'shield-missing': drawing(MISSING)}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)


@pytest.mark.parametrize('users, command', [
    ([SHIELDED], None), ([BARRED], None), ([NOT_PROVEN], None),
    ([MISSING], 'install'), ([OUTDATED], 'refresh'),
    ([OUTDATED, MISSING], 'install')])
def test_the_next_command(users, command):
    assert [line for line in drawn.to_pipe(drawing(*users), 80).splitlines()
            if line.startswith('Next')] == (
        [f'Next: {PROGRAM} shield {command}'] if command else [])


@pytest.mark.parametrize('users, verdict', [
    ([], 'No document of this host names an RBD disk: there is nothing to '
     'shield.'),
    ([MISSING, BARRED], 'There is no shield in /etc/ceph/ceph.conf.'),
    ([SHIELDED], 'The shield in /etc/ceph/ceph.conf is in order. There is '
     'nothing to do.'),
    ([SHIELDED, OUTDATED], 'The shield in /etc/ceph/ceph.conf is not in '
     'order: 1 of 2 cephx users needs action.'),
    ([SHIELDED, OUTDATED, MISSING], 'The shield in /etc/ceph/ceph.conf is '
     'not in order: 2 of 3 cephx users need action.')])
def test_the_verdict(users, verdict):
    shown = drawn.to_pipe(drawing(*users), 80).partition('\n\n')[0]
    assert ' '.join(shown.split()) == verdict


def test_a_shield_that_was_removed():
    assert drawn.to_pipe(drawing(is_removed=True), 80) == (
        'There is no shield in /etc/ceph/ceph.conf.\n')


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(st.lists(st.builds(
    UserLine, st.none() | drawn.NAMES, drawn.NAMES, st.none() | drawn.NAMES,
    st.sampled_from([(), addrs(1, 2)]), drawn.NAMES, st.booleans()),
    min_size=1, max_size=5), st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(users, width):
    screen = drawing(*users)
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
