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

"""The screen of ``hook``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.report import hook_screen
from rbd_mon_fix.report import view as views
from rbd_mon_fix.report.hook_screen import PartLine
from tests.unit.report import drawn

VIEW = views.View(shared=('--config-file', '/etc/second.conf'))
PROGRAM = 'rbd-mon-fix --config-file /etc/second.conf'
SCRIPT = PartLine('script', 'current',
                  '/etc/libvirt/hooks/qemu.d/50-rbd-mon-fix', '', True)
MISSING = PartLine('script', 'missing', SCRIPT.where, "run 'hook install'",
                   False, ('rbd-mon-fix', 'hook', 'install'))
MONITORS = PartLine('monitors', 'current', '/etc/libvirt/hooks/'
                    'rbd-mon-fix.json', '2 clusters, written 2026-11-26',
                    True)
OUTDATED = PartLine('monitors', 'outdated', MONITORS.where,
                    f"{MONITORS.note}; run 'refresh' on this host", False,
                    ('rbd-mon-fix', 'refresh'))
SEES = PartLine('libvirtd', 'sees it', 'process 812', '', True)
RESTART = PartLine('libvirtd', 'restart', 'process 812',
                   'started before the hook was installed: run "systemctl '
                   'restart libvirtd"; guests keep running', False,
                   ('systemctl', 'restart', 'libvirtd'))


def drawing(*parts, is_removed=False):
    return functools.partial(hook_screen.screen, parts, is_removed, VIEW)


SAMPLES = {'hook': drawing(SCRIPT, OUTDATED, RESTART),
           'hook-in-order': drawing(SCRIPT, MONITORS, SEES),
           'hook-missing': drawing(MISSING)}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    assert not drawn.too_long(kept, width)


@pytest.mark.parametrize('parts, commands', [
    ([MISSING], [f'{PROGRAM} hook install']),
    ([SCRIPT, OUTDATED], [f'{PROGRAM} refresh']),
    ([SCRIPT, MONITORS, RESTART], ['systemctl restart libvirtd']),
    ([SCRIPT, OUTDATED, RESTART],
     [f'{PROGRAM} refresh', 'systemctl restart libvirtd']),
    ([SCRIPT, MONITORS, SEES], [])])
def test_the_next_commands(parts, commands):
    assert [line for line in drawn.to_pipe(drawing(*parts), 80).splitlines()
            if line.startswith('Next')] == [
        f'Next: {words}' for words in commands]


@pytest.mark.parametrize('parts, verdict', [
    ([MISSING], 'The hook is not installed.'),
    ([SCRIPT, OUTDATED, SEES],
     'The hook is not in order: 1 of 3 parts needs action.'),
    ([SCRIPT, MONITORS],
     'The hook is installed and in order. There is nothing to do.')])
def test_the_verdict(parts, verdict):
    assert drawn.to_pipe(drawing(*parts), 80).splitlines()[0] == verdict


def test_a_hook_that_was_removed():
    assert drawn.to_pipe(drawing(MISSING, is_removed=True), 80) == (
        'The hook is removed.\n')
    text = drawn.to_pipe(drawing(SCRIPT, SEES, is_removed=True), 80)
    assert 'installed' in text


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


@given(st.lists(st.tuples(drawn.NAMES, drawn.NAMES, st.booleans()),
                min_size=1, max_size=5), st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(found, width):
    screen = drawing(*(PartLine('script', 'current', where, note, fine)
                       for where, note, fine in found))
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
