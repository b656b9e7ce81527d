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

"""Commands that end together, on every way out."""

from __future__ import annotations

import contextlib
import functools
import os
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from rbd_mon_fix.clients import commands

BOUND = 30


def start(*words):
    return subprocess.Popen(words, stdout=subprocess.PIPE,
                            start_new_session=True)


def shell(script, running, timeout=BOUND):
    return running.wait(lambda: start('sh', '-c', script), timeout)


def sleeper(folder, running):
    """Run a shell, whose child has the name ``pid`` of a file."""
    return shell(f'sleep 60 & echo $! > {folder}/new; '
                 f'mv {folder}/new {folder}/pid; wait', running)


def ended(pid):
    """Wait, within a bound, for a process to exit or become a zombie."""
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline:
        with contextlib.suppress(FileNotFoundError):
            text = pathlib.Path(f'/proc/{pid}/stat').read_text()
            if text.rpartition(')')[2].split()[0] != 'Z':
                os.sched_yield()
                continue
        return True
    return False


def wait_for(path):
    deadline = time.monotonic() + BOUND
    while not path.exists() and time.monotonic() < deadline:
        os.sched_yield()


def test_results_have_the_order_of_the_jobs():
    found = commands.run([functools.partial(shell, f'echo {each}; exit {each}')
                          for each in range(5)], 2)
    assert [(each.code, each.out, each.err) for each in found] == [
        (each, f'{each}\n'.encode(), b'') for each in range(5)]


def test_no_job():
    assert commands.run([], 4) == []


def test_a_command_that_takes_too_long_ends_with_its_children(tmp_path):
    def job(running):
        return running.wait(lambda: start(
            'sh', '-c', f'sleep 60 & echo $! > {tmp_path}/pid; wait'), 1)

    assert commands.run([job], 1) == [None]
    assert ended(int((tmp_path / 'pid').read_text()))


def test_an_error_ends_the_other_commands(tmp_path):
    def fail(running):
        wait_for(tmp_path / 'pid')
        raise ValueError('no')

    with pytest.raises(ValueError, match='no'):
        commands.run([functools.partial(sleeper, tmp_path), fail], 2)
    assert ended(int((tmp_path / 'pid').read_text()))


@pytest.mark.parametrize('early', [False, True])
def test_a_signal_ends_all(tmp_path, early):
    """Even if it comes while a command starts."""
    begun = threading.Event()
    gone = threading.Event()

    def slow():
        begun.set()
        if early:
            gone.wait(BOUND)
        return start('sh', '-c', f'echo $$ > {tmp_path}/pid; exec sleep 60')

    def interrupt():
        begun.wait(BOUND)
        if not early:
            wait_for(tmp_path / 'pid')
        os.kill(os.getpid(), signal.SIGINT)

    def handler(number, frame):
        gone.set()
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, handler)
    thread = threading.Thread(target=interrupt)
    thread.start()
    started = []
    try:
        with pytest.raises(KeyboardInterrupt):
            commands.run([lambda running: running.wait(
                lambda: started.append(slow()) or started[-1], BOUND)], 1)
    finally:
        thread.join()
        signal.signal(signal.SIGINT, before)
    assert len(started) == 1 and ended(started[0].pid)


def test_nothing_starts_after_the_end():
    running = commands.Running()
    running.end()
    assert running.wait(lambda: pytest.fail('started'), 1) is None
