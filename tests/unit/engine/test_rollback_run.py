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

"""``rollback``: restore what a run replaced."""

from __future__ import annotations

import json

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import dns
from rbd_mon_fix.clients.database import cinder as cinder_client
from rbd_mon_fix.clients.database import nova as cell_client
from rbd_mon_fix.core import rollback as inverse
from rbd_mon_fix.engine import scan
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.inventory import local_host
from rbd_mon_fix.model import guest
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.qemu import processes
from rbd_mon_fix.state import locks
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

FIXED = ['fixed'] * 3


@pytest.fixture
def done(world):
    """Return a world with two hosts, and the run that corrected them."""
    for server, host in ((1, 'cmp1'), (2, 'cmp1'), (3, 'cmp2')):
        world.add(server, host)
    world.first = world.everything()
    world.run = engine.refresh(world.context(), engine.RefreshRequest(
        worlds.request('cmp1', 'cmp2'))).run
    return world


def rollback(world, heard=None, run=None, parallel=8):
    return engine.rollback(world.context(), engine.RollbackRequest(
        run or world.run, parallel), heard or worlds.Heard())


def plan(world, heard=None, parallel=8):
    return engine.plan_rollback(world.context(), engine.RollbackRequest(
        world.run, parallel), heard or worlds.Heard())


def test_all_of_a_run_is_restored(done):
    heard = worlds.Heard()
    found = rollback(done, heard)
    assert heard.servers == [('cmp1', 1, FIXED), ('cmp1', 2, FIXED),
                             ('cmp2', 3, FIXED)]
    assert heard.phases[-1] == ('Writing', 9, 9)
    assert done.everything() == done.first
    assert (found.error, found.lost) == (None, {})
    *_, run = sorted(engine.journal(done.context()).runs(),
                     key=lambda run: run.started)
    assert (run.id, run.command, run.undoes, run.finished) == (
        found.run, 'rollback', done.run, True)


def test_a_plan_changes_nothing(done):
    before, heard = done.everything(), worlds.Heard()
    with locks.held(str(done.journal), ['cmp1']):
        found = plan(done, heard)
    assert done.everything() == before
    assert [server for _, server, _ in heard.servers] == [1, 2, 3]
    assert (found.summary.due, found.lost, found.refused) == (9, {}, None)
    assert len(list(engine.journal(done.context()).runs())) == 1


class Seen(engine.Silence):
    """Keeps all copies."""

    def __init__(self):
        self.copies = []

    def server(self, host, instance, copies, outcomes):
        self.copies += copies


def judged(found, act, **overrides):
    """Return the result of a command, and the states of all copies."""
    seen = Seen()
    done = act(found.context(**overrides), engine.RollbackRequest(found.run),
               seen)
    return done, {copy.state for copy in seen.copies}


@pytest.mark.parametrize('act', [engine.plan_rollback, engine.rollback])
def test_right_copies_are_not_called_stale(done, act):
    """With the addresses before the run, servers would not start."""
    found, states = judged(done, act)
    counted = found.summary
    assert states == {State.CURRENT}
    assert (counted.due, counted.wrong, counted.not_judged) == (9, 0, 0)
    assert (counted.broken, counted.lost_before) == (0, 0)
    assert (counted.broken_after_plan, counted.lost_after_plan) == (3, 3)
    assert counted.hosts['cmp1'].lost_after_plan == 2
    assert counted.lost == (0 if act is engine.plan_rollback else 3)


def test_after_a_rollback_the_copies_are_stale(done):
    rollback(done)
    found, states = judged(done, engine.plan_rollback)
    assert states == {State.STALE}
    assert (found.summary.due, found.summary.lost,
            found.summary.lost_after_plan) == (0, 3, 3)


