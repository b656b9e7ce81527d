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

"""``refresh``: reading, the guards, then writing."""

from __future__ import annotations

import dataclasses
import json

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import client
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.core import planning
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.engine import refresh_run
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.cluster import Source
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.state import known_clusters
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

FIXED = ['fixed'] * 3


@pytest.fixture
def three(world, monkeypatch):
    """Return a world with three servers, which are three batches."""
    for server in (1, 2, 3):
        world.add(server)
    monkeypatch.setattr(instances, 'BATCH', 1)
    return world


def request(*hosts, **fields):
    return engine.RefreshRequest(worlds.request(*hosts), **fields)


def refresh(world, *hosts, heard=None, **fields):
    with world.context() as context:
        return engine.refresh(context, request(*hosts, **fields),
                              heard or worlds.Heard())


def plan(world, *hosts, heard=None, **fields):
    with world.context() as context:
        return engine.plan_refresh(context, request(*hosts, **fields),
                                   heard or worlds.Heard())


def runs(world):
    return list(engine.journal(world.context()).runs())


def test_what_is_wrong_is_put_right(three):
    heard = worlds.Heard()
    done = refresh(three, heard=heard)
    assert heard.servers == [('cmp1', server, FIXED) for server in (1, 2, 3)]
    assert heard.phases[0] == ('Reading', 3, 3)
    assert (done.error, done.lost) == (None, {})
    assert done.summary.outcomes == {Verdict.FIXED: 9}
    [run] = runs(three)
    assert (run.id, run.command, run.finished) == (
        done.run, 'refresh', True)
    again = refresh(three)
    assert (again.run, again.summary.due, again.summary.copies) == (
        None, 0, 9)


def test_a_plan_changes_nothing(three):
    before, heard = three.everything(), worlds.Heard()
    found = plan(three, heard=heard)
    assert three.everything() == before
    assert not three.journal.exists()
    assert heard.servers == [('cmp1', server, None) for server in (1, 2, 3)]
    assert (found.summary.due, found.refused, found.lost) == (9, None, {})


# A guard.

@pytest.mark.parametrize('kept', [1, refresh_run.KEPT])
def test_a_guard_refuses_before_anything_is_written(three, monkeypatch, kept):
    """The guard refuses no matter how often the stores are read."""
    monkeypatch.setattr(refresh_run, 'KEPT', kept)
    before = three.everything()
    with pytest.raises(exceptions.Refused, match='9 documents'):
        refresh(three, max_changes=8)
    assert three.everything() == before
    assert runs(three) == []
    assert refresh(three, max_changes=9).error is None


def test_a_plan_tells_of_the_refusal(three):
    found = plan(three, max_changes=8)
    assert '9 documents' in found.refused.message
    assert found.summary.due == 9
    assert plan(three, max_changes=9).refused is None


def test_monitors_that_do_not_answer(three, monkeypatch):
    def opened(answering):
        [cluster] = three.context().clusters
        context = worlds.context_of(three, dataclasses.replace(
            cluster, source=Source.MON_DUMP))
        context.__dict__['answering'] = answering
        return context

    monkeypatch.setattr(client, 'answering', lambda addrs: frozenset())

    with pytest.raises(exceptions.Refused, match='answers'):
        engine.refresh(opened(frozenset()), request())
    assert engine.refresh(opened(
        frozenset(memory.addrs(memory.NEW)[:1])), request()).error is None
    # Without changes there is no question.
    assert engine.refresh(opened(frozenset()), request()).error is None


def test_a_backend_that_leads_to_another_cluster(three):
    """A run records fsids to guard the next run; a plan records nothing."""
    def opened(number, monitors):
        context = three.context()
        [cluster] = context.clusters
        context.__dict__['clusters'] = (memory.cluster(
            'ceph', monitors, cluster.backends, f'fsid-{number}',
            f'{memory.NEW},{memory.OLD},[fd00::3]:6789'),)
        return context

    engine.plan_refresh(opened(1, memory.NEW), request())
    assert not three.journal.exists()
    engine.refresh(opened(1, memory.NEW), request())
    assert set(known_clusters.load(str(three.journal)).values()) == {'fsid-1'}
    other, before = '10.2.0.1:6789,10.2.0.2:6789', three.everything()
    with pytest.raises(exceptions.Refused, match='fsid-1'):
        engine.refresh(opened(2, other), request())
    found = engine.plan_refresh(opened(2, other), request())
    assert 'fsid-1' in found.refused.message
    assert three.everything() == before


