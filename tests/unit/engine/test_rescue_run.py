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

"""A rescue in place, and its entry in the journal."""

from __future__ import annotations

import contextlib

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.engine import rescue_run
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.run import RESCUE
from rbd_mon_fix.state import locks
from tests.unit import ceph_program
from tests.unit import fake_qemu
from tests.unit import memory
from tests.unit import stranded_host
from tests.unit import worlds


@pytest.fixture
def host(world, tmp_path, monkeypatch):
    monkeypatch.setattr(rescue_run, '_SESSION_WITHIN', 0.0)
    return stranded_host.StrandedHost(world, tmp_path, monkeypatch)


def journaled(host, run):
    return engine.journal(host.world.context()).read(run)


def test_the_whole_way(host):
    found = host.rescue()
    assert (found.is_done, found.outcome.reason) == (True, '')
    assert set(host.qemu.connected().values()) == {ceph_program.PRESENT[0]}
    assert host.plan().follows
    run = journaled(host, found.run)
    assert (run.command, run.hosts, run.finished) == (RESCUE, ('cmp1',), True)
    entry, = run.entries
    assert (entry.verdict, entry.name, entry.locator.store,
            entry.locator.instance) == (
        Verdict.FIXED, 'server-1', 'live-domain', stranded_host.UUID)
    assert entry.old_hash == entry.new_hash
    edit = entry.edits[0]
    assert (edit.disk, edit.image, edit.cluster, edit.user) == (
        'vda', 'vms/web', 'ceph', 'cinder')
    assert edit.old == memory.addrs('127.0.0.11:6789')
    assert [addr.host for addr in edit.new] == [*ceph_program.PRESENT]


def test_a_refusal(host):
    """Nothing is sent, and there is no run."""
    host.qemu.set(status='paused')
    with pytest.raises(exceptions.Refused, match=r'does not run \(paused\)'):
        host.rescue()
    assert host.qemu.sent == []
    assert list(engine.journal(host.world.context()).runs()) == []


def test_a_step_that_fails(host):
    def wrong(number):
        if number == 0:
            raise fake_qemu.refused('error connecting')
    host.qemu.wrong = wrong
    found = host.rescue()
    assert not found.is_done
    entry, = journaled(host, found.run).entries
    assert entry.verdict is Verdict.FAILED
    assert entry.reason == ('QEMU refuses it: error connecting. Nothing '
                            'remains of it.')


def test_a_guest_without_a_session_afterwards(host):
    host.peers = frozenset()
    found = host.rescue()
    assert found.outcome.verdict is Verdict.UNVERIFIED
    assert 'No connection to a right monitor' in found.outcome.reason
    assert journaled(host, found.run).finished


def test_another_run_on_the_host(host):
    with locks.held(str(host.world.journal), ['cmp1']), pytest.raises(
            exceptions.Refused, match='holds the lock'):
        host.rescue()


def test_a_guest_that_ends_meanwhile(host, monkeypatch):
    monkeypatch.setattr(host.place, 'active', lambda uuid: False)
    with pytest.raises(exceptions.Refused, match='does not run any more'):
        host.rescue()
    assert host.qemu.sent == []


def test_signals_are_held_around_all_steps(host):
    events = []

    @contextlib.contextmanager
    def undisturbed():
        assert host.qemu.sent == []
        yield
        events.append(len(host.qemu.sent))
    with host.world.context() as context:
        found = engine.rescue(
            context, engine.RescueRequest(stranded_host.UUID), undisturbed)
    assert events == [len(found.plan.commands)]
    assert journaled(host, found.run).finished


def test_another_connection_lets_the_guest_go_on(host, monkeypatch):
    """The first one is lost while the guest is stopped."""
    class Other:
        def qmp(self, uuid, command):
            host.qemu.wrong = lambda number: None
            return host.qemu(command)

    def wrong(number):
        if any(each.execute == 'stop' for each in host.qemu.sent):
            raise exceptions.Unreachable('Lost.')
    host.qemu.wrong = wrong
    opened = []
    monkeypatch.setattr(libvirt, 'connect', lambda uri: (
        opened.append(uri), Other())[1])
    found = host.rescue()
    assert opened == ['libvirt://cmp1/']
    assert host.qemu.is_running
    assert found.outcome.verdict is Verdict.FAILED


def cut_off(host):
    """Return a rescue that was killed before its outcome was written."""
    done = host.rescue()
    path = host.world.journal / 'runs' / f'{done.run}.jsonl'
    path.write_text(''.join(path.read_text().splitlines(True)[:2]))
    return done.run


def test_a_rescue_that_was_cut_off(host, caplog):
    """Nothing tells how far it came; the next refresh says so."""
    run = cut_off(host)
    host.world.nova.tables.update('instances', 'uuid', stranded_host.UUID,
                                  vm_state='active')
    with host.world.context() as context:
        engine.refresh(context, engine.RefreshRequest(worlds.request()))
    assert f'Run {run}, the rescue of a guest, was cut off' in caplog.text
    assert 'changes were written' not in caplog.text
    entry, = journaled(host, run).entries
    assert entry.verdict is Verdict.UNVERIFIED
    assert 'no document tells' in entry.reason


def test_a_rollback_leaves_it_alone(host):
    run = host.rescue().run
    sent = len(host.qemu.sent)
    for roll_back in (engine.rollback, engine.plan_rollback):
        with host.world.context() as context, pytest.raises(
                exceptions.Refused, match='not rolled back'):
            roll_back(context, engine.RollbackRequest(run))
    assert len(host.qemu.sent) == sent