def test_a_host_name_that_leads_to_a_right_monitor(done, monkeypatch):
    """The addresses before the run need to be resolved too."""
    named = done.nova.text(1, hosts=['mon-a'], ports=['6789'])
    rollback(done)
    done.nova.tables.update('block_device_mapping', 'id', 1,
                            connection_info=named)
    monkeypatch.setattr(dns, 'resolve', lambda hosts: {
        host: frozenset({'10.1.0.1'}) for host in hosts})
    done.run = engine.refresh(done.context(), engine.RefreshRequest(
        worlds.request(store=['nova-bdm'], instance=[memory.uuid(1)]))).run
    found, states = judged(done, engine.plan_rollback)
    assert (states, found.summary.due, found.summary.lost_after_plan) == (
        {State.CURRENT}, 1, 0)


def test_without_cinder_s_database_nothing_is_judged(done, monkeypatch):
    """Judging takes it; the rollback of other stores does not."""
    run = done.run
    rollback(done)
    done.run = engine.refresh(done.context(), engine.RefreshRequest(
        worlds.request(store=['domain']))).run
    assert done.run != run

    def lost(database, uuids):
        raise exceptions.Unreachable('Down.')

    monkeypatch.setattr(cinder_client.Cinder, 'volumes', lost)
    for act in (engine.plan_rollback, engine.rollback):
        found, states = judged(done, act)
        assert (states, found.lost) == ({State.UNKNOWN_CLUSTER}, {})
        assert (found.summary.due, found.summary.lost_after_plan) == (2, 0)
    assert done.everything() == done.first


def test_a_guest_that_nova_does_not_know(world):
    world.add(1)
    world.add_plain(2)
    world.run = engine.refresh(world.context(), engine.RefreshRequest(
        worlds.request(unmanaged=True))).run
    found, _ = judged(world, engine.plan_rollback)
    assert (found.summary.lost, found.summary.lost_after_plan) == (0, 2)


def test_another_run_of_a_host(done):
    with locks.held(str(done.journal), ['cmp2']):
        with pytest.raises(exceptions.Refused):
            rollback(done)


def test_no_such_run(done):
    for run in ('none', '20240101-000000-abcd'):
        with pytest.raises(exceptions.ConfigError, match=run):
            rollback(done, run=run)


@pytest.mark.parametrize('fields, skip', [
    ({'host': 'cmp2'}, SkipReason.OTHER_HOST),
    ({'task_state': 'rebooting'}, SkipReason.BUSY)])
def test_servers_that_are_left_alone(done, fields, skip):
    done.nova.tables.update('instances', 'uuid', memory.uuid(1), **fields)
    heard = worlds.Heard()
    found = rollback(done, heard)
    assert found.summary.skipped == {skip: 3}
    assert heard.servers[0] == ('cmp1', 1, [])
    assert found.error is None


def cut_off(world):
    """Remove the outcomes of the run's changes from the journal."""
    path = world.journal / 'runs' / f'{world.run}.jsonl'
    path.write_text(''.join(
        line for line in path.read_text().splitlines(True)
        if json.loads(line)['type'] not in ('end', 'summary', 'close')))


@pytest.fixture
def meddled(done):
    """Return a run that was cut off, some of whose copies changed since.

    Server 1 has a copy with a change elsewhere in its document, a copy with
    other addresses, and a copy in its state before the run.
    """
    cut_off(done)
    tables, texts = done.nova.tables, done.domains('cmp1').texts
    row, = [row for row in tables.rows()['block_device_mapping']
            if row['id'] == 1]
    tables.update('block_device_mapping', 'id', 1,
                  connection_info=row['connection_info'] + ' ')
    done.cinder.tables.update(
        'volume_attachment', 'id', places.attachment(1),
        connection_info=done.cinder.text(
            1, hosts=['10.7.0.1'], ports=['6789']))
    texts[memory.uuid(1)] = done.first[1]['cmp1'][memory.uuid(1)]
    return done


