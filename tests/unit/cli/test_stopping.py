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

"""The first signal during a write, and the second."""

from __future__ import annotations

import io
import os
import pty
import select
import signal
import time

import pytest

from rbd_mon_fix.cli import stopping


def at_once(signum, frame):
    raise KeyboardInterrupt


@pytest.fixture(autouse=True)
def handlers():
    """Interrupt at once, as main does; put the handlers back."""
    before = {number: signal.signal(number, at_once)
              for number in stopping.SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize('first', stopping.SIGNALS)
@pytest.mark.parametrize('second', stopping.SIGNALS)
def test_the_first_signal_is_noted_and_the_second_interrupts(first, second):
    err = io.StringIO()
    stop = stopping.Stop(err)
    with pytest.raises(KeyboardInterrupt):
        with stop.polite():
            stop.servers = 50
            assert not stop.asked
            signal.raise_signal(first)
            assert stop.asked
            signal.raise_signal(second)
    assert err.getvalue() == ('Finishing the 50 servers in hand. Ctrl-C again '
                              'stops at once.\n')


def test_a_batch_that_does_not_end_is_interrupted(monkeypatch):
    monkeypatch.setattr(stopping, 'PATIENCE', 0.01)
    stop = stopping.Stop(io.StringIO())
    with pytest.raises(KeyboardInterrupt):
        with stop.polite():
            signal.raise_signal(signal.SIGINT)
            time.sleep(60)
    assert stop.asked


def test_a_batch_that_ends_is_not_interrupted_later():
    with stopping.Stop(io.StringIO()).polite():
        signal.raise_signal(signal.SIGINT)
        assert signal.getitimer(signal.ITIMER_REAL)[0] > 0
    assert signal.getitimer(signal.ITIMER_REAL)[0] == 0


def test_outside_the_block_a_signal_interrupts():
    stop = stopping.Stop(io.StringIO())
    with stop.polite():
        pass
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)
    assert not stop.asked


def test_an_ignored_signal_stays_ignored():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = stopping.Stop(io.StringIO())
    with stop.polite():
        signal.raise_signal(signal.SIGHUP)
    assert not stop.asked
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_handler_of_a_later_signal_stays():
    """The command line replaces its handler when it interrupts."""
    def interrupt(signum, frame):
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    with pytest.raises(KeyboardInterrupt):
        with stopping.Stop(io.StringIO()).polite():
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL


def test_one_server():
    err = io.StringIO()
    stop = stopping.Stop(err)
    stop.servers = 1
    with stop.polite():
        signal.raise_signal(signal.SIGTERM)
    assert err.getvalue().startswith('Finishing the server in hand.')


def read_line(terminal):
    """Read a line, which the kernel may pass on in parts."""
    found = ''
    while not found.endswith('\n'):
        assert select.select([terminal], [], [], 20)[0], found
        found += os.read(terminal, 1000).decode()
    return found


def test_a_terminal_and_a_file(tmp_path):
    """The line replaces a bar, and does not wait for a buffer."""
    said = []
    reading, writing = pty.openpty()
    for file in (os.fdopen(writing, 'w'), (tmp_path / 'err').open('w')):
        stop = stopping.Stop(file)
        with stop.polite():
            signal.raise_signal(signal.SIGINT)
        said.append(read_line(reading) if file.isatty()
                    else (tmp_path / 'err').read_text())
        file.close()
    os.close(reading)
    words = 'Finishing the server in hand. Ctrl-C again stops at once.'
    assert said == [f'\r\x1b[2K{words}\r\n', f'{words}\n']


def test_a_full_stream_stops_nothing():
    with open('/dev/full', 'w') as full:
        stop = stopping.Stop(full)
        with stop.polite():
            signal.raise_signal(signal.SIGINT)
    assert stop.asked


@pytest.mark.parametrize('number', stopping.SIGNALS)
def test_a_signal_is_held_until_the_block_ends(number):
    err = io.StringIO()
    done = []
    with pytest.raises(KeyboardInterrupt):
        with stopping.held(err):
            signal.raise_signal(number)
            signal.raise_signal(number)
            done.append(number)
    assert done == [number]
    assert 'a guest is not left stopped' in err.getvalue()
    assert signal.getsignal(number) is at_once


def test_without_a_signal_nothing_is_held():
    err = io.StringIO()
    with stopping.held(err):
        pass
    assert err.getvalue() == ''


def test_a_signal_that_was_ignored_stays_so():
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    err = io.StringIO()
    with stopping.held(err):
        signal.raise_signal(signal.SIGHUP)
    assert err.getvalue() == ''


def test_an_error_outlasts_a_held_signal():
    """The error tells what is wrong; the signal would hide it."""
    with pytest.raises(ValueError):
        with stopping.held(io.StringIO()):
            signal.raise_signal(signal.SIGINT)
            raise ValueError
    assert signal.getsignal(signal.SIGINT) is at_once