# Memory.

def test_a_plan_keeps_no_more_than_a_batch(three, monkeypatch):
    for server in range(4, 9):
        three.add(server)
    alive = worlds.Alive()
    monkeypatch.setattr(planning, 'plan', alive.watch(planning.plan))
    assert plan(three).summary.copies == 24
    assert (alive.plans, alive.most <= 3) == (8, True)


@pytest.mark.parametrize('kept, times, most', [
    (4, 2, 3), (9, 2, 9), (23, 2, 21), (24, 1, 21)])
def test_a_refresh_keeps_so_many_copies_at_most(three, monkeypatch, kept,
                                                times, most):
    """Copies beyond the limit are read twice, with the same result.

    :param most: copies of earlier batches that are there with a new one
    """
    for server in range(4, 9):
        three.add(server)
    monkeypatch.setattr(refresh_run, 'KEPT', kept)
    alive, heard = worlds.Alive(), worlds.Heard()
    monkeypatch.setattr(planning, 'plan', alive.watch(planning.plan))
    done = refresh(three, heard=heard)
    assert (alive.plans, alive.most) == (8 * times, most)
    assert done.error is None
    assert heard.servers == [
        ('cmp1', server, FIXED) for server in range(1, 9)]
    assert heard.phases[0] == ('Reading', 8, 8)
    assert heard.phases[-1] == ('Writing', 24, 24)
    assert (done.summary.due, done.summary.servers) == (24, 8)
    assert done.summary.outcomes == {Verdict.FIXED: 24}
    [run] = runs(three)
    assert (len(run.entries), run.finished) == (24, True)
    assert three.plan().changes == ()


def test_two_readings_write_what_one_writes(three, monkeypatch):
    first = three.everything()
    done = refresh(three)
    once = three.everything()
    engine.rollback(three.context(), engine.RollbackRequest(done.run))
    assert three.everything() == first
    monkeypatch.setattr(refresh_run, 'KEPT', 1)
    refresh(three)
    assert three.everything() == once


@pytest.mark.parametrize('added, written', [(9, [1, 2, 3]), (0, [0, 1, 2])])
def test_more_is_due_in_the_second_reading(three, monkeypatch, added,
                                           written):
    """Only the changes that the guard has seen are written."""
    monkeypatch.setattr(refresh_run, 'KEPT', 1)
    heard = worlds.Heard(lambda what: (
        three.add(added) if what == 'Reading' else None))
    done = refresh(three, heard=heard, max_changes=9)
    assert type(done.error) is exceptions.RbdMonFixError
    assert 'than the 9 that were checked' in done.error.message
    assert heard.servers == [('cmp1', server, FIXED) for server in written]
    assert done.summary.outcomes == {Verdict.FIXED: 9}
    assert done.summary.due == 9
    [run] = runs(three)
    assert (run.id, run.finished) == (done.run, False)
    assert len(three.plan().changes) == 3
    # Running the same command once more corrects the rest.
    assert refresh(three).error is None
    assert all(run.finished for run in runs(three))
    assert three.plan().changes == ()


def test_more_is_due_than_can_be_told(three, monkeypatch):
    """Copies that are no longer reached are counted."""
    monkeypatch.setattr(refresh_run, 'KEPT', 1)

    def add(what):
        if what == 'Reading':
            for device in 'bcdefghijk':
                three.nova.add_row(2, three.nova.text(2),
                                   device_name=f'/dev/vd{device}')

    done = refresh(three, heard=worlds.Heard(add))
    assert 'than the 9 that were checked' in done.error.message
    assert done.summary.outcomes == {Verdict.FIXED: 3}
    assert done.summary.unsettled == 6
    assert done.summary.incomplete


