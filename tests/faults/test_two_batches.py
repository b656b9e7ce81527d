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

"""A disturbance while two batches of a host are in hand at the same time."""

from __future__ import annotations

import signal

import pytest

from rbd_mon_fix.core import apply
from tests.cloud import shape
from tests.faults import pausing
from tests.faults import subject as subjects
from tests.faults.conftest import thorough

SERVERS = 2 * apply.BATCH + 1
# A batch in hand ends; what is cut off says nothing.
CODES = {signal.SIGINT: 130, signal.SIGKILL: -9}


@pytest.mark.parametrize('on, number', [
    ('sqlite', signal.SIGKILL), ('mariadb', signal.SIGINT),
    thorough('postgresql', signal.SIGINT),
    thorough('mariadb', signal.SIGKILL)])
def test_a_signal_loses_nothing(build_cloud, on, number):
    subject = subjects.Subject(build_cloud(shape.many(SERVERS, 1), on=on))
    statements = pausing.statements(subject.admin, subjects.REFRESH)
    updates = [place for place, text in enumerate(statements, 1)
               if text.startswith('UPDATE')]
    subject.restore()
    with pausing.before(updates[len(updates) // 2], subject.admin,
                        subjects.REFRESH) as paused:
        paused.kill(number)
        done = paused.end()
    assert done.code == CODES[number], done
    assert subject.judge() > 0
    assert not subjects.complaints(subject, number, done,
                                   number is signal.SIGKILL)
