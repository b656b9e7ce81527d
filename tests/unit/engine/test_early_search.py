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

"""Clusters are asked for their monitors before anything else is read."""

import threading

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.engine import selection
from rbd_mon_fix.qemu import processes
from tests.unit import child_processes

SCAN = engine.ScanRequest(('cmp1',))


@pytest.mark.parametrize('act', [
    lambda context: engine.status(context, SCAN),
    lambda context: engine.check(context, SCAN),
    lambda context: engine.guests(context, SCAN),
    lambda context: engine.refresh(context, engine.RefreshRequest(SCAN)),
    lambda context: engine.plan_refresh(context, engine.RefreshRequest(SCAN)),
], ids=['status', 'check', 'guests', 'refresh', 'plan_refresh'])
def test_asked_first_and_once(world, monkeypatch, act):
    asked = threading.Semaphore(0)
    selected = []

    def mon_dump(*way, **options):
        asked.release()
        raise exceptions.Unreachable('No quorum.', 'Wait.')

    def select(*arguments):
        selected.append(asked.acquire(timeout=child_processes.BOUND))
        return real(*arguments)

    real = selection.select
    monkeypatch.setattr(client, 'mon_dump', mon_dump)
    monkeypatch.setattr(client, 'answering', frozenset)
    monkeypatch.setattr(selection, 'select', select)
    monkeypatch.setattr(processes, 'running', lambda: [])
    world.write_nova_conf(host='cmp1')
    world.add(1)
    world.options['offline'] = False
    with world.context() as context:
        act(context)
        context.begin_search()
    assert selected == [True]
    assert not asked.acquire(blocking=False)
