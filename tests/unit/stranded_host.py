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

"""A compute host with a stranded guest, whose QEMU answers as a real one."""

from __future__ import annotations

import pathlib
from typing import Any, Optional

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.engine import rescue_plan
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.qemu import processes
from tests.unit import ceph_program
from tests.unit import fake_qemu
from tests.unit import memory
from tests.unit import worlds

UUID = memory.uuid(1)
XML = fake_qemu.XML.replace('@UUID@', UUID).replace(
    '10.0.0.1', ceph_program.FORMER[0])


class StrandedHost:
    """The host cmp1, on which Nova has server 1; the cluster has moved.

    ``peers`` are the connections of the guest; None for those that its disks
    have in the fake QEMU.
    """

    def __init__(self, world: worlds.World, folder: pathlib.Path,
                 patch: pytest.MonkeyPatch):
        world.write_nova_conf(host='cmp1')
        world.options.update(offline=False, former_monitors=[])
        (world.folder / 'ceph.conf').write_text(
            f'[global]\nmon_host = {ceph_program.FORMER[0]}\n')
        self.ceph = ceph_program.CephProgram(folder / 'bin', patch)
        self.world = world
        self.qemu = fake_qemu.FakeQemu()
        self.peers: Optional[frozenset[MonAddr]] = None
        world.nova.add_server(1, 'cmp1', vm_state='active')
        self.place: Any = world.domains()
        self.place.add(1, XML)
        self.place.live_texts[UUID] = XML
        self.place.qmp = lambda uuid, command: self.qemu(command)
        self.place.has_job = lambda uuid: False
        patch.setattr(processes, 'running', lambda: [
            Guest(7, UUID, (), self._peers())])
        patch.setattr(rescue_plan, 'APART', 0.0)

    def _peers(self) -> frozenset[MonAddr]:
        if self.peers is not None:
            return self.peers
        return frozenset(MonAddr(host, 3300)
                         for host in self.qemu.connected().values())

    def plan(self, **options: Any) -> engine.RescuePlan:
        with self.world.context(**options) as context:
            return engine.plan_rescue(context, engine.RescueRequest(UUID))

    def rescue(self) -> engine.RescueResult:
        with self.world.context() as context:
            return engine.rescue(context, engine.RescueRequest(UUID))

    def reasons(self, **options: Any) -> list[str]:
        """Return the reasons against a rescue in place; nothing is sent."""
        plan = self.plan(**options)
        assert plan.can_be_done is False
        assert plan.commands == ()
        assert self.qemu.sent == []
        return list(map(str, plan.refusals))
