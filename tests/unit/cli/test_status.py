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

"""The report and the exit code of ``status``."""

from __future__ import annotations

import pytest

from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import status
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.qemu import processes
from tests.unit import memory
from tests.unit.stores import places


@pytest.mark.parametrize('vm_state, soft', [
    ('active', {Operation.SOFT_REBOOT.value}), ('stopped', set())])
def test_what_breaks(cloud, run, vm_state, soft):
    for server in (1, 2):
        cloud.nova.tables.update('instances', 'uuid', memory.uuid(server),
                                 vm_state=vm_state)
    _, report, _ = run(status)
    breaks = {record['store']: set(record['breaks'])
              for record in report['records']}
    assert breaks == {
        'cinder-attachment': set(),
        'domain': {*soft, Operation.RESCUE.value},
        'nova-bdm': {Operation.START.value, Operation.HARD_REBOOT.value,
                     Operation.RESCUE.value}}


def test_a_guest_that_lost_its_monitors_is_wrong(cloud, run, monkeypatch):
    """Its copies are right, but the guest does no I/O."""
    cloud.write_nova_conf(host='cmp1')
    run(refresh)
    assert run(status)[0] == 0
    place = cloud.domains('cmp1')
    place.live_texts[memory.uuid(1)] = place.texts[memory.uuid(1)]
    monkeypatch.setattr(processes, 'running', lambda: [
        Guest(7, memory.uuid(1), (), frozenset())])
    code, report, _ = run(status)
    assert code == 1
    assert report['summary']['stranded'] == [memory.uuid(1)]


def test_findings_alone_are_not_wrong(cloud, run):
    """Findings need a person's attention; no command can correct them."""
    run(refresh)
    cloud.cinder.tables.update('volumes', 'id', places.volume(1),
                               status='retyping')
    code, report, _ = run(status)
    assert code == 0
    assert [each['kind'] for each in report['findings']] == ['volume-move']
