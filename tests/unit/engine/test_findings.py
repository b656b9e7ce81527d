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

"""The findings of ``status``, and the number of queries for them."""

from __future__ import annotations

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix.clients import krbd
from rbd_mon_fix.clients.database import shares
from rbd_mon_fix.model.finding import FindingKind
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

PARTLY = ('10.1.0.1:6789', '10.0.0.9:6789')
RIGHT = tuple(memory.NEW.split(','))


def found(world, *hosts, **fields):
    heard = worlds.Heard()
    scanned = engine.status(world.context(),
                            worlds.request(*hosts, **fields), heard)
    assert scanned.summary.findings == len(heard.findings)
    return heard.findings


@pytest.fixture
def shared(world):
    """Return a function that gives CephFS shares to servers of a world."""
    world.add(1)
    world.add(2)
    table = places.Tables(world.nova.tables.url, shares.SHARES)

    def share(server, name, *monitors):
        table.insert('share_mapping', instance_uuid=memory.uuid(server),
                     share_id=name, share_proto='CEPHFS',
                     export_location=f'{",".join(monitors)}:/volumes/x')

    yield share
    table.close()


def test_nothing_is_found(world):
    world.add(1)
    assert found(world) == []


def test_shares(world, shared):
    shared(1, 'partly', *PARTLY)
    shared(2, 'right', *RIGHT[:2])
    [each] = found(world)
    assert (each.kind, each.host, each.subject) == (
        FindingKind.SHARE, 'cmp1',
        f'share partly of server {memory.uuid(1)}')
    assert each.desired == memory.addrs(memory.NEW)
    assert found(world, instance=[memory.uuid(2)]) == []
    # A request for domains alone does not query Nova's database.
    assert found(world, store=['domain']) == []


def test_volumes_that_cinder_moves(world):
    for server, host in ((1, 'cmp1'), (2, 'cmp2')):
        world.add(server, host)
        world.cinder.tables.update('volumes', 'id', places.volume(server),
                                   status='retyping')
    assert [(each.host, each.subject)
            for each in found(world, 'cmp1', 'cmp2')] == [
        (host, f'volume {places.volume(server)} (retyping)')
        for server, host in ((1, 'cmp1'), (2, 'cmp2'))]


@pytest.mark.parametrize('monitors, count', [(PARTLY, 1), (RIGHT, 0),
                                             (('no address!',), 0)])
def test_images_that_are_mapped(world, monkeypatch, monitors, count):
    world.add(1)
    device = krbd.KrbdDevice('rbd0', 'volumes/x', None, ','.join(monitors))
    monkeypatch.setattr(krbd, 'devices', lambda: iter([device]))
    findings = found(world)
    assert [(each.kind, each.subject) for each in findings] == [
        (FindingKind.BLOCK_DEVICE, 'rbd0 (volumes/x)')] * count
    # They are irrelevant to a request for one server.
    assert found(world, instance=[memory.uuid(1)]) == []


@pytest.fixture
def running(world):
    """Return a world with running guests, one of them of Nova."""
    world.add(1)
    for server in (2, 3):
        world.add_plain(server)
    place = world.domains()
    place.live_texts.update(place.texts)
    return world


def guests(findings):
    return [each.subject.split('(')[1][:8] for each in findings
            if each.kind is FindingKind.RUNNING_GUEST]


def test_running_guests_that_a_refresh_leaves_behind(running):
    assert found(running) == []
    heard = worlds.Heard()
    with running.context() as context:
        done = engine.refresh(context, engine.RefreshRequest(
            worlds.request('cmp1', unmanaged=True)), heard)
    assert guests(heard.findings) == ['00000002', '00000003']
    assert done.summary.findings == 2
    assert guests(found(running)) == ['00000002', '00000003']
    assert guests(found(running, instance=[memory.uuid(3)])) == ['00000003']
    with running.context() as context:
        health = engine.check(context, worlds.request('cmp1')).health
    assert health.hosts['cmp1'].findings == {FindingKind.RUNNING_GUEST: 2}
    assert health.summary.findings == 2


def test_no_guest_is_left_behind_by_a_refresh_of_others(running):
    heard = worlds.Heard()
    with running.context() as context:
        engine.refresh(context, engine.RefreshRequest(
            worlds.request('cmp1')), heard)
    assert heard.findings == []


def calls(monkeypatch):
    """Return the libvirts that receive calls other than those for domains."""
    asked = []
    for name in ('rbd_pools', 'moments'):
        monkeypatch.setattr(places.DomainPlace, name, _heard(
            getattr(places.DomainPlace, name), asked))
    return asked


def _heard(call, asked):
    def heard(place):
        asked.append(place)
        return call(place)
    return heard


def test_each_libvirt_is_asked_once(world, monkeypatch):
    for server, host in ((1, 'cmp1'), (2, 'cmp2')):
        world.add(server, host)
    asked = calls(monkeypatch)
    found(world, 'cmp1', 'cmp2')
    once = len(asked) // 2
    # Both hosts are worked on at the same time.
    assert sorted(map(id, asked)) == sorted(
        [id(world.domains('cmp1')), id(world.domains('cmp2'))] * once)
    world.shared = world.domains('cmp1')
    asked.clear()
    found(world, 'cmp1', 'cmp2')
    assert asked == [world.shared] * once
    asked.clear()
    found(world, 'cmp1', store=['nova-bdm'])
    assert asked == []


def test_hosts_that_are_down_are_left_out(world, monkeypatch):
    for server, host in ((1, 'cmp1'), (2, 'cmp2')):
        world.add(server, host)
    del world.libvirts['cmp1']
    asked = calls(monkeypatch)
    found(world, 'cmp1', 'cmp2')
    assert set(map(id, asked)) == {id(world.domains('cmp2'))}
