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

"""The right to write: locks, the journal, and runs that were cut off."""

from __future__ import annotations

import datetime
import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_servers
from rbd_mon_fix.core import apply as applying
from rbd_mon_fix.engine import session
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import journal_writer
from rbd_mon_fix.state import locks
from tests.unit import memory
from tests.unit import worlds

STORES = ('cinder-attachment', 'nova-bdm', 'domain')
THEIRS = nova_servers.Lock(True, 'mine!')


def number(locator):
    return f'{locator.store}/{int(locator.instance.split("-")[0], 16)}'


def journal_of(world):
    return session.journal(world.context())


def lines(world):
    """Return the line types of all runs, the oldest first."""
    return [json.loads(line)['type']
            for path in sorted(world.journal.joinpath('runs').iterdir())
            for line in path.read_text().splitlines() if line.strip()]


def apply(world, *hosts, lock=False, undoes=None):
    """Make all required changes and return their verdicts."""
    scan = world.scan(*hosts)
    outcomes = {}
    with session.Session(scan.context, scan, lock) as held:
        plan = worlds.merged(worlds.plans(scan))
        writing = held.start('rollback' if undoes else 'refresh',
                             scan.context.clusters, undoes)
        try:
            for outcome in writing.apply(plan.changes):
                outcomes[number(outcome.locator)] = outcome.verdict.value
        except exceptions.RbdMonFixError:
            writing.close(False)
            raise
        writing.close(True)
    return outcomes


def settle(world, *hosts, **fields):
    scan = world.scan(*hosts, **fields)
    with session.Session(scan.context, scan) as held:
        held.settle()


def cut_off(world, *hosts, written=(), ended=(), locked=()):
    """Leave the journal and the stores as a killed run would.

    :param written: documents that the run wrote
    :param ended: the written documents that the journal records as written
    :param locked: servers that the run left locked
    """
    scan = world.scan(*hosts)
    runs = journal_of(world)
    runs.prepare()
    plan = worlds.merged(worlds.plans(scan))
    writer = runs.start('refresh', hosts or ('cmp1',), [])
    writer.begin(plan.changes)
    if locked:
        writer.note('locking', instances=list(locked))
        for uuid in locked:
            world.api.locks[uuid] = nova_servers.Lock(
                True, f'rbd-mon-fix {writer.run}')
    for change in plan.changes:
        if number(change.locator) in written:
            [store] = [store for store in scan.stores(change.locator.host)
                       if store.name == change.locator.store]
            outcomes = store.put([change])
            if number(change.locator) in ended:
                writer.end(outcomes)
    writer.leave()
    return writer.run


@pytest.fixture
def one(world):
    world.add(1)
    return world


@pytest.fixture
def two(one):
    one.add(2)
    return one


def down(*args):
    raise exceptions.Unreachable('Down.', 'Wait.')


def test_what_is_changed_is_in_the_journal(two):
    outcomes = apply(two)
    assert set(outcomes.values()) == {'fixed'}
    assert len(outcomes) == 6
    assert two.plan().changes == ()
    [run] = journal_of(two).runs()
    assert (run.command, run.hosts, run.finished) == (
        'refresh', ('cmp1',), True)
    assert {entry.verdict for entry in run.entries} == {Verdict.FIXED}
    assert run.undoes is None


def test_the_journal_knows_the_clusters(one):
    apply(one, undoes='R')
    [run] = journal_of(one).runs()
    assert (run.command, run.undoes) == ('rollback', 'R')
    [path] = one.journal.joinpath('runs').iterdir()
    head = json.loads(path.read_text().splitlines()[0])
    assert head['clusters'] == [{
        'name': 'ceph', 'fsid': worlds.FSID,
        'monitors': memory.NEW.split(','),
        'stated': [*memory.OLD.split(','), '[fd00::3]:6789']}]
    started = datetime.datetime.fromisoformat(head['started'])
    assert started.utcoffset() == datetime.timedelta(0)


def test_each_host_has_stores_of_its_own(one, monkeypatch):
    one.add(2, 'cmp2')
    asked = []
    connect = one.connect
    monkeypatch.setattr(one, 'connect', lambda uri: (
        asked.append(uri) or connect(uri)))
    assert len(apply(one, 'cmp1', 'cmp2')) == 6
    assert sorted(asked) == ['libvirt://cmp1/', 'libvirt://cmp2/']
    assert lines(one) == ['run', *['begin'] * 3, *['end'] * 3,
                          *['begin'] * 3, *['end'] * 3, 'summary', 'close']


