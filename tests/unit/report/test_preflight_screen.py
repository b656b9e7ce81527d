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

"""The screen of ``preflight``."""

from __future__ import annotations

import functools

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.report import preflight_screen
from rbd_mon_fix.report import view as views
from rbd_mon_fix.report.preflight_screen import CheckLine
from tests.unit.report import drawn

GRANT = ("GRANT SELECT, UPDATE ON cinder.volume_attachment TO "
         "'rbd_mon_fix_reader'@'controller-17.internal.example';")
FINE = [
    CheckLine('config', '/etc/nova/nova.conf', 'yes', 'Readable.', ''),
    CheckLine('config', '/etc/cinder/cinder.conf', 'yes', 'Readable.', ''),
    CheckLine('database', "Nova's", 'yes', 'Reachable.', ''),
    CheckLine('libvirt', 'cmp1', 'yes', 'Libvirt 9.0.0.', ''),
    CheckLine('journal', '/var/lib/rbd-mon-fix', 'yes', 'Writable.', '')]
FAILED = [
    CheckLine('database', "Cinder's", 'no', "Cinder's database refuses the "
              'user a right that is needed (1142).',
              f"As the database's administrator: {GRANT}"),
    *(CheckLine('ceph', f'monitor 192.0.2.{number}:6789 of ceph-6d0fd8d5',
                'no', 'The monitor does not answer from here.',
                'Check that the monitor is running and reachable from this '
                'host.') for number in (21, 22, 23))]
UNASKED = [CheckLine('api', "Nova's", 'not asked',
                     "No credentials for Nova's API are configured.", ''),
           CheckLine('ceph', 'quorum', 'not asked', '--offline is set.', '')]
VIEW = views.View(shared=('--config-file', '/etc/rbd-mon-fix/the-second.conf'),
                  scope=('--host', 'cmp1'))


def drawing(*groups):
    return functools.partial(preflight_screen.screen, sum(groups, []),
                             ['cmp1'], VIEW)


SAMPLES = {'preflight': drawing(FINE, FAILED, UNASKED),
           'preflight-passes': drawing(FINE, UNASKED)}


@pytest.mark.parametrize('width', drawn.WIDTHS)
@pytest.mark.parametrize('name', SAMPLES)
def test_screen(name, width):
    kept = drawn.golden(name, width).read_text()
    assert drawn.to_pipe(SAMPLES[name], width) == kept
    assert drawn.to_terminal(SAMPLES[name], width) == kept
    statement = [GRANT] if name == 'preflight' else []
    assert [line.strip() for line in drawn.too_long(kept, width)] == (
        statement if width == 80 else [])


def test_a_statement_has_a_line_of_its_own():
    assert GRANT in map(str.strip, drawn.to_pipe(
        SAMPLES['preflight'], 40).splitlines())


def test_one_cause_is_told_once():
    text = drawn.to_pipe(SAMPLES['preflight'], 80)
    assert text.count('does not answer') == 1
    assert "Cinder's: Cinder's" not in text
    assert all(f'192.0.2.{number}' in text for number in (21, 22, 23))


def test_the_ends_say_whether_to_go_on():
    for name, words in (('preflight', 'Do not go on'),
                        ('preflight-passes', 'Go on')):
        first, *_, last = drawn.to_pipe(SAMPLES[name], 999).splitlines()
        assert words in first and words in last


def test_narrow_screens():
    assert drawn.ends_on_narrow_screens(SAMPLES.values())


def test_hosts_share_a_cause():
    hosts = [f'cmp{number:03}' for number in range(500)]
    screen = functools.partial(preflight_screen.screen, [
        CheckLine('libvirt', host, 'no', f'Libvirt on {host} refuses.',
                  f'Start it on {host}.') for host in hosts], hosts, VIEW)
    text = drawn.to_pipe(screen, 80)
    assert not drawn.too_long(text, 80)
    assert 'Libvirt on HOST refuses.' in text
    assert 'cmp011 and 488 more' in ' '.join(text.split())
    assert len(text.splitlines()) <= 25


def test_many_causes_are_counted():
    screen = functools.partial(preflight_screen.screen, [
        CheckLine('ceph', 'a', 'no', f'Error {number}.', '')
        for number in range(60)], [], VIEW)
    text = drawn.to_pipe(screen, 80)
    assert 'and 50 more causes (-f csv lists all)' in text
    assert len(text.splitlines()) <= 25


@given(st.lists(st.tuples(drawn.NAMES, drawn.NAMES, drawn.NAMES,
                          st.sampled_from(('yes', 'no', 'not asked'))),
                max_size=9), st.sampled_from(drawn.WIDTHS))
def test_every_line_fits(checks, width):
    screen = functools.partial(preflight_screen.screen, [
        CheckLine('ceph', *each[:1], each[3], *each[1:3])
        for each in checks], [each[0] for each in checks], VIEW)
    text = drawn.to_pipe(screen, width)
    assert not drawn.too_long(text, width)
    assert drawn.to_terminal(screen, width) == text
