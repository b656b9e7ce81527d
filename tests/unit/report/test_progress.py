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
import itertools

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


def drawn(stream, seconds_a_step):
    ticks = itertools.count(0, seconds_a_step)
    with progress.shown(stream, 'Reading [cmp1]', 3,
                        lambda: next(ticks)) as advance:
        for _ in range(3):
            advance(1)
    return stream.getvalue()


def test_long_work_shows_a_bar_that_goes_away():
    text = drawn(Tty(), 0.6)

    assert 'Reading [cmp1]' in text
    assert '3/3' in text
    assert text.endswith('\x1b[2K')


def test_short_work_shows_nothing():
    assert drawn(Tty(), 0.1) == ''


def test_nothing_is_shown_where_there_is_no_terminal():
    assert drawn(io.StringIO(), 0.6) == ''


def test_the_bar_goes_away_when_the_work_fails():
    stream = Tty()
    with pytest.raises(KeyError):
        with progress.shown(stream, 'Reading', None,
                            itertools.count().__next__) as advance:
            advance(1)
            raise KeyError

    assert stream.getvalue().endswith('\x1b[2K')
