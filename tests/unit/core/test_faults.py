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

"""After a fault at any step, a second run succeeds and so does rollback."""

import contextlib
import datetime
import itertools
import os

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.core import ownership
from rbd_mon_fix.core import planning
from rbd_mon_fix.core import recovery
from rbd_mon_fix.core import rollback
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import journal_writer
from tests.unit import memory

STORES = ('cinder-attachment', 'nova-bdm', 'domain')
SERVERS = (1, 2, 3)
CLUSTER = memory.cluster(
    backends=[Backend('cinder', 'rbd', 'volumes', 'cinder', 'S')])


class Killed(BaseException):
    """The end of the process."""


class Fuse:
    """Raises at the n-th step, once."""

    def __init__(self):
        self.left = 0
        self.error = Killed

    def set(self, steps, error):
        self.left, self.error = steps, error

    def step(self, *args):
        self.left -= 1
        if self.left == 0:
            raise self.error('Blown.')

    @property
    def blown(self):
        return self.left <= 0


class FusedStore(memory.MemoryStore):
    """A store that may be lost before and after each write."""

    def __init__(self, name, texts, fuse):
        super().__init__(name, texts, fuse.step,
                         guards_busy=name != 'domain')
        self._fuse = fuse

    def _put(self, change):
        outcome = super()._put(change)
        self._fuse.step()
        return outcome


class World:
    """Three stores and a journal, with a fuse in every step."""

    def __init__(self, folder, fuse):
        self.fuse = fuse
        ticks = itertools.count()
        self.journal = journal.Journal(
            str(folder), lambda: datetime.datetime(2024, 1, 1)
            + datetime.timedelta(seconds=next(ticks)))
        self.journal.prepare()
        self.first = {name: {
            memory.locator(name, server): self.sheet(server).text
            for server in SERVERS} for name in STORES}
        self.stores = [FusedStore(name, texts, fuse)
                       for name, texts in self.first.items()]

    @staticmethod
    def sheet(server):
        """Return a document with one wrong disk or two."""
        return memory.sheet(*[memory.OLD, '10.1.0.9:6789', memory.NEW][
            :server])

    def texts(self):
        return {store.name: store.texts for store in self.stores}

    def plan(self):
        scope = Scope(memory.HOST, memory.instances(*SERVERS))
        records = [record for store in self.stores
                   for record in store.scan(scope)]
        return planning.plan(records, planning.Knowledge(
            scope.instances, ownership.Ownership([CLUSTER], None), {}))

    def refresh(self):
        self.settle()
        self.apply('refresh', self.plan())

    def rollback(self, run):
        self.settle()
        past = self.journal.read(run)
        records = {entry.locator: self.get(entry.locator)
                   for entry in past.entries}
        self.apply('rollback', rollback.plan(
            past.entries, records, memory.instances(*SERVERS)))

    def settle(self):
        for run in self.journal.unfinished():
            with self.writing(self.journal.reopen(run)) as writer:
                for outcome in recovery.settle(run.unsettled, self.get):
                    writer.end([outcome])

    def apply(self, command, plan):
        if not plan.changes:
            return
        with self.writing(self.journal.start(
                command, [memory.HOST], [])) as writer:
            for _ in apply.apply(plan.changes, self.stores, writer,
                                 self.busy, self.hold):
                pass

    @contextlib.contextmanager
    def writing(self, writer):
        try:
            yield writer
            writer.close()
        except BaseException:
            with contextlib.suppress(OSError):
                writer.leave()
            raise

    def busy(self, uuids):
        self.fuse.step()
        return ()

    @contextlib.contextmanager
    def hold(self, uuids):
        self.fuse.step()
        yield
        self.fuse.step()

    def get(self, where):
        [store] = [store for store in self.stores
                   if store.name == where.store]
        return store.get(where)


@pytest.fixture
def fuse(monkeypatch):
    """Return a fuse that also covers every write and sync of the journal."""
    fuse = Fuse()
    write = os.write

    def fused_write(file, words):
        words = bytes(words)
        half = len(words) // 2
        fuse.step()
        write(file, words[:half])
        fuse.step()
        write(file, words[half:])
        fuse.step()
        return len(words)

    monkeypatch.setattr(os, 'write', fused_write)
    monkeypatch.setattr(os, 'fsync', fuse.step)
    monkeypatch.setattr(apply, 'BATCH', 2)
    return fuse


def broken_at_every_step(tmp_path, fuse, error, act):
    """Yield worlds in which an act was cut off, one for each of its steps.

    :param act: called with a world; returns the function to interrupt
    """
    for steps in itertools.count(1):
        world = World(tmp_path / str(steps), fuse)
        broken = act(world)
        fuse.set(steps, error)
        try:
            broken()
        except error:
            fuse.set(0, error)
            yield world
            continue
        assert not fuse.blown
        # Three stores, three servers, two batches: that is a lot of steps.
        assert steps > 50
        return


def check_all_right(world):
    assert world.plan().changes == ()
    assert list(world.journal.unfinished()) == []


ERRORS = pytest.mark.parametrize('error', [Killed, exceptions.Unreachable])


@pytest.mark.parametrize('error, latest_first', [
    (Killed, True), (Killed, False), (exceptions.Unreachable, True)])
def test_refresh_broken_at_every_step(tmp_path, fuse, error, latest_first):
    for world in broken_at_every_step(
            tmp_path, fuse, error, lambda world: world.refresh):
        world.refresh()
        check_all_right(world)
        runs = [run.id for run in world.journal.runs()]
        for run in sorted(runs, reverse=latest_first):
            world.rollback(run)
        assert world.texts() == world.first


def test_refresh_broken_at_every_step_and_taken_back_at_once(
        tmp_path, fuse):
    for world in broken_at_every_step(
            tmp_path, fuse, Killed, lambda world: world.refresh):
        for run in [run.id for run in world.journal.runs()]:
            world.rollback(run)
        assert world.texts() == world.first


@ERRORS
def test_rollback_broken_at_every_step(tmp_path, fuse, error):
    def act(world):
        world.refresh()
        check_all_right(world)
        [run] = world.journal.runs()
        return lambda: world.rollback(run.id)

    for world in broken_at_every_step(tmp_path, fuse, error, act):
        world.rollback(min(run.id for run in world.journal.runs()))
        assert world.texts() == world.first
        world.refresh()
        check_all_right(world)


def test_settling_broken_at_every_step(tmp_path, fuse):
    """Interrupted right after the first put, then again while settling."""
    def act(world):
        def blow(outcomes):
            raise Killed
        fuse.set(0, Killed)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(journal_writer.Writer, 'end',
                          lambda *args: blow(args))
            with pytest.raises(Killed):
                world.refresh()
        [cut_off] = world.journal.unfinished()
        assert len(cut_off.unsettled) == 6
        return world.refresh

    for world in broken_at_every_step(tmp_path, fuse, Killed, act):
        world.refresh()
        check_all_right(world)
        for run in [run.id for run in world.journal.runs()]:
            world.rollback(run)
        assert world.texts() == world.first
