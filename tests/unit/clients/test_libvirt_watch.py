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

"""One watch for all threads; libvirt's own part is in functional tests."""

from __future__ import annotations

import pytest

from rbd_mon_fix.clients import libvirt_watch


class Watch:
    """Notes what is asked of it."""

    def __init__(self, calls, error=None):
        self._calls = calls
        self._error = error

    def start(self):
        self._calls.append('start')
        if self._error:
            raise self._error

    def stop(self):
        self._calls.append('stop')


def test_it_lasts_from_the_first_thread_to_the_last():
    calls = []
    shared = libvirt_watch.SharedWatch(lambda: Watch(calls))
    with shared.begun() as first:
        with shared.begun() as second:
            assert first is second
        assert calls == ['start']
    assert calls == ['start', 'stop']
    with shared.begun() as third:
        assert third is not first


def test_one_that_does_not_start_is_not_kept():
    calls, errors = [], [None, KeyError()]
    shared = libvirt_watch.SharedWatch(lambda: Watch(calls, errors.pop()))
    with pytest.raises(KeyError), shared.begun():
        pass
    assert calls == ['start', 'stop']
    with shared.begun():
        pass
    assert calls == ['start', 'stop'] * 2