def test_less_is_due_in_the_second_reading(three, monkeypatch):
    monkeypatch.setattr(refresh_run, 'KEPT', 1)
    text = three.domains().texts[memory.uuid(2)]
    new = text
    for old, right in zip(places.OLD, memory.addrs(memory.NEW)):
        new = new.replace(f"'{old}'", f"'{right.host}'")
    heard = worlds.Heard(lambda what: three.domains().texts.update(
        {memory.uuid(2): new}) if what == 'Reading' else None)
    done = refresh(three, heard=heard)
    assert done.error is None
    assert done.summary.outcomes == {Verdict.FIXED: 8}
    assert [run.finished for run in runs(three)] == [True]


# One unit.

def test_one_number_everywhere(world):
    """The unit is a document, regardless of the number of its disks."""
    world.add(1)
    second = places.volume(2)
    domains = world.domains()
    head, disk, tail = domains.text(1).partition('    <disk')
    disk, end, tail = (disk + tail).partition('  </devices>')
    domains.texts[memory.uuid(1)] = head + disk + disk.replace(
        places.volume(1), second).replace('vda', 'vdb') + end + tail
    found = plan(world)
    assert found.summary.copies == 4
    number = found.summary.due
    assert number == 3
    with pytest.raises(exceptions.Refused, match=f'^{number} documents'):
        refresh(world, max_changes=number - 1)
    heard = worlds.Heard()
    done = refresh(world, heard=heard, max_changes=number)
    assert heard.phases[1:] == [('Writing', number, number)]
    assert done.summary.due == number
    assert sum(done.summary.outcomes.values()) == number
    [run] = runs(world)
    assert len(run.entries) == number
    assert sum(len(entry.edits) for entry in run.entries) == 4
    assert world.plan().changes == ()


# Guests that run.

EXTRA = '''    <disk type='file' device='disk'>
      <source file='/srv/extra.img'/>
      <target dev='vdz' bus='virtio'/>
    </disk>
  </devices>'''


def run_apart(place, *servers):
    """Run guests to whose live domain alone a disk was attached long ago."""
    for uuid in map(memory.uuid, servers):
        place.live_texts[uuid] = place.texts[uuid].replace(
            '  </devices>', EXTRA)


@pytest.mark.parametrize('batch', [1, 500])
@pytest.mark.parametrize('kept', [1, 5000])
def test_an_old_difference_of_live_and_persistent_xml(
        world, monkeypatch, batch, kept):
    """In every batch: the difference is not reported as a new attachment."""
    monkeypatch.setattr(instances, 'BATCH', batch)
    monkeypatch.setattr(refresh_run, 'KEPT', kept)
    for server in (1, 2):
        world.add(server, vm_state='active')
    # The search for domains that Nova does not list finds this one.
    world.add_plain(3)
    run_apart(world.domains(), 1, 2, 3)
    heard = worlds.Heard()
    done = engine.refresh(world.context(), engine.RefreshRequest(
        worlds.request(unmanaged=True)), heard)
    assert heard.servers == [('cmp1', 1, FIXED), ('cmp1', 2, FIXED),
                             ('cmp1', 3, ['fixed'])]
    assert done.error is None
    assert not done.summary.incomplete


def test_a_disk_that_is_attached_in_that_moment(world):
    """The old difference above is distinguished from a new one."""
    world.add(1, vm_state='active')
    place = world.domains()
    place.live_texts[memory.uuid(1)] = place.texts[memory.uuid(1)]
    heard = worlds.Heard(lambda what: run_apart(place, 1)
                         if what == 'Reading' else None)
    done = refresh(world, heard=heard)
    assert heard.servers == [('cmp1', 1, [*FIXED[:2], 'unverified'])]
    assert done.summary.incomplete


# Other effects of a run.

def test_one_host_that_is_down(three):
    three.add(4, 'cmp2')
    del three.libvirts['cmp2']
    for each in (plan(three, 'cmp1', 'cmp2'), refresh(three, 'cmp1', 'cmp2')):
        assert list(each.lost) == ['cmp2']
        assert each.summary.servers == 3
    with pytest.raises(exceptions.Unreachable):
        refresh(three, 'cmp2')