@pytest.mark.parametrize('settled_before', [False, True])
def test_a_run_that_was_cut_off(meddled, settled_before):
    """The stored documents tell which changes to roll back."""
    if settled_before:  # by another run, into the journal
        engine.refresh(meddled.context(), engine.RefreshRequest(
            worlds.request('cmp1', 'cmp2', instance=[memory.uuid(3)])))
    for act in (plan, rollback):
        found = act(meddled)
        assert found.summary.copies == 8
        assert found.summary.skipped == {SkipReason.CHANGED: 1}
        assert found.summary.due == 7
        assert found.lost == {}
    tables, domains = meddled.everything()
    first = meddled.first[0]['block_device_mapping']
    assert [row['connection_info']
            for row in tables['block_device_mapping']] == [
        first[0]['connection_info'] + ' ',
        *[row['connection_info'] for row in first[1:]]]
    assert domains == meddled.first[1]
    assert '10.7.0.1' in tables['volume_attachment'][0]['connection_info']


def test_a_run_that_was_cut_off_with_a_host_that_is_down(done):
    cut_off(done)
    down = done.libvirts.pop('cmp2')
    for act in (plan, rollback):
        found = act(done)
        assert (list(found.lost), found.summary.servers) == (['cmp2'], 2)
    done.libvirts['cmp2'] = down
    assert rollback(done).error is None
    assert done.everything() == done.first


def test_what_another_process_wrote_is_not_taken_back(world, monkeypatch):
    """The process wrote the same text, between our read and our write."""
    world.add(1)
    swap = cell_client.Cell.swap

    def race(cell, swaps):
        [mine] = swaps
        world.nova.tables.update('block_device_mapping', 'id', mine.row.id,
                                 connection_info=mine.new)
        return swap(cell, swaps)

    with monkeypatch.context() as patch:
        patch.setattr(cell_client.Cell, 'swap', race)
        done = engine.refresh(world.context(), engine.RefreshRequest(
            worlds.request('cmp1', store=['nova-bdm'])))
    assert done.summary.outcomes == {Verdict.CONFLICT: 1}
    before, heard = world.everything(), worlds.Heard()
    rollback(world, heard, done.run)
    assert (heard.servers, world.everything()) == ([], before)


def test_an_unverified_change_is_taken_back(world, monkeypatch):
    """Nova started an action on the server while its domain was written."""
    world.add(1)
    world.first = world.everything()
    asked = []
    busy = scan.Scan.busy

    def begin(looked, host, uuids):
        asked.append(host)
        return uuids if len(asked) == 2 else busy(looked, host, uuids)

    with monkeypatch.context() as patch:
        patch.setattr(scan.Scan, 'busy', begin)
        done = engine.refresh(world.context(), engine.RefreshRequest(
            worlds.request('cmp1')))
    assert done.summary.outcomes == {Verdict.FIXED: 2, Verdict.UNVERIFIED: 1}
    found = rollback(world, run=done.run)
    assert found.summary.outcomes == {Verdict.FIXED: 3}
    assert world.everything() == world.first


def test_a_host_that_is_down(done):
    """The report names it; the same command rolls it back once it is up."""
    down = done.libvirts.pop('cmp2')
    for each in (plan(done), rollback(done)):
        assert list(each.lost) == ['cmp2']
        assert each.summary.servers == 2
    done.libvirts['cmp2'] = down
    assert rollback(done).error is None
    assert done.everything() == done.first


def test_a_store_that_is_lost(done, monkeypatch):
    def lost(xml):
        raise exceptions.Unreachable('Down.')

    heard = worlds.Heard()
    with monkeypatch.context() as patch:
        patch.setattr(done.domains('cmp1'), 'define', lost)
        found = rollback(done, heard, parallel=1)
    assert isinstance(found.error, exceptions.Unreachable)
    assert heard.servers == [('cmp1', 1, FIXED[:2]), ('cmp1', 2, FIXED[:2]),
                             ('cmp2', 3, [])]
    assert (found.summary.due, found.summary.unsettled) == (9, 5)
    assert rollback(done).error is None
    assert done.everything() == done.first


