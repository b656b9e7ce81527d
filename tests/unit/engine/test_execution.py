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

"""Lock, journal and settling around what writes."""

import datetime
import io
import json
import os

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_servers
from rbd_mon_fix.core import ownership
from rbd_mon_fix.core import planning
from rbd_mon_fix.engine import execution
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import locks
from tests.unit import fakes
from tests.unit import memory

STORES = ('cinder-attachment', 'nova-bdm', 'domain')
OLD, NEW = memory.sheet(memory.OLD).text, memory.sheet(memory.NEW).text
THEIRS = nova_servers.Lock(True, 'mine!')


class Survey:
    """Stores in memory, of the hosts that were asked for."""

    def __init__(self, texts, hosts=(memory.HOST,), stores=STORES):
        self.request = fakes.command(hosts, hosts=hosts, stores=stores)
        self.texts = [memory.MemoryStore(name, {
            where: text for where, text in texts.items()
            if where.store == name}) for name in STORES]
        self.busy_now = set()

    def stores(self, host):
        return [store for store in self.texts
                if store.name in self.request.stores]

    def store(self, name, host):
        assert host in self.request.hosts
        [store] = [store for store in self.stores(host)
                   if store.name == name]
        return store

    def get(self, locator):
        return self.store(locator.store, locator.host).get(locator)

    def busy(self, uuids):
        return self.busy_now & set(uuids)

    def now(self):
        return {where: text for store in self.texts
                for where, text in store.texts.items()}

    def plan(self):
        servers = {where.instance: Instance(where.instance, where.host)
                   for where in self.now()}
        records = [record for store in self.texts
                   for host in self.request.hosts
                   for record in store.scan(Scope(host, servers))]
        return planning.plan(
            sorted(records, key=lambda each: each.locator.host),
            planning.Knowledge(servers, ownership.Ownership(
                [memory.cluster(backends=fakes.BACKENDS)], None), {}))


class Shown:
    """A report that remembers what it was told."""

    def __init__(self):
        self.outcomes = None
        self.closed = []

    def plan(self, plan, outcomes=None):
        assert not self.closed
        self.outcomes = outcomes

    def close(self, run=None):
        self.closed.append(run)

    @property
    def verdicts(self):
        return {where.key: outcome.verdict.value
                for where, outcome in self.outcomes.items()}


@pytest.fixture
def site(tmp_path):
    return fakes.Site(tmp_path)


def texts(*servers, stores=STORES, host=memory.HOST, text=OLD):
    return {memory.locator(store, server, host): text
            for server in servers for store in stores}


def journal_of(site):
    return execution.journal(site)


def lines(site):
    """Return the types of the lines of all runs, the oldest first."""
    folder = os.path.join(site.conf.journal_dir, 'runs')
    return [json.loads(line)['type'] for name in sorted(os.listdir(folder))
            for line in open(os.path.join(folder, name)) if line.strip()]


def apply(site, survey, lock=False, plan=None):
    shown = Shown()
    with execution.Session(site, survey, lock) as session:
        session.apply('refresh', plan or survey.plan(), shown, io.StringIO())
    return shown


def settle(site, survey):
    with execution.Session(site, survey) as session:
        session.settle()


def cut_off(site, survey, written=(), ended=(), locked=(),
            hosts=(memory.HOST,)):
    """Leave a run as one that was killed would.

    :param written: keys of documents that it wrote
    :param ended: keys of those of which the journal knows that
    :param locked: servers that it left locked
    """
    runs = journal_of(site)
    runs.prepare()
    plan = survey.plan()
    writer = runs.start('refresh', hosts, plan.digest, [])
    writer.begin(plan.changes)
    if locked:
        writer.note('locking', instances=list(locked))
        for uuid in locked:
            site.api.locks[uuid] = nova_servers.Lock(
                True, f'rbd-mon-fix {writer.run}')
    for store in survey.texts:
        for change in plan.changes:
            if change.locator.key in written and (
                    change.locator.store == store.name):
                writer.end([outcome for outcome in store.put([change])
                            if change.locator.key in ended])
    writer.leave()
    return writer.run


