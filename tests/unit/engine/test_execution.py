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

"""Carrying plans out, and the report of an early end."""

from __future__ import annotations

import errno
import os
import pathlib
import threading

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.engine import execution
from rbd_mon_fix.engine import refresh_run
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import selection
from rbd_mon_fix.engine import session
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import journal_writer
from tests.unit import memory
from tests.unit import worlds

DOWN = exceptions.Unreachable('Down.', 'Wait.')
FIXED = ['fixed'] * 3


class Stopping(worlds.Heard):
    """A listener that stops a run once so many batches were begun."""

    def __init__(self):
        super().__init__()
        self.last = None
        self.batches = []

    def batch(self, servers):
        self.batches.append(servers)

    def stopping(self):
        return len(self.batches) == self.last


class Run:
    """One run over some servers of cmp1, with one plan per server."""

    def __init__(self, world):
        self.world = world
        self.heard = Stopping()
        self.started = 0

    def carry_out(self, plans=None, total=None,
                  complaints=execution.no_complaints):
        """Carry out plans; by default those that the world requires."""
        scan = self.world.scan()
        known = list(worlds.plans(scan))
        plans = iter(known) if plans is None else plans(known)
        with session.Session(scan.context, scan) as held:
            def start():
                self.started += 1
                return held.start('refresh', ())

            return execution.Execution(
                reporting.Reporter(scan.context, self.heard), self.heard,
                start, sum(len(plan.changes) for plan in known)
                if total is None else total, complaints,
            ).carry_out(plans, scan.lost)

    @property
    def servers(self):
        return [(server, verdicts)
                for _, server, verdicts in self.heard.servers]

    @property
    def runs(self):
        return list(session.journal(self.world.context()).runs())

    def lose_libvirt(self, server, monkeypatch, error=DOWN):
        """Lose libvirt right before the domain of a server is written."""
        place = self.world.domains()
        define = place.define

        def lost(xml):
            if memory.uuid(server) in xml:
                raise error
            define(xml)

        monkeypatch.setattr(place, 'define', lost)


@pytest.fixture
def run(world, monkeypatch):
    for server in (1, 2, 3):
        world.add(server)
    monkeypatch.setattr(instances, 'BATCH', 1)
    return Run(world)


def test_nothing_to_change_leaves_no_run(run):
    first = run.carry_out()
    run.heard.servers.clear()
    again = run.carry_out()
    assert (first.error, again.run, again.error) == (None, None, None)
    assert [each.id for each in run.runs] == [first.run]
    assert run.started == 1
    # No change was made, which differs from changes without a success.
    assert run.servers == [(1, None), (2, None), (3, None)]


def test_no_plan_at_all(run):
    done = run.carry_out(lambda known: iter(()), 0)
    assert (done.run, done.error, done.summary.servers) == (None, None, 0)
    assert run.runs == []


def test_each_plan_is_told_of_after_it(run):
    done = run.carry_out()
    assert done.error is None
    assert run.servers == [(1, FIXED), (2, FIXED), (3, FIXED)]
    assert run.heard.phases == [
        ('Writing', 9, 3), ('Writing', 9, 6), ('Writing', 9, 9)]
    assert done.summary.outcomes == {Verdict.FIXED: 9}
    assert (done.summary.due, done.summary.unsettled) == (9, 0)
    [found] = run.runs
    assert (found.id, found.finished) == (done.run, True)


def test_a_plan_without_changes_makes_no_run_longer(run):
    run.world.nova.tables.update('instances', 'uuid', memory.uuid(2),
                                 task_state='rebooting')
    run.carry_out()
    assert run.servers == [(1, FIXED), (2, None), (3, FIXED)]


def test_a_store_that_is_lost_in_the_middle(run, monkeypatch):
    """The known outcomes are reported, and so are the changes not reached."""
    run.lose_libvirt(2, monkeypatch)
    done = run.carry_out()
    assert done.error is DOWN
    assert run.servers == [(1, FIXED), (2, FIXED[:2]), (3, [])]
    assert done.summary.outcomes == {Verdict.FIXED: 5}
    assert (done.summary.due, done.summary.unsettled) == (9, 4)
    assert done.summary.incomplete
    [found] = run.runs
    assert (found.id, found.finished) == (done.run, False)
    assert [entry.locator.store for entry in found.unsettled] == ['domain']


def test_plans_that_cannot_be_read_are_counted(run, monkeypatch):
    """A store that is lost for writing may be lost for reading too."""
    run.lose_libvirt(1, monkeypatch)

    def plans(known):
        yield known[0]
        yield known[1]
        raise exceptions.Unreachable('Down as well.')

    done = run.carry_out(plans)
    assert done.error is DOWN
    assert run.servers == [(1, FIXED[:2]), (2, [])]
    assert done.summary.unsettled == 1 + 3 + 3