@pytest.mark.parametrize('parallel', [1, 2])
def test_no_more_than_hosts_at_once_are_in_memory(world, monkeypatch,
                                                  parallel):
    hosts = [f'cmp{number}' for number in range(1, 6)]
    for server, host in enumerate(hosts, 1):
        world.add(server, host)
    world.run = engine.refresh(world.context(), engine.RefreshRequest(
        worlds.request(*hosts))).run
    monkeypatch.setattr(instances, 'BATCH', 1)
    for act in (plan, rollback):
        with monkeypatch.context() as patch:
            alive = worlds.Alive()
            patch.setattr(inverse, 'plan', alive.watch(inverse.plan))
            found = act(world, parallel=parallel)
            assert found.summary.copies == 15
            assert (alive.plans, alive.most <= 3 * parallel) == (5, True)


def test_only_stores_and_hosts_of_the_run_are_opened(done, world):
    """A run over one host requires nothing of the other hosts."""
    run = engine.refresh(world.context(), engine.RefreshRequest(
        worlds.request('cmp1', store=['domain']))).run
    assert run is None
    rollback(done)
    run = engine.refresh(world.context(), engine.RefreshRequest(
        worlds.request('cmp1', store=['nova-bdm']))).run
    world.libvirts.clear()
    found = rollback(done, run=run)
    assert (found.error, found.summary.copies) == (None, 2)


def damage(world, kind):
    """Flip a bit in the first line of a type."""
    path = world.journal / 'runs' / f'{world.run}.jsonl'
    text = path.read_text()
    line = next(line for line in text.splitlines()
                if json.loads(line)['type'] == kind)
    path.write_text(text.replace(line, line.replace('": "', '": 2', 1), 1))


@pytest.mark.parametrize('kind, undone', [
    ('run', 9), ('begin', 8), ('end', 9)])
def test_a_damaged_run(done, kind, undone):
    """The changes in its whole lines are undone, and the rest is told."""
    damage(done, kind)
    for act in (plan, rollback):
        found = act(done)
        assert found.summary.due == undone
        assert type(found.error) is exceptions.RbdMonFixError
        assert f'{done.run} is damaged' in found.error.message
    assert found.summary.outcomes == {Verdict.FIXED: undone}
    assert (done.everything() == done.first) is (undone == 9)


def test_a_run_of_which_nothing_can_be_read(done):
    (done.journal / 'runs' / f'{done.run}.jsonl').write_bytes(bytes(100))
    for act in (plan, rollback):
        with pytest.raises(exceptions.RbdMonFixError, match='is damaged'):
            act(done)


def test_a_run_of_version_1(done):
    """It had no checksums."""
    path = done.journal / 'runs' / f'{done.run}.jsonl'
    lines = list(map(json.loads, path.read_text().splitlines()))
    for line in lines:
        line.pop('crc', None)
    lines[0]['version'] = 1
    path.write_text(''.join(json.dumps(line) + '\n' for line in lines))
    assert rollback(done).error is None
    assert done.everything() == done.first


@pytest.mark.parametrize('local', [False, True])
def test_a_rollback_needs_no_ceph_conf(done, monkeypatch, local):
    """Clusters that cannot be learnt are not reported."""
    if local:
        monkeypatch.setattr(local_host.LocalHost, 'is_here',
                            lambda host, name: True)
        monkeypatch.setattr(processes, 'running', lambda: [
            guest.Guest(1, memory.uuid(1), (), None)])
    (done.folder / 'ceph.conf').unlink()
    with pytest.raises(exceptions.ConfigError):
        assert done.context().clusters
    reported = []
    heard = worlds.Heard()
    heard.clusters = lambda *args: reported.append(args)
    planned = plan(done, heard).summary
    assert (planned.due, planned.states, planned.lost_after_plan) == (
        9, {State.UNKNOWN_CLUSTER: 9}, 0)
    found = rollback(done, heard)
    assert (found.error, found.summary.outcomes) == (
        None, {Verdict.FIXED: 9})
    assert done.everything() == done.first
    assert reported == [((), None)] * 2
    path = done.journal / 'runs' / f'{found.run}.jsonl'
    assert json.loads(path.read_text().splitlines()[0])['clusters'] == []
    # It can be rolled back as well.
    assert rollback(done, run=found.run).error is None
