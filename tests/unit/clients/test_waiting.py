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

"""Calls that never return, fail, or are interrupted."""

from __future__ import annotations

from concurrent import futures
import os
import signal
import subprocess
import sys
import threading

import pytest

from rbd_mon_fix.clients import waiting


@pytest.fixture
def never():
    """Return a call that returns only after the test."""
    end = threading.Event()
    yield end.wait
    end.set()


def test_an_answer():
    assert waiting.answer(lambda: 1) == 1
    assert waiting.answer(lambda: 2, 10) == 2


def test_an_error():
    with pytest.raises(ZeroDivisionError):
        waiting.answer(lambda: 1 / 0, 10)


def test_no_answer(never):
    with pytest.raises(waiting.Silent):
        waiting.answer(never, 0.01)


def test_answers_are_in_the_order_of_the_calls():
    later = threading.Event()

    def first():
        assert later.wait(10)
        return 'first'

    assert waiting.answers([first, later.set], 2) == ['first', None]
    assert waiting.answers([], 2) == []


def test_no_more_threads_than_asked_for():
    met = threading.Barrier(2)
    names = waiting.answers(
        [lambda: (met.wait(10), threading.current_thread().name)[1]] * 4, 2)
    assert len(set(names)) == 2


def test_threads_are_used_again():
    threads = {waiting.begun(threading.current_thread).result(10)
               for _ in range(100)}
    # A call may come before the thread of the last one is free.
    assert len(threads) < 20


def test_a_call_that_returns():
    assert waiting.returned(waiting.begun(lambda: 1), 10)


def test_a_call_that_fails():
    """With an error that looks like a limit that was reached."""
    result = waiting.begun(lambda: futures.Future().result(0))
    assert waiting.returned(result, 10)
    with pytest.raises(futures.TimeoutError):
        result.result()


def test_a_call_that_does_not_return(never):
    assert not waiting.returned(waiting.begun(never), 0.01)


def test_after_an_error_no_call_begins_and_the_others_return():
    begun, ended = threading.Event(), []

    def fail():
        assert begun.wait(10)
        raise KeyError

    def end():
        begun.set()
        left.wait(0.1)
        ended.append('ended')

    left = threading.Event()
    with pytest.raises(KeyError):
        waiting.answers([fail, end, left.set], 2)
    assert ended == ['ended']


def interrupt(call):
    """Interrupt a call in this thread."""
    def interrupting():
        os.kill(os.getpid(), signal.SIGINT)
        call()

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            waiting.answer(interrupting)
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_signal_ends_the_wait(monkeypatch):
    monkeypatch.setattr(waiting, 'GRACE', 0.01)
    returned, end = [], threading.Event()
    interrupt(lambda: returned.append(end.wait(60)))
    assert returned == []
    end.set()


def test_after_a_signal_a_call_may_finish():
    # The signal may arrive before the thread counts as started.
    done, never = [], threading.Event()
    interrupt(lambda: done.append(never.wait(0.2)))
    assert done == [False]


HANGING = '''
import threading
from rbd_mon_fix.clients import waiting
try:
    waiting.answers([threading.Event().wait] * 4, 4, 0.01)
except waiting.Silent:
    print('silent')
'''


def test_a_call_that_hangs_does_not_keep_the_process():
    ran = subprocess.run([sys.executable, '-c', HANGING], check=True,
                         text=True, capture_output=True, timeout=60)
    assert (ran.stdout, ran.stderr) == ('silent\n', '')