def test_nothing_to_change_leaves_no_run(site):
    survey = Survey(texts(1, text=NEW))
    shown = apply(site, survey)
    assert shown.closed == [None]
    assert shown.outcomes is None
    assert list(journal_of(site).runs()) == []


def test_what_is_changed_is_in_the_journal_and_in_the_report(site):
    survey = Survey(texts(1, 2))
    shown = apply(site, survey)
    [run] = journal_of(site).runs()
    assert shown.closed == [run.id]
    assert set(shown.verdicts.values()) == {'fixed'}
    assert len(shown.verdicts) == 6
    assert set(survey.now().values()) == {NEW}
    assert (run.command, run.hosts, run.finished) == (
        'refresh', (memory.HOST,), True)
    assert {entry.verdict for entry in run.entries} == {Verdict.FIXED}
    assert run.undoes is None


def test_the_journal_knows_the_clusters_and_the_plan(site):
    survey = Survey(texts(1))
    plan = survey.plan()
    with execution.Session(site, survey) as session:
        session.apply('rollback', plan, Shown(), io.StringIO(), undoes='R')
    [run] = journal_of(site).runs()
    assert (run.command, run.undoes) == ('rollback', 'R')
    [name] = os.listdir(os.path.join(site.conf.journal_dir, 'runs'))
    with open(os.path.join(site.conf.journal_dir, 'runs', name)) as file:
        head = json.loads(file.readline())
    assert head['digest'] == plan.digest
    assert head['clusters'] == [{
        'name': 'ceph', 'fsid': None,
        'monitors': memory.NEW.split(',')}]
    started = datetime.datetime.fromisoformat(head['started'])
    assert started.utcoffset() == datetime.timedelta(0)


def test_each_host_has_stores_of_its_own(site):
    hosts = ('cmp1', 'cmp2')
    survey = Survey({**texts(1), **texts(2, host='cmp2')}, hosts)
    asked = []
    stores = survey.stores
    survey.stores = lambda host: asked.append(host) or stores(host)
    shown = apply(site, survey)
    assert asked == ['cmp1', 'cmp2']
    assert len(shown.verdicts) == 6
    assert lines(site) == ['run', *['begin'] * 3, *['end'] * 3,
                           *['begin'] * 3, *['end'] * 3, 'close']


def test_busy_by_now(site):
    survey = Survey(texts(1, 2))
    survey.busy_now = {memory.uuid(1)}
    verdicts = apply(site, survey).verdicts
    assert {verdicts[f'{store}/1'] for store in STORES} == {'conflict'}
    assert {verdicts[f'{store}/2'] for store in STORES} == {'fixed'}


@pytest.mark.parametrize('error', [
    exceptions.Unreachable('Down.'), exceptions.ConfigError('May not.'),
    exceptions.RbdMonFixError('Full.')])
def test_what_is_known_when_all_ends_is_shown(site, error):
    survey = Survey(texts(1))

    def down(change):
        raise error

    survey.texts[2].during = down
    shown = Shown()
    with pytest.raises(type(error)):
        with execution.Session(site, survey) as session:
            session.apply('refresh', survey.plan(), shown, io.StringIO())
    [run] = journal_of(site).unfinished()
    assert shown.closed == [run.id]
    assert shown.verdicts == {'cinder-attachment/1': 'fixed',
                              'nova-bdm/1': 'fixed'}
    assert [entry.locator.key for entry in run.unsettled] == ['domain/1']


def test_two_runs_of_one_host_at_once(site):
    survey = Survey(texts(1))
    with execution.Session(site, survey):
        with pytest.raises(exceptions.Refused, match='cmp1'):
            apply(site, survey)
        assert survey.now() == texts(1)
        apply(site, Survey(texts(2, host='cmp2'), ('cmp2',)))
    apply(site, survey)
    assert set(survey.now().values()) == {NEW}


def test_the_host_is_let_go_after_an_error(site):
    with pytest.raises(KeyError):
        with execution.Session(site, Survey({})):
            raise KeyError
    with locks.held(site.conf.journal_dir, [memory.HOST]):
        pass


def test_a_journal_that_cannot_be_written(site, tmp_path):
    (tmp_path / 'journal').write_text('')
    survey = Survey(texts(1))
    with pytest.raises(exceptions.ConfigError, match='--journal-dir'):
        apply(site, survey)
    assert survey.now() == texts(1)


