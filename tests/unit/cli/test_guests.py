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

"""The report and the exit code of ``guests``."""

from __future__ import annotations

import io

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.cli import guests
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.qemu import processes
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

OLD = memory.addrs('10.0.0.1:6789')
RIGHT = memory.addrs(memory.NEW)[:1]
DISK = RbdDisk('vda', f'volumes/volume-{places.volume(1)}', 'cinder', 'S',
               OLD, '')


@pytest.fixture
def peers(cloud, monkeypatch):
    """Return a function that starts server 1 with some connections."""
    cloud.write_nova_conf(host='cmp1')
    place = cloud.domains('cmp1')
    place.live_texts[memory.uuid(1)] = place.texts[memory.uuid(1)]

    def running(peers):
        monkeypatch.setattr(processes, 'running', lambda: [
            Guest(7, memory.uuid(1), (DISK,), peers)])

    return running


@pytest.mark.parametrize('found, code, state, connected', [
    (frozenset(RIGHT), 0, 'following', ['10.1.0.1:6789']),
    (frozenset(OLD), 1, 'stranded', ['10.0.0.1:6789']),
    (None, 1, 'unknown', None)])
def test_guests(run, peers, caplog, found, code, state, connected):
    peers(found)
    got, report, _ = run(guests)
    assert got == code
    assert report['guests'] == [{
        'host': 'cmp1', 'instance': memory.uuid(1), 'name': 'server-1',
        'pid': 7,
        'launched_with': ['10.0.0.1:6789'], 'connected_to': connected,
        'state': state}]
    assert set(report['guests'][0]) == set(guests.COLUMNS)
    assert [each['name'] for each in report['clusters']] == ['ceph']
    assert ('run this as root' in caplog.text) is (found is None)


def test_guests_whose_process_is_hidden(run, cloud, peers, monkeypatch,
                                        caplog):
    monkeypatch.setattr(processes, 'running', list)
    assert run(guests)[0] == 1
    assert '1 guest' in caplog.text
    assert 'PID namespace' in caplog.text


def test_a_stranded_guest_comes_first(cloud, peers, monkeypatch):
    peers(frozenset(OLD))
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out = io.StringIO()
    code = guests.run(cloud.conf(worlds.command(format='table')), out,
                      io.StringIO())
    assert code == 1
    first, _, *table, _, _, _, last = out.getvalue().splitlines()
    assert first == 'cmp1: the only running guest is stranded.'
    assert f'      {memory.uuid(1)[:8]}  server-1  process 7' in table
    assert last == (f'Next: rbd-mon-fix refresh --instance {memory.uuid(1)} '
                    '--dry-run')
