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

import io
import re

import pytest

from rbd_mon_fix.report import progress


class Tty(io.StringIO):

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def terminal(monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('COLUMNS', '80')
    monkeypatch.delenv('TTY_COMPATIBLE', raising=False)
    monkeypatch.delenv('TTY_INTERACTIVE', raising=False)


class Clock:
    """A clock that stands still between two steps."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def drawn(stream, seconds_a_step, mode='auto', total=3):
    clock = Clock()
    with progress.Display(stream, mode, clock).shown(
            'Reading', total) as advance:
        for _ in range(3):
            clock.now += seconds_a_step
            advance(1)
    return stream.getvalue()


def test_long_work_shows_a_bar_that_goes_away():
    text = drawn(Tty(), 0.6)
    assert 'Reading' in text
    assert '3 of 3 servers' in text
    assert '1.7/s' in text
    assert text.endswith('\x1b[2K')


def test_short_work_shows_nothing():
    assert drawn(Tty(), 0.1) == ''


def test_a_bar_on_demand_where_there_is_no_terminal():
    assert '3 of 3 servers' in drawn(io.StringIO(), 0.6, 'bar')


def test_a_bar_fits_a_line():
    clock, stream = Clock(), Tty()
    with progress.Display(stream, 'auto', clock).shown(
            'Writing', 123_456, 1000) as advance:
        clock.now += 2
        advance(11_000)
    assert ('12,000 of 123,456 changes 5,500/s  ETA 0:00:20'
            in re.sub('\x1b[^a-zA-Z]*[a-zA-Z]', '', stream.getvalue()))


def test_the_bar_goes_away_when_the_work_fails():
    stream, clock = Tty(), Clock()
    with pytest.raises(KeyError):
        with progress.Display(stream, 'auto', clock).shown(
                'Reading', None) as advance:
            clock.now += 2
            advance(1)
            raise KeyError

    assert '1 server ' in stream.getvalue()
    assert stream.getvalue().endswith('\x1b[2K')


@pytest.mark.parametrize('stream, mode', [
    (io.StringIO, 'auto'), (io.StringIO, 'lines'), (Tty, 'lines')])
def test_a_line_every_ten_seconds(stream, mode):
    stream, clock = stream(), Clock()
    with progress.Display(stream, mode, clock).shown(
            'Reading', 30_000) as advance:
        for _ in range(7):
            clock.now += 4
            advance(1000)
    assert stream.getvalue() == (
        'Reading: 3,000 of 30,000 servers  250/s  ETA 0:01:48\n'
        'Reading: 6,000 of 30,000 servers  250/s  ETA 0:01:36\n')


@pytest.mark.parametrize('mode', ['auto', 'lines'])
def test_no_line_for_short_work(mode):
    assert drawn(io.StringIO(), 3, mode) == ''


@pytest.mark.parametrize('stream', [io.StringIO, Tty])
def test_no_progress(stream):
    assert drawn(stream(), 60, 'none') == ''


def test_a_line_without_a_total():
    assert drawn(io.StringIO(), 10, total=None).splitlines()[-1] == (
        'Reading: 3 servers  0.1/s')


def test_more_steps_than_were_counted():
    assert drawn(io.StringIO(), 10, total=2).splitlines()[-1] == (
        'Reading: 3 of 3 servers  0.1/s  ETA 0:00:00')


def test_blocks_that_continue_a_phase():
    """The rate is that of the whole phase, pauses included."""
    stream, clock = io.StringIO(), Clock()
    display = progress.Display(stream, 'auto', clock)
    for done in (0, 40, 80):
        with display.shown('Writing', 120, done) as advance:
            clock.now += 3
            advance(40)
        clock.now += 1
    assert stream.getvalue() == (
        'Writing: 120 of 120 changes  11/s  ETA 0:00:00\n')


def test_a_new_phase_has_a_rate_of_its_own():
    stream, clock = io.StringIO(), Clock()
    display = progress.Display(stream, 'auto', clock)
    for what, seconds in (('Reading', 50), ('Opening', 10)):
        with display.shown(what, 10) as advance:
            clock.now += seconds
            advance(5)
    assert stream.getvalue().splitlines() == [
        'Reading: 5 of 10 servers  0.1/s  ETA 0:00:50',
        'Opening: 5 of 10 disks  0.5/s  ETA 0:00:10']


def test_a_reader_that_went_away_ends_nothing():
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError

    assert drawn(Gone(), 60) == ''