def test_a_server_that_became_busy(two):
    scan = two.scan()
    plan = worlds.merged(worlds.plans(scan))
    two.nova.tables.update('instances', 'uuid', memory.uuid(1),
                           task_state='rebooting')
    with session.Session(scan.context, scan) as held:
        found = {number(outcome.locator): outcome.verdict.value
                 for outcome in held.start('refresh', ()).apply(plan.changes)}
    # Cinder's rows are written first, and nothing of Nova's reads them.
    assert found == {
        'cinder-attachment/1': 'fixed', 'nova-bdm/1': 'conflict',
        'domain/1': 'conflict', 'cinder-attachment/2': 'fixed',
        'nova-bdm/2': 'fixed', 'domain/2': 'fixed'}


@pytest.mark.parametrize('error', [
    exceptions.Unreachable('Down.'), exceptions.ConfigError('May not.'),
    exceptions.RbdMonFixError('Full.')])
def test_a_run_that_ends_with_an_error_is_left_open(one, monkeypatch, error):
    def define(xml):
        raise error

    monkeypatch.setattr(one.domains(), 'define', define)
    with pytest.raises(type(error)):
        apply(one)
    [run] = journal_of(one).unfinished()
    assert {number(entry.locator): entry.verdict and entry.verdict.value
            for entry in run.entries} == {
        'cinder-attachment/1': 'fixed', 'nova-bdm/1': 'fixed',
        'domain/1': None}
    assert [number(entry.locator) for entry in run.unsettled] == ['domain/1']


@pytest.mark.parametrize('complete', [True, False])
def test_a_journal_that_cannot_be_closed(one, monkeypatch, complete):
    scan = one.scan()
    full = exceptions.RbdMonFixError('Full.')

    def sync(writer):
        raise full

    with session.Session(scan.context, scan) as held:
        writing = held.start('refresh', ())
        monkeypatch.setattr(journal_writer.Writer, '_sync', sync)
        with pytest.raises(exceptions.RbdMonFixError, match='Full'):
            writing.close(complete)


def test_two_runs_of_one_host_at_once(one):
    one.add(2, 'cmp2')
    scan = one.scan()
    before = one.everything()
    with session.Session(scan.context, scan):
        with pytest.raises(exceptions.Refused, match='cmp1'):
            apply(one)
        assert one.everything() == before
        assert len(apply(one, 'cmp2')) == 3
    assert len(apply(one)) == 3


def test_the_host_is_let_go_after_an_error(one):
    scan = one.scan()
    with pytest.raises(KeyError):
        with session.Session(scan.context, scan):
            raise KeyError
    with locks.held(str(one.journal), ['cmp1']):
        pass


def test_a_journal_that_cannot_be_written(one):
    one.journal.write_text('')
    before = one.everything()
    with pytest.raises(exceptions.ConfigError, match='--journal-dir'):
        apply(one)
    assert one.everything() == before


def test_nothing_to_settle(one):
    settle(one)
    apply(one)
    before = lines(one)
    settle(one)
    assert lines(one) == before


def test_a_run_that_was_cut_off_is_settled_by_looking(two, caplog):
    run = cut_off(two, written=[
        'cinder-attachment/1', 'nova-bdm/1', 'cinder-attachment/2'],
        ended=['cinder-attachment/1'])
    texts = two.domains().texts
    texts[memory.uuid(2)] = texts[memory.uuid(2)].replace('10.0.0.1', 'x')
    with caplog.at_level('INFO'):
        settle(two)
    # A terminal shows one line for the run, the log one for each change.
    assert [record.getMessage() for record in caplog.records
            if record.levelname == 'WARNING'] == [
        f'Run {run} was cut off: 3 changes were written, 2 were not made, '
        'and 1 document has changed since.']
    assert sum(record.levelname == 'INFO' for record in caplog.records) == 5
    found = journal_of(two).read(run)
    assert {number(entry.locator): entry.verdict.value
            for entry in found.entries} == {
        'cinder-attachment/1': 'fixed', 'nova-bdm/1': 'fixed',
        'domain/1': 'failed', 'cinder-attachment/2': 'fixed',
        'nova-bdm/2': 'failed', 'domain/2': 'unverified'}
    assert list(journal_of(two).unfinished()) == []
    # Settled outcomes stay: later changes of the texts do not affect them.
    before = lines(two)
    settle(two)
    assert lines(two) == before