def test_nothing_to_settle(site):
    survey = Survey(texts(1))
    settle(site, survey)
    apply(site, survey)
    before = lines(site)
    settle(site, survey)
    assert lines(site) == before


def test_a_run_that_was_cut_off_is_settled_by_looking(site):
    survey = Survey(texts(1, 2))
    run = cut_off(site, survey, written=[
        'cinder-attachment/1', 'nova-bdm/1', 'cinder-attachment/2'],
        ended=['cinder-attachment/1'])
    survey.texts[2].texts[memory.locator('domain', 2)] = 'theirs'
    settle(site, survey)
    found = journal_of(site).read(run)
    assert {entry.locator.key: entry.verdict.value for entry in
            found.entries} == {
        'cinder-attachment/1': 'fixed', 'nova-bdm/1': 'fixed',
        'domain/1': 'failed', 'cinder-attachment/2': 'fixed',
        'nova-bdm/2': 'failed', 'domain/2': 'conflict'}
    assert list(journal_of(site).unfinished()) == []
    # What is settled stays: texts that change later change no outcome.
    before = lines(site)
    settle(site, survey)
    assert lines(site) == before


def test_the_same_command_again_ends_in_the_right_state(site):
    survey = Survey(texts(1, 2))
    first = cut_off(site, survey, written=['cinder-attachment/1'])
    with execution.Session(site, survey) as session:
        session.settle()
        session.apply('refresh', survey.plan(), Shown(), io.StringIO())
    assert set(survey.now().values()) == {NEW}
    assert {run.id == first: len(run.entries)
            for run in journal_of(site).runs()} == {True: 6, False: 5}


@pytest.mark.parametrize('hosts, settled', [
    (('cmp1',), True), (('cmp2', 'cmp1'), True), (('cmp2',), False)])
def test_only_runs_of_these_hosts_are_settled(site, hosts, settled):
    survey = Survey(texts(1))
    run = cut_off(site, survey)
    settle(site, Survey(survey.now(), hosts))
    assert journal_of(site).read(run).finished is settled


def test_a_run_of_more_hosts_than_these_waits_for_the_others(site, caplog):
    survey = Survey(texts(1))
    run = cut_off(site, survey, hosts=('cmp1', 'cmp2'))
    settle(site, survey)
    assert not journal_of(site).read(run).finished
    settle(site, Survey(survey.now(), ('cmp1', 'cmp2')))
    assert journal_of(site).read(run).finished


def test_stores_that_are_not_at_hand_keep_it_unsettled(site, caplog):
    survey = Survey(texts(1))
    run = cut_off(site, survey)
    settle(site, Survey(survey.now(), stores=('domain',)))
    found = journal_of(site).read(run)
    assert not found.finished
    assert {entry.locator.store for entry in found.unsettled} == {
        'cinder-attachment', 'nova-bdm'}
    assert run in caplog.text
    settle(site, survey)
    assert journal_of(site).read(run).finished


def test_a_store_that_is_down_keeps_it_unsettled(site, caplog):
    survey = Survey(texts(1))
    run = cut_off(site, survey)
    store = survey.texts[1]

    def down(where):
        raise exceptions.Unreachable('Down.')

    get, store.get = store.get, down
    settle(site, survey)
    assert not journal_of(site).read(run).finished
    assert run in caplog.text
    store.get = get
    settle(site, survey)
    assert journal_of(site).read(run).finished
    assert journal_of(site).read(run).unsettled == ()


@pytest.fixture
def locking(tmp_path):
    """Return a site whose API notes what the journal knew at each call."""
    api = fakes.Api(*memory.instances(1, 2, 3).values())
    site = fakes.Site(tmp_path, api=api)
    lock, unlock = api.lock, api.unlock
    site.known = []

    def heard(act, kind):
        def call(uuid, *args):
            site.known.append((kind, uuid, lines(site)[-1]))
            act(uuid, *args)
        return call

    api.lock, api.unlock = heard(lock, 'lock'), heard(unlock, 'unlock')
    return site


def test_lock_without_an_api(site):
    with pytest.raises(exceptions.ConfigError, match="--lock.*OS_"):
        execution.Session(site, Survey({}), lock=True)


