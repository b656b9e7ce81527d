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

import functools
import os
import signal
import subprocess
import threading

import pytest

from rbd_mon_fix.clients import commands
from tests.unit import child_processes

BOUND = child_processes.BOUND
CHILD = 'sleep 60 & echo $! > {0}/new; mv {0}/new {0}/pid; wait'


def start(*words):
    return subprocess.Popen(words, stdout=subprocess.PIPE,
                            start_new_session=True)


def shell(script, running, timeout=BOUND):
    return running.wait(lambda: start('sh', '-c', script), timeout)


def sleeper(folder, running):
    """Run a shell, whose child has the name ``pid`` of a file."""
    return shell(CHILD.format(folder), running)


def test_results_have_the_order_of_the_jobs():
    found = commands.run([functools.partial(shell, f'echo {each}; exit {each}')
                          for each in range(5)], 2)
    assert [(each.code, each.out, each.err) for each in found] == [
        (each, f'{each}\n'.encode(), b'') for each in range(5)]


def test_no_job():
    assert commands.run([], 4) == []


def test_a_command_that_takes_too_long_ends_with_its_children(tmp_path):
    def begun():
        process = start('sh', '-c', CHILD.format(tmp_path))
        child_processes.wait_for(tmp_path / 'pid')
        return process

    assert commands.run([lambda running: running.wait(begun, 0.1)],
                        1) == [None]
    assert child_processes.ended(int((tmp_path / 'pid').read_text()))


def test_an_error_ends_the_other_commands(tmp_path):
    def fail(running):
        child_processes.wait_for(tmp_path / 'pid')
        raise ValueError('no')

    with pytest.raises(ValueError, match='no'):
        commands.run([functools.partial(sleeper, tmp_path), fail], 2)
    assert child_processes.ended(int((tmp_path / 'pid').read_text()))


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
            child_processes.wait_for(tmp_path / 'pid')
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
    assert len(started) == 1 and child_processes.ended(started[0].pid)


def test_nothing_starts_after_the_end():
    running = commands.Running()
    running.end()
    assert running.wait(lambda: pytest.fail('started'), 1) is None