def test_plans_that_end_with_an_error(run):
    """No write failed, but the remaining plans cannot be read."""
    def plans(known):
        yield known[0]
        raise DOWN

    done = run.carry_out(plans)
    assert done.error is DOWN
    assert run.servers == [(1, FIXED)]
    assert (done.summary.outcomes, done.summary.unsettled) == (
        {Verdict.FIXED: 3}, 6)
    assert [found.finished for found in run.runs] == [False]


def test_a_run_that_cannot_be_begun(run, monkeypatch):
    full = exceptions.ConfigError('Full.')
    before = run.world.everything()

    def start(*args, **kwargs):
        raise full

    monkeypatch.setattr(journal.Journal, 'start', start)
    done = run.carry_out()
    assert (done.run, done.error) == (None, full)
    assert run.world.everything() == before
    assert run.servers == [(1, []), (2, []), (3, [])]
    assert (done.summary.due, done.summary.unsettled) == (9, 9)


def test_a_journal_that_cannot_be_written(run, monkeypatch):
    """The journal is written before the stores."""
    full = exceptions.RbdMonFixError('Full.')
    begin = journal_writer.Writer.begin

    def fill(writer, changes):
        if any(worlds.number(change.locator.instance) == 2
               for change in changes):
            raise full
        begin(writer, changes)

    monkeypatch.setattr(journal_writer.Writer, 'begin', fill)
    done = run.carry_out()
    assert done.error is full
    assert run.servers == [(1, FIXED), (2, []), (3, [])]
    assert len(run.world.plan().changes) == 6


@pytest.mark.parametrize('number', [errno.EIO, errno.ENOSPC])
def test_nothing_is_written_after_a_failed_sync(run, monkeypatch, number):
    """The changes of a batch that may not be on disk are not made."""
    fsync, broken = os.fsync, []

    def lose(file):
        path = os.readlink(f'/proc/self/fd/{file}')
        text = pathlib.Path(path).read_text() if path.endswith('l') else ''
        if broken or memory.uuid(2) in text:
            broken.append(path)
            raise OSError(number, os.strerror(number))
        fsync(file)

    monkeypatch.setattr(os, 'fsync', lose)
    done = run.carry_out()
    assert os.strerror(number) in done.error.message
    assert broken[0] in done.error.message
    assert run.servers == [(1, FIXED), (2, []), (3, [])]
    assert len(run.world.plan().changes) == 6
    assert [each.finished for each in run.runs] == [False]


def test_a_journal_that_cannot_be_closed(run, monkeypatch):
    full = exceptions.RbdMonFixError('Full.')

    def close(writer):
        writer.leave()
        raise full

    monkeypatch.setattr(journal_writer.Writer, 'close', close)
    done = run.carry_out()
    assert done.error is full
    assert run.servers == [(1, FIXED), (2, FIXED), (3, FIXED)]
    assert not done.summary.incomplete
    assert [(found.id, found.finished) for found in run.runs] == [
        (done.run, False)]


def test_a_journal_that_cannot_be_left_either(run, monkeypatch):
    """The error that cut the run off is the one that matters."""
    run.lose_libvirt(1, monkeypatch)

    def leave(writer):
        raise exceptions.RbdMonFixError('Full.')

    monkeypatch.setattr(journal_writer.Writer, 'leave', leave)
    assert run.carry_out().error is DOWN


def test_complaints(run):
    """Only successful changes are verified."""
    asked = []

    def complaints(changes):
        asked.append([(worlds.number(change.locator.instance),
                       change.locator.store) for change in changes])
        return {change.locator: 'does not open' for change in changes
                if change.locator.store == 'nova-bdm'
                and change.locator.instance == memory.uuid(2)}

    def plans(known):
        run.world.domains().texts[memory.uuid(3)] += '\n'
        return iter(known)

    done = run.carry_out(plans, complaints=complaints)
    stores = ['cinder-attachment', 'nova-bdm', 'domain']
    assert [sorted(each) for each in asked] == [
        sorted((server, store) for store in stores[:count])
        for server, count in ((1, 3), (2, 3), (3, 2))]
    assert done.error is None
    assert done.summary.outcomes == {
        Verdict.FIXED: 7, Verdict.UNVERIFIED: 1, Verdict.CONFLICT: 1}
    assert done.summary.incomplete


