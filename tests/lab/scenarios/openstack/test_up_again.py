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

"""Services of the lab die; lab/up restarts them and no others."""

from __future__ import annotations

import signal

from lab import inside
from tests.lab.scenarios.openstack import fleet

DEAD = ('rabbitmq', 'keystone', 'nova-compute', 'cinder-volume')


def pids(lab: inside.Lab) -> dict[str, int]:
    return {name: lab.services.process(name).pid
            for name in lab.services.running()}


def test_up_starts_again_what_died(lab: inside.Lab, ships: fleet.Fleet):
    before = pids(lab)
    for name in DEAD:
        process = lab.services.process(name)
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert set(pids(lab)) == set(before) - set(DEAD)
    lab.up('openstack')
    after = pids(lab)
    assert {name for name in before if before[name] != after.get(name)} == (
        set(DEAD))
    ships.make(['stopped-again'])
