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

"""The events that listeners receive, and the summary of them."""

from __future__ import annotations

import pytest

from rbd_mon_fix.engine import reporting
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.history import MonHistory
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.qemu import processes
from rbd_mon_fix.state import histories
from tests.unit import memory
from tests.unit import worlds

FINDING = Finding(FindingKind.POOL, 'cmp1', 'x', (), (), '')


class Told(worlds.Heard):
    """A listener that records the clusters, too."""

    def clusters(self, clusters, answering):
        self.told = [cluster.name for cluster in clusters], answering
        self.former = [each for cluster in clusters
                       for each in cluster.former]


@pytest.fixture
def two(world):
    for server in (1, 2):
        world.add(server)
    world.write_nova_conf(host='cmp1')
    return world


def test_server_by_server(two):
    heard, plan = Told(), two.plan()
    reporter = reporting.Reporter(two.context(), heard)
    reporter.begin()
    assert heard.told == (['ceph'], None)
    reporter.plan(plan)
    assert heard.servers == [('cmp1', 1, None), ('cmp1', 2, None)]
    reporter.plan(plan, {change.locator: Outcome(
        change.locator, Verdict.FIXED) for change in plan.changes[:3]})
    assert heard.servers[2:] == [('cmp1', 1, ['fixed'] * 3), ('cmp1', 2, [])]
    summary = reporter.end()
    assert (summary.servers, summary.copies, summary.due) == (4, 12, 12)
    assert (summary.outcomes, summary.unsettled) == ({Verdict.FIXED: 3}, 3)


def test_findings(two):
    heard = Told()
    reporter = reporting.Reporter(two.context(), heard)
    reporter.findings(iter([FINDING, FINDING]))
    assert heard.findings == [FINDING, FINDING]
    assert reporter.end().findings == 2


def test_guests_that_lost_their_monitors(two, monkeypatch):
    monkeypatch.setattr(processes, 'running', lambda: [
        Guest(7, memory.uuid(1), (), frozenset())])
    two.domains().live_texts[memory.uuid(1)] = two.domains().text(1)
    reporter = reporting.Reporter(two.context(), Told())
    reporter.plan(two.plan())
    assert reporter.end().stranded == [memory.uuid(1)]


def test_former_monitors_that_earlier_runs_learnt(two):
    histories.save(str(two.journal), worlds.FSID, MonHistory((
        MonEpoch(1, '', memory.monmap('10.9.0.1:6789')),)))
    heard = Told()
    reporting.Reporter(two.context(), heard).begin()
    assert [each.addrs[-1] for each in heard.former] == list(
        memory.addrs('10.9.0.1:6789'))


def test_silence(two):
    """A caller who only wants the result needs no listener."""
    reporter = reporting.Reporter(two.context(), reporting.SILENCE)
    reporter.begin()
    reporter.plan(two.plan())
    reporter.findings([FINDING])
    with reporting.SILENCE.phase('Reading', None) as advance:
        advance(1)
    assert reporter.end().servers == 2
