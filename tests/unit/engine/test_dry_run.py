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

"""What dry runs have in common."""

from __future__ import annotations

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.inventory import instances
from tests.unit import memory
from tests.unit import worlds


@pytest.fixture
def three(world):
    for server in (1, 2, 3):
        world.add(server)
    return world


def plan(world, **fields):
    return engine.plan_refresh(world.context(), engine.RefreshRequest(
        worlds.request(**fields)))


def test_the_digest_is_that_of_all_changes(three, monkeypatch):
    digest = plan(three).digest
    assert plan(three).digest == digest
    for size in (1, 2):
        monkeypatch.setattr(instances, 'BATCH', size)
        assert plan(three).digest == digest
    others = {plan(three, **fields).digest for fields in (
        {'store': ['domain']}, {'instance': [memory.uuid(1)]})}
    three.add(4)
    others.add(plan(three).digest)
    assert len(others | {digest}) == 4


def test_what_would_fail_after_it(three):
    three.nova.tables.update('instances', 'uuid', memory.uuid(3),
                             task_state='rebooting')
    counted = plan(three).summary
    assert (counted.lost_before, counted.lost, counted.lost_after_plan) == (
        3, 3, 1)
    done = engine.refresh(three.context(), engine.RefreshRequest(
        worlds.request())).summary
    assert (done.lost_before, done.lost, done.lost_after_plan) == (3, 1, 1)


def test_a_space_in_a_document_makes_another_plan(three):
    digest = plan(three).digest
    three.domains().texts[memory.uuid(2)] += ' '
    assert plan(three).digest != digest


def test_the_digest_of_a_rollback(three):
    runs = [engine.refresh(three.context(), engine.RefreshRequest(
        worlds.request(store=store))).run for store in (['domain'], [])]
    digests = [engine.plan_rollback(
        three.context(), engine.RollbackRequest(run)).digest
        for run in (*runs, runs[0])]
    assert digests[0] == digests[2] != digests[1]


def test_nothing_to_do(three):
    engine.refresh(three.context(), engine.RefreshRequest(worlds.request()))
    assert plan(three).digest == plan(
        three, instance=[memory.uuid(1)]).digest == 'e3b0-c442'
