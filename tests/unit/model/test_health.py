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

"""The severity of a check."""

from __future__ import annotations

import pytest

from rbd_mon_fix.model.health import Severity
from rbd_mon_fix.model.plan import State
from tests.unit.report import healths
from tests.unit.report import sample

LOST = ('cmp3',)


@pytest.mark.parametrize('health, severity', [
    (healths.health(sample.current(1)), Severity.OK),
    (healths.health(not_judged=1), Severity.WARNING),
    (healths.health(doubts=('So.',)), Severity.WARNING),
    (healths.health(sample.unreadable(1)), Severity.WARNING),
    (healths.health(sample.unreadable(1), unreached=LOST), Severity.UNKNOWN),
    (healths.health(sample.stale(1), unreached=LOST), Severity.CRITICAL),
    (healths.health(stranded=1), Severity.CRITICAL)])
def test_severity(health, severity):
    assert health.severity is severity


def test_servers_count_on_their_host_only():
    found = healths.health(sample.stale(1), sample.current(2))
    assert (found.servers, found.servers_lost) == (2, 1)
    assert (found.copies(State.STALE), found.copies(State.CURRENT)) == (2, 4)