def test_complaints_that_cannot_be_had(run):
    """The written changes are reported although verification failed."""
    private = exceptions.ConfigError('The key may not be read.')

    def complaints(changes):
        raise private

    done = run.carry_out(complaints=complaints)
    assert done.error is private
    assert run.servers == [(1, FIXED), (2, []), (3, [])]
    assert (done.summary.outcomes, done.summary.unsettled) == (
        {Verdict.FIXED: 3}, 6)
    assert [found.finished for found in run.runs] == [False]


@pytest.mark.parametrize('ending, told, unread', [
    (KeyboardInterrupt(), exceptions.Interrupted,
     [(1, FIXED), (2, FIXED[:2])]),
    (OSError(24, 'SECRET'), exceptions.RbdMonFixError,
     [(1, FIXED), (2, FIXED[:2]), (3, [])]),
    (ZeroDivisionError('SECRET'), exceptions.Defect,
     [(1, FIXED), (2, FIXED[:2]), (3, [])]),
    (RecursionError('SECRET'), exceptions.Defect,
     [(1, FIXED), (2, FIXED[:2]), (3, [])])])
def test_other_endings_in_the_middle(run, monkeypatch, ending, told, unread):
    """The report comes first; after an interrupt, nothing more is read."""
    run.lose_libvirt(2, monkeypatch, ending)
    done = run.carry_out()
    assert type(done.error) is told
    assert 'SECRET' not in str(done.error)
    assert run.servers == unread
    assert done.summary.outcomes == {Verdict.FIXED: 5}
    assert (done.summary.incomplete, done.summary.unsettled) == (True, 4)
    [found] = run.runs
    assert (found.id, found.finished) == (done.run, False)


def test_the_guests_cannot_be_listed_afterwards(run, monkeypatch):
    def stranded(watch):
        raise OSError(24, 'Too many open files')

    monkeypatch.setattr(connectivity.Watch, 'stranded', stranded)
    done = run.carry_out()
    assert 'Too many open files' in str(done.error)
    assert done.summary.outcomes == {Verdict.FIXED: 9}
    assert run.runs[0].id == done.run


@pytest.mark.parametrize('second', [KeyboardInterrupt(), ZeroDivisionError()])
@pytest.mark.parametrize('step', [
    (journal_writer.Writer, 'leave'), (connectivity.Watch, 'stranded'),
    (reporting.Reporter, 'plan')])
@pytest.mark.parametrize('first', [KeyboardInterrupt(), DOWN])
def test_a_second_ending_during_the_first(run, monkeypatch, first, step,
                                          second):
    """The run is named, and the first ending is the one that is told."""
    run.lose_libvirt(1, monkeypatch, first)

    def fail(*arguments):
        raise second

    monkeypatch.setattr(*step, fail)
    done = run.carry_out()
    if step[1] != 'plan':  # else the plan's own ending is lost with it
        assert type(done.error) is (exceptions.Unreachable if first is DOWN
                                    else exceptions.Interrupted)
    [found] = run.runs
    assert (found.id, found.finished) == (done.run, False)
    assert done.summary.incomplete


@pytest.mark.parametrize('last', [1, 2, 3])
def test_a_stop_finishes_the_batch_in_hand(run, last):
    """The run is finished, and named with what it wrote."""
    run.heard.last = last
    done = run.carry_out()
    assert isinstance(done.error, exceptions.Interrupted)
    assert (done.error.run, done.error.written) == (done.run, 3 * last)
    assert done.error.message == (
        f'Interrupted. Run {done.run}: {3 * last} of 9 changes written.')
    assert run.servers == [(each + 1, FIXED) for each in range(last)]
    assert run.heard.batches == [1] * last
    assert done.summary.unsettled == 9 - 3 * last
    [found] = run.runs
    assert (found.finished, len(found.entries)) == (True, 3 * last)


def test_a_stop_within_a_plan(run, monkeypatch):
    monkeypatch.setattr(instances, 'BATCH', 500)
    monkeypatch.setattr(apply, 'BATCH', 2)
    run.heard.last = 1
    done = run.carry_out()
    assert done.error.written == 6
    assert run.heard.batches == [2]
    assert run.servers == [(1, FIXED), (2, FIXED), (3, [])]
    assert (done.summary.unsettled, run.runs[0].finished) == (3, True)


def test_a_stop_skips_the_check_of_changes(run):
    run.heard.last = 1
    done = run.carry_out(complaints=lambda changes: 1 / 0)
    assert isinstance(done.error, exceptions.Interrupted)


def test_an_interrupt_between_two_plans(run):
    """Nothing is in hand, so the run is finished."""
    def plans(known):
        yield known[0]
        raise KeyboardInterrupt

    done = run.carry_out(plans)
    assert (done.error.run, done.error.written) == (done.run, 3)
    assert [each.finished for each in run.runs] == [True]