def test_a_run_stops_between_two_batches(two, monkeypatch):
    """It is finished: each change that was begun has an outcome."""
    monkeypatch.setattr(applying, 'BATCH', 1)
    scan = two.scan()
    asked = []
    with session.Session(scan.context, scan) as held:
        writing = held.start('refresh', ())
        made = list(writing.apply(
            worlds.merged(worlds.plans(scan)).changes,
            lambda servers: asked.append(servers) or len(asked) < 2))
        writing.close(True)
    assert asked == [1, 1]
    assert {number(outcome.locator) for outcome in made} == {
        'cinder-attachment/1', 'nova-bdm/1', 'domain/1'}
    [run] = journal_of(two).runs()
    assert (run.finished, len(run.entries), run.unsettled) == (True, 3, ())
    assert len(two.plan().changes) == 3


def test_the_same_command_again_ends_in_the_right_state(two):
    first = cut_off(two, written=['cinder-attachment/1'])
    settle(two)
    apply(two)
    assert two.plan().changes == ()
    assert {run.id == first: len(run.entries)
            for run in journal_of(two).runs()} == {True: 6, False: 5}


@pytest.mark.parametrize('hosts, settled', [
    (('cmp1',), True), (('cmp2', 'cmp1'), True), (('cmp2',), False)])
def test_only_runs_of_these_hosts_are_settled(one, hosts, settled):
    run = cut_off(one)
    settle(one, *hosts)
    assert journal_of(one).read(run).finished is settled


def test_a_run_of_more_hosts_than_these_waits_for_the_others(one):
    one.add(2, 'cmp2')
    run = cut_off(one, 'cmp1', 'cmp2')
    settle(one)
    assert not journal_of(one).read(run).finished
    settle(one, 'cmp1', 'cmp2')
    assert journal_of(one).read(run).finished


def test_stores_that_are_left_out_keep_it_unsettled(one, caplog):
    run = cut_off(one)
    settle(one, store=['domain'])
    found = journal_of(one).read(run)
    assert not found.finished
    assert {entry.locator.store for entry in found.unsettled} == {
        'cinder-attachment', 'nova-bdm'}
    assert run in caplog.text
    settle(one)
    assert journal_of(one).read(run).finished


def test_a_store_that_is_down_keeps_it_unsettled(one, caplog, monkeypatch):
    run = cut_off(one)
    with monkeypatch.context() as patch:
        patch.setattr(one.domains(), 'inactive_xml', down)
        settle(one)
    assert not journal_of(one).read(run).finished
    assert run in caplog.text
    assert '0 changes were written, 2 were not made.' in caplog.text
    settle(one)
    assert journal_of(one).read(run).finished
    assert journal_of(one).read(run).unsettled == ()


def path_of(world, run):
    return world.journal / 'runs' / f'{run}.jsonl'


def damage(world, run, kind):
    """Overwrite the first line of a type by zeros."""
    path = path_of(world, run)
    text = path.read_bytes()
    line = next(line for line in text.splitlines()
                if json.loads(line)['type'] == kind)
    path.write_bytes(text.replace(line, bytes(len(line)), 1))


@pytest.mark.parametrize('kind, left', [('run', 3), ('begin', 2), ('end', 3)])
def test_a_damaged_run_is_named_and_settled(one, caplog, kind, left):
    """What its whole lines say is settled, once."""
    run = cut_off(one, written=['cinder-attachment/1'],
                  ended=['cinder-attachment/1'])
    damage(one, run, kind)
    settle(one)
    assert f'{run} was cut off, and its journal file is damaged' in caplog.text
    found = journal_of(one).read(run)
    assert (len(found.entries), found.unsettled) == (left, ())
    caplog.clear()
    assert len(apply(one)) == 2
    settle(one)
    assert caplog.text == ''


@pytest.mark.parametrize('content, said', [
    (bytes(100), 'damaged'),
    (journal_records.dumps({'type': 'run', 'version': 4}), 'newer version')])
def test_a_run_that_tells_nothing_stops_nothing(one, caplog, content, said):
    run = cut_off(one)
    path_of(one, run).write_bytes(content)
    settle(one)
    assert run in caplog.text and said in caplog.text
    assert path_of(one, run).read_bytes() == content
    assert len(apply(one)) == 3


def test_a_damaged_run_of_another_host_is_not_mentioned(one, caplog):
    one.add(2, 'cmp2')
    run = cut_off(one, 'cmp2')
    damage(one, run, 'begin')
    settle(one, 'cmp1')
    assert caplog.text == ''
    assert not journal_of(one).read(run).finished


def test_a_run_that_is_just_beginning_is_left_alone(one):
    run = cut_off(one)
    path_of(one, run).write_text('')
    settle(one)
    assert path_of(one, run).read_text() == ''