def test_a_store_that_is_lost(three, monkeypatch):
    def lost(xml):
        raise exceptions.Unreachable('Down.')

    with monkeypatch.context() as patch:
        patch.setattr(three.domains(), 'define', lost)
        heard = worlds.Heard()
        done = refresh(three, heard=heard)
    assert isinstance(done.error, exceptions.Unreachable)
    assert heard.servers == [
        ('cmp1', 1, FIXED[:2]), ('cmp1', 2, []), ('cmp1', 3, [])]
    assert (done.summary.due, done.summary.unsettled) == (9, 7)
    assert refresh(three).error is None
    assert all(run.finished for run in runs(three))


def test_the_hook_is_taught_before_the_first_write(three, monkeypatch):
    """A run that is cut off leaves no copy of what it replaced."""
    def feed(context):
        assert runs(three) == []
        taught.append(context)

    taught = []
    monkeypatch.setattr(hook_update, 'feed', feed)
    assert refresh(three).error is None
    assert len(taught) == len(runs(three)) == 1


@pytest.fixture
def opening(world, monkeypatch):
    """Return a world on this machine, whose QEMU opens images as told."""
    world.write_nova_conf(host='cmp1')
    world.add(1)
    world.cases, world.closed = [], set()
    place = world.domains()
    monkeypatch.setattr(place, 'secret_value', lambda uuid: b'key',
                        raising=False)

    def prove(cases, timeout, parallel, advance, silent):
        world.cases += cases
        return [open_check.Proof(case.image not in world.closed,
                                 'No such image.', 0.1) for case in cases]

    monkeypatch.setattr(open_check, 'prove', prove)
    return world


IMAGE = f'volumes/volume-{places.volume(1)}'


@pytest.mark.parametrize('closed, verdicts', [
    (set(), FIXED), ({IMAGE}, ['unverified', 'fixed', 'unverified'])])
def test_with_verify(opening, closed, verdicts):
    """QEMU opens, by the new monitors, the images a cold start would read.

    Cinder's copy, the second of these, is not one of them.
    """
    opening.closed = closed
    heard = worlds.Heard()
    done = refresh(opening, heard=heard, opening=engine.Limits())
    assert heard.servers == [('cmp1', 1, verdicts)]
    assert {case.monitors for case in opening.cases} == {
        memory.addrs(memory.NEW)}
    assert done.summary.incomplete is bool(closed)
    assert done.error is None


def test_with_verify_but_without_a_key(opening, monkeypatch):
    def declined(uuid):
        raise libvirt.Declined('Permission denied')

    monkeypatch.setattr(opening.domains(), 'secret_value', declined)
    heard = worlds.Heard()
    done = refresh(opening, heard=heard, opening=engine.Limits())
    assert isinstance(done.error, exceptions.ConfigError)
    assert heard.servers == [('cmp1', 1, FIXED)]
    assert [run.finished for run in runs(opening)] == [False]


def test_with_verify_of_another_host(world):
    world.add(1)
    before = world.everything()
    with pytest.raises(exceptions.ConfigError, match='is not cmp1'):
        refresh(world, opening=engine.Limits())
    assert world.everything() == before
    assert not world.journal.exists()


def test_with_lock(tmp_path, nova, cinder, alone):
    world = worlds.World(tmp_path, nova, cinder,
                         worlds.Api(*memory.instances(1).values()))
    world.add(1)
    assert refresh(world, lock=True).error is None
    assert world.api.calls == [('lock', memory.uuid(1)),
                               ('unlock', memory.uuid(1))]


def test_no_secret_is_written_down(three):
    refresh(three)
    for path in three.journal.rglob('*'):
        assert path.is_dir() or 'SECRET' not in path.read_text()
    assert json.loads(next(three.journal.joinpath('runs').iterdir())
                      .read_text().splitlines()[0])['command'] == 'refresh'


@pytest.mark.parametrize('act', [engine.refresh, engine.plan_refresh])
@pytest.mark.parametrize('stores', [
    ('live-domain',), ('domain', 'live-domain'), ('ceph-conf',)])
def test_a_store_that_is_read_only_cannot_be_changed(three, act, stores):
    asked = engine.RefreshRequest(
        engine.ScanRequest(('cmp1',), stores=stores))
    with pytest.raises(exceptions.ConfigError) as caught:
        with three.context() as context:
            act(context, asked)
    assert caught.value.message == (
        f'Copies in {stores[-1]} cannot be changed.')
