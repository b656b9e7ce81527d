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

"""The result of a ``status`` scan, and its use of memory."""

from __future__ import annotations

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.core import planning
from rbd_mon_fix.engine import status_scan
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places


def test_begun():
    """The first plan is read before the report starts, the others are not."""
    taken = []

    def plans(count):
        for number in range(count):
            taken.append(number)
            yield number

    rest = status_scan.begun(plans(3))
    assert taken == [0]
    assert list(rest) == [0, 1, 2]
    assert list(status_scan.begun(plans(0))) == []

    def trouble():
        raise exceptions.ConfigError('It is so.')
        yield

    with pytest.raises(exceptions.ConfigError):
        status_scan.begun(trouble())


def test_status(world):
    world.add(1)
    world.add(2, 'cmp2')
    before, heard = world.everything(), worlds.Heard()
    found = engine.status(world.context(), worlds.request('cmp2', 'cmp1'),
                          heard)
    assert heard.servers == [('cmp2', 2, None), ('cmp1', 1, None)]
    assert found.summary.states == {State.STALE: 6}
    assert (found.summary.servers, found.summary.due) == (2, 6)
    assert found.lost == {}
    assert world.everything() == before
    assert not world.journal.exists()


def test_trouble_comes_before_a_report(world):
    world.add(1)
    heard = worlds.Heard()
    heard.clusters = None
    with pytest.raises(exceptions.ConfigError, match='cmp9'):
        engine.status(world.context(), worlds.request('cmp9'), heard)


def test_a_host_that_is_down(world):
    world.add(1, 'cmp1')
    world.add(2, 'cmp2')
    del world.libvirts['cmp2']
    found = engine.status(world.context(), worlds.request('cmp1', 'cmp2'))
    assert list(found.lost) == ['cmp2']
    assert found.summary.servers == 1
    with pytest.raises(exceptions.Unreachable):
        engine.status(world.context(), worlds.request('cmp2'))


def test_volumes_that_cinder_moves_are_findings(world):
    for server in (1, 2):
        world.add(server)
        world.cinder.tables.update('volumes', 'id', places.volume(server),
                                   status='retyping')
    heard = worlds.Heard()
    found = engine.status(world.context(), worlds.request(), heard)
    assert [(each.kind, each.host) for each in heard.findings] == [
        (FindingKind.VOLUME_MOVE, 'cmp1')] * 2
    assert found.summary.findings == 2


def test_no_more_than_a_batch_is_in_memory(world, monkeypatch):
    """The copies of a batch are released before the next but one is read."""
    for server in range(1, 9):
        world.add(server)
    monkeypatch.setattr(instances, 'BATCH', 1)
    alive = worlds.Alive()
    monkeypatch.setattr(planning, 'judged', alive.watch(planning.judged))
    found = engine.status(world.context(), worlds.request(), worlds.Heard())
    assert (alive.plans, found.summary.copies) == (8, 24)
    assert alive.most <= 3


@pytest.mark.parametrize('vm_state, soft', [
    ('active', {Operation.SOFT_REBOOT: 1}), ('stopped', {})])
def test_what_breaks(world, vm_state, soft):
    world.add(1, vm_state=vm_state)
    found = engine.status(world.context(), worlds.request())
    assert found.summary.found == {
        Operation.START: 1, Operation.HARD_REBOOT: 1, Operation.RESCUE: 1,
        **soft}


def test_one_server_of_many(world):
    for server in (1, 2):
        world.add(server)
    heard = worlds.Heard()
    engine.status(world.context(), worlds.request(
        instance=[memory.uuid(2)]), heard)
    assert heard.servers == [('cmp1', 2, None)]