@pytest.fixture
def locking(tmp_path, nova, cinder, alone):
    """Return a world whose API records the journal's content at each call."""
    world = worlds.World(tmp_path, nova, cinder, worlds.Api(
        *memory.instances(1, 2, 3).values()))
    for server in (1, 2):
        world.add(server)
    world.known = []

    def heard(kind):
        act = getattr(world.api, kind)

        def call(uuid, *args):
            world.known.append((kind, uuid, lines(world)[-1]))
            act(uuid, *args)
        return call

    for kind in ('lock', 'unlock'):
        setattr(world.api, kind, heard(kind))
    return world


def test_lock_without_an_api(one):
    scan = one.scan()
    with pytest.raises(exceptions.ConfigError, match="--lock.*OS_"):
        session.Session(scan.context, scan, lock=True)


def test_no_lock_unless_asked_for(locking):
    apply(locking)
    assert locking.known == []
    assert 'locking' not in lines(locking)


def test_servers_are_locked_while_they_are_written(locking, monkeypatch):
    place, held = locking.domains(), []
    define = place.define
    monkeypatch.setattr(place, 'define', lambda xml: (
        held.append(set(locking.api.locks)) or define(xml)))
    assert set(apply(locking, lock=True).values()) == {'fixed'}
    assert held == [{memory.uuid(1), memory.uuid(2)}] * 2
    assert locking.api.locks == {}
    # The journal records each lock before it is taken, and its release
    # afterwards, so a later run that reads the journal can release it.
    assert locking.known == [
        ('lock', memory.uuid(1), 'locking'),
        ('lock', memory.uuid(2), 'locking'),
        ('unlock', memory.uuid(1), 'end'), ('unlock', memory.uuid(2), 'end')]
    assert lines(locking) == [
        'run', *['begin'] * 6, 'locking', *['end'] * 6, 'unlocked', 'summary',
        'close']
    [run] = journal_of(locking).runs()
    assert run.locked == frozenset()


def test_a_server_that_was_locked_stays_so(locking):
    locking.api.locks = {memory.uuid(1): THEIRS}
    apply(locking, lock=True)
    assert locking.api.locks == {memory.uuid(1): THEIRS}
    assert [uuid for _, uuid, _ in locking.known] == [memory.uuid(2)] * 2


def test_servers_are_unlocked_when_a_store_is_lost(locking, monkeypatch):
    monkeypatch.setattr(locking.domains(), 'define', down)
    with pytest.raises(exceptions.Unreachable):
        apply(locking, lock=True)
    assert locking.api.locks == {}
    [run] = journal_of(locking).unfinished()
    assert run.locked == frozenset()


def test_nothing_is_written_that_cannot_be_locked(locking):
    locking.api.locked = down
    before = locking.everything()
    with pytest.raises(exceptions.Unreachable):
        apply(locking, lock=True)
    assert locking.everything() == before
    [run] = journal_of(locking).unfinished()
    # According to the journal, the run may have locked them.
    assert run.locked == {memory.uuid(1), memory.uuid(2)}


def test_locks_that_a_run_left_are_taken_back(locking):
    run = cut_off(locking, locked=[memory.uuid(1), memory.uuid(2)])
    # One was unlocked by hand, and has since been locked by another user.
    locking.api.locks[memory.uuid(2)] = THEIRS
    settle(locking)
    assert locking.api.locks == {memory.uuid(2): THEIRS}
    found = journal_of(locking).read(run)
    assert found.locked == frozenset()
    assert found.finished


def test_locks_stay_known_without_the_api(locking, caplog):
    run = cut_off(locking, locked=[memory.uuid(1)])
    api, locking.api = locking.api, None
    settle(locking)
    assert memory.uuid(1) in caplog.text
    found = journal_of(locking).read(run)
    assert found.locked == {memory.uuid(1)}
    assert not found.finished
    assert found.unsettled == ()
    locking.api = api
    settle(locking)
    assert api.locks == {}
    assert journal_of(locking).read(run).finished


def test_the_journal_s_clock_is_utc(one):
    before = datetime.datetime.now(datetime.timezone.utc)
    runs = journal_of(one)
    assert isinstance(runs, journal.Journal)
    runs.prepare()
    writer = runs.start('refresh', [], [])
    writer.close()
    started = datetime.datetime.fromisoformat(
        runs.read(writer.run).started)
    assert before <= started <= datetime.datetime.now(datetime.timezone.utc)


def test_nova_knows_the_servers_of_locks_by_its_database(locking):
    """With a database, the API is asked for locks only."""
    locking.api.servers = {memory.uuid(9): Instance(memory.uuid(9), 'cmp9')}
    assert len(apply(locking)) == 6