def test_an_interrupt_before_the_first_change(run):
    def plans(known):
        raise KeyboardInterrupt
        yield

    done = run.carry_out(plans)
    assert str(done.error) == (
        'Interrupted. Run the same command again to continue.')


HOSTS = ('cmp1', 'cmp2', 'cmp3', 'cmp4')


@pytest.fixture
def fleet(world, monkeypatch):
    """Return four hosts with two servers each, in a plan each."""
    for server in range(1, 9):
        world.add(server, HOSTS[(server - 1) // 2])
    monkeypatch.setattr(instances, 'BATCH', 1)
    return world


def refresh(world, listener, **fields):
    return refresh_run.refresh(world.context(), refresh_run.RefreshRequest(
        selection.ScanRequest(HOSTS, **fields)), listener)


@pytest.mark.parametrize('parallel', [1, 2, 8])
def test_several_hosts_are_told_in_their_order(fleet, parallel):
    heard = worlds.Heard()
    done = refresh(fleet, heard, parallel=parallel)
    assert done.error is None
    assert [(host, server) for host, server, _ in heard.servers] == [
        (HOSTS[(server - 1) // 2], server) for server in range(1, 9)]
    assert {tuple(each) for *_, each in heard.servers} == {tuple(FIXED)}
    assert done.summary.outcomes == {Verdict.FIXED: 24}
    [found] = session.journal(fleet.context()).runs()
    assert (found.id, found.finished, len(found.entries)) == (
        done.run, True, 24)
    assert heard.phases[-1] == ('Writing', 24, 24)


def lose(place, monkeypatch, error):
    def lost(xml):
        raise error

    monkeypatch.setattr(place, 'define', lost)


def test_one_of_several_hosts_is_lost(fleet, monkeypatch):
    """What was begun on other hosts is finished and told; no more begins."""
    lose(fleet.domains('cmp2'), monkeypatch, DOWN)
    heard = worlds.Heard()
    done = refresh(fleet, heard, parallel=8)
    assert done.error is DOWN
    servers = {server: each for _, server, each in heard.servers}
    assert sorted(servers) == list(range(1, 9))
    assert servers[3] == FIXED[:2]
    assert not servers[4]
    [found] = session.journal(fleet.context()).runs()
    assert not found.finished
    # All that was written has been told.
    written = sum(done.summary.outcomes.values())
    assert len(fleet.plan(*HOSTS).changes) == 24 - written
    assert done.summary.unsettled == 24 - written


def test_two_of_several_hosts_are_lost(fleet, monkeypatch, caplog):
    """The first one ends the run; the log has what became of the other."""
    # Neither is lost before both are written to.
    barrier = threading.Barrier(2)

    def lose_later(place, error):
        def lost(xml):
            barrier.wait(30)
            raise error

        monkeypatch.setattr(place, 'define', lost)

    lose_later(fleet.domains('cmp2'), DOWN)
    lose_later(fleet.domains('cmp3'),
               exceptions.Unreachable('Down as well.', 'Wait for both.'))
    done = refresh(fleet, worlds.Heard(), parallel=8)
    assert done.error is DOWN
    assert 'Down as well. Wait for both.' in caplog.text


def test_an_interrupt_between_reports(fleet, monkeypatch):
    """Batches in hand end, and the run is whole."""
    report = reporting.Reporter.plan
    told = []

    def plan(reporter, *arguments):
        told.append(arguments)
        if len(told) == 3:
            raise KeyboardInterrupt
        report(reporter, *arguments)

    monkeypatch.setattr(reporting.Reporter, 'plan', plan)
    done = refresh(fleet, worlds.Heard(), parallel=4)
    assert isinstance(done.error, exceptions.Interrupted)
    [found] = session.journal(fleet.context()).runs()
    assert (found.id, found.finished) == (done.run, True)
    assert not found.unsettled
    assert len(fleet.plan(*HOSTS).changes) == 24 - len(found.entries)


@pytest.mark.once
def test_a_host_that_never_answers_while_it_is_written_to(fleet,
                                                          monkeypatch):
    never = threading.Event()
    place = fleet.domains('cmp2')
    monkeypatch.setattr(place, 'define', lambda xml: never.wait())
    fleet.options['host_timeout'] = 4.0
    heard = worlds.Heard()
    try:
        done = refresh(fleet, heard, parallel=8)
    finally:
        never.set()
    assert 'Nothing was heard from host cmp2 for 4 seconds' in str(done.error)
    servers = {server: each for _, server, each in heard.servers}
    assert servers[1] == servers[2] == FIXED
    assert servers[3] == FIXED[:2]
    [found] = session.journal(fleet.context()).unfinished()
    assert found.id == done.run
