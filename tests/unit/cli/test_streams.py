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

"""Standard streams that are closed or full, within this process.

``test_main`` has processes whose streams are.
"""

import io
import os
import sys

import pytest

from rbd_mon_fix.cli import streams


def test_open_streams_stay():
    before = sys.stdout, sys.stderr
    opened = len(os.listdir('/proc/self/fd'))
    streams.complete()
    assert (sys.stdout, sys.stderr) == before
    assert len(os.listdir('/proc/self/fd')) == opened


def test_a_stream_that_works():
    assert streams.failure(io.StringIO()) is None


def test_a_closed_stdout_fails_and_a_closed_stderr_is_silent(monkeypatch):
    monkeypatch.setattr(sys, 'stdout', None)
    monkeypatch.setattr(sys, 'stderr', None)
    streams.complete()
    for stream in (sys.stdout, sys.stderr):
        stream.write('a')
    assert streams.failure(sys.stdout).strerror == 'Bad file descriptor'
    assert streams.failure(sys.stderr) is None
    streams.settle()
    assert streams.failure(sys.stdout) is None


def test_what_a_full_disk_does_not_take_is_dropped():
    with open('/dev/full', 'w') as full:
        full.write('a')
        assert streams.failure(full).strerror == 'No space left on device'
        streams.drop(full)
        full.write('b')


def test_a_stream_without_a_descriptor():
    stream = io.StringIO()
    streams.drop(stream)
    stream.write('a')


def test_a_stream_that_is_no_longer_watched_is_left_alone():
    flushed = []

    class Stream(io.StringIO):
        def flush(self):
            flushed.append(self)

    watched = streams.Watched(stream := Stream())
    del watched
    assert flushed == []
    assert not stream.closed


def test_an_error_is_raised_again():
    with open('/dev/full', 'w') as full:
        watched = streams.Watched(full)
        watched.write('a')
        for call in (watched.flush, lambda: watched.write('b'), watched.flush):
            with pytest.raises(OSError, match='No space left'):
                call()
        streams.drop(watched)
        watched.write('b')
        watched.flush()
        assert (watched.encoding, watched.isatty()) == (full.encoding, False)