def test_no_lock_unless_asked_for(locking):
    apply(locking, Survey(texts(1)))
    assert locking.known == []
    assert 'locking' not in lines(locking)


def test_servers_are_locked_while_they_are_written(locking):
    survey = Survey(texts(1, 2))
    held = []
    for store in survey.texts:
        store.during = lambda change: held.append(
            set(locking.api.locks) == {memory.uuid(1), memory.uuid(2)})
    shown = apply(locking, survey, lock=True)
    assert set(shown.verdicts.values()) == {'fixed'}
    assert held == [True] * 6
    assert locking.api.locks == {}
    # The journal knows of each lock before it is there, and of its end
    # after; so whoever finds the journal can give it back.
    assert locking.known == [
        ('lock', memory.uuid(1), 'locking'),
        ('lock', memory.uuid(2), 'locking'),
        ('unlock', memory.uuid(1), 'end'), ('unlock', memory.uuid(2), 'end')]
    assert lines(locking) == [
        'run', *['begin'] * 6, 'locking', *['end'] * 6, 'unlocked', 'close']
    [run] = journal_of(locking).runs()
    assert run.locked == frozenset()


def test_a_server_that_was_locked_stays_so(locking):
    locking.api.locks = {memory.uuid(1): THEIRS}
    apply(locking, Survey(texts(1, 2)), lock=True)
    assert locking.api.locks == {memory.uuid(1): THEIRS}
    assert [uuid for _, uuid, _ in locking.known] == [memory.uuid(2)] * 2


def test_servers_are_unlocked_when_a_store_is_lost(locking):
    survey = Survey(texts(1))

    def down(change):
        raise exceptions.Unreachable('Down.')

    survey.texts[1].during = down
    with pytest.raises(exceptions.Unreachable):
        apply(locking, survey, lock=True)
    assert locking.api.locks == {}
    [run] = journal_of(locking).unfinished()
    assert run.locked == frozenset()


def test_nothing_is_written_that_cannot_be_locked(locking):
    survey = Survey(texts(1, 2))

    def locked(uuid):
        raise exceptions.Unreachable('Down.', 'Wait.')

    locking.api.locked = locked
    with pytest.raises(exceptions.Unreachable):
        apply(locking, survey, lock=True)
    assert survey.now() == texts(1, 2)
    [run] = journal_of(locking).unfinished()
    # It may have locked them, for all that the journal knows.
    assert run.locked == {memory.uuid(1), memory.uuid(2)}


def test_locks_that_a_run_left_are_taken_back(locking):
    survey = Survey(texts(1, 2, 3))
    run = cut_off(locking, survey,
                  locked=[memory.uuid(1), memory.uuid(2)])
    # One was unlocked by hand, and locked by somebody else since.
    locking.api.locks[memory.uuid(2)] = THEIRS
    settle(locking, survey)
    assert locking.api.locks == {memory.uuid(2): THEIRS}
    found = journal_of(locking).read(run)
    assert found.locked == frozenset()
    assert found.finished


def test_locks_stay_known_without_the_api(locking, caplog):
    survey = Survey(texts(1))
    run = cut_off(locking, survey, locked=[memory.uuid(1)])
    api, locking.api = locking.api, None
    settle(locking, survey)
    assert memory.uuid(1) in caplog.text
    found = journal_of(locking).read(run)
    assert found.locked == {memory.uuid(1)}
    assert not found.finished
    assert found.unsettled == ()
    locking.api = api
    settle(locking, survey)
    assert api.locks == {}
    assert journal_of(locking).read(run).finished


def test_an_empty_plan_is_not_begun(site):
    shown = apply(site, Survey({}), plan=Plan((), ()))
    assert shown.closed == [None]
    assert list(journal_of(site).runs()) == []


def test_the_journal_s_clock_is_utc(site):
    before = datetime.datetime.now(datetime.timezone.utc)
    runs = journal_of(site)
    assert isinstance(runs, journal.Journal)
    runs.prepare()
    writer = runs.start('refresh', [], '', [])
    writer.close()
    started = datetime.datetime.fromisoformat(
        runs.read(writer.run).started)
    assert before <= started <= datetime.datetime.now(datetime.timezone.utc)
