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

"""The durable record of runs."""

import datetime
import errno
import json
import os
import stat
import tempfile

import hypothesis
from hypothesis import strategies
import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import fingerprint
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import private_folder
from tests.unit import memory

WHEN = datetime.datetime(2024, 2, 29, 12, 34, 56,
                         tzinfo=datetime.timezone.utc)
CLUSTERS = [{'name': 'ceph', 'fsid': 'f-1', 'monitors': ['10.1.0.1:6789']}]
# A name, IPv6, and an address without a port: all forms in documents.
WORDS = 'mon1:6789,[fd00::1]:3300,10.0.0.1,[::1]'


class Clock:
    """Advances one second per call."""

    def __init__(self):
        self.now = WHEN

    def __call__(self):
        self.now += datetime.timedelta(seconds=1)
        return self.now


@pytest.fixture
def runs(tmp_path):
    kept = journal.Journal(str(tmp_path / 'deep' / 'journal'), Clock())
    kept.prepare()
    return kept


@pytest.fixture
def folder(tmp_path):
    return tmp_path / 'deep' / 'journal' / 'runs'


def change(server, words=WORDS, text=''):
    old = memory.Sheet(f'# SECRET {text}\nvda volumes/a cinder S {words}')
    return Change(
        memory.record(memory.locator('nova-bdm', server), old),
        old.edited({'vda': memory.NEW}),
        (Edit('vda', 'volumes/a', 'ceph', memory.addrs(words),
              memory.addrs(memory.NEW), words, memory.NEW),))


def outcome(server, verdict=Verdict.FIXED, reason=''):
    return Outcome(memory.locator('nova-bdm', server), verdict, reason)


def start(runs, command='refresh', hosts=('cmp1', 'cmp2'), **fields):
    return runs.start(command, hosts, CLUSTERS, **fields)


def path_of(folder, run):
    return folder / f'{run}.jsonl'


def unfinished(runs):
    return [run.id for run in runs.unfinished()]


def test_no_folder_yet(tmp_path):
    runs = journal.Journal(str(tmp_path / 'none'), Clock())
    assert list(runs.runs()) == []
    assert list(runs.unfinished()) == []
    assert not (tmp_path / 'none').exists()


def test_other_files_in_the_folder_are_none_of_ours(runs, folder):
    for name in ('notes.txt', 'x.jsonl', '20240229-123457-abcd.jsonl.bak',
                 '20240229-123457-ABCD.jsonl'):
        (folder / name).write_text('{"type": "run"}\n')
    (folder / '20240229-123457-abcd').mkdir()
    assert list(runs.runs()) == []


def test_round_trip(runs):
    changes = [change(1), change(2, memory.OLD), change(3)]
    writer = start(runs, 'rollback', undoes='20240101-000000-abcd')
    writer.begin(changes[:2])
    writer.end([outcome(2, Verdict.CONFLICT, 'changed in between'),
                outcome(1)])
    writer.begin(changes[2:])
    writer.end([outcome(3, Verdict.UNVERIFIED)])
    writer.close()
    run = runs.read(writer.run)
    assert run.id == writer.run
    assert run.id.startswith('20240229-123457-')
    assert run.command == 'rollback'
    assert run.hosts == ('cmp1', 'cmp2')
    assert run.started == '2024-02-29T12:34:57+00:00'
    assert run.undoes == '20240101-000000-abcd'
    assert run.finished
    assert run.locked == frozenset()
    assert run.unsettled == ()
    assert run.replaced == {'f-1': frozenset(
        memory.addrs(WORDS) + memory.addrs(memory.OLD))}
    assert [(entry.locator, entry.edits, entry.old_hash, entry.new_hash)
            for entry in run.entries] == [
        (each.locator, each.edits, fingerprint(each.record.document),
         fingerprint(each.document)) for each in changes]
    assert [(entry.verdict, entry.reason) for entry in run.entries] == [
        (Verdict.FIXED, ''), (Verdict.CONFLICT, 'changed in between'),
        (Verdict.UNVERIFIED, '')]
    assert list(runs.runs()) == [run]
    assert unfinished(runs) == []


def test_runs_come_the_oldest_first(runs):
    ids = []
    for _ in range(3):
        writer = start(runs)
        ids.append(writer.run)
        writer.close()
    assert [run.id for run in runs.runs()] == ids
    assert len(set(ids)) == 3


@hypothesis.given(after=strategies.lists(strategies.one_of(
    strategies.integers(0, 100), strategies.integers(0, 2_000_000)),
    min_size=2))
def test_runs_of_one_second_come_the_oldest_first(after):
    moments = [WHEN + datetime.timedelta(microseconds=each)
               for each in sorted(after)]
    with tempfile.TemporaryDirectory() as folder:
        runs = journal.Journal(folder, lambda: moments[0])
        runs.prepare()
        started = []
        while moments:
            started.append(start(runs))
            started[-1].close()
            del moments[0]
        found = [run.id for run in runs.runs()]
    assert found == [each.run for each in started]


def test_two_runs_never_share_a_file(tmp_path):
    """Whoever comes second at a moment takes the next id."""
    runs = journal.Journal(str(tmp_path), lambda: WHEN)
    runs.prepare()
    for server in (1, 2):
        writer = start(runs, hosts=[f'cmp{server}'])
        writer.begin([change(server)])
        writer.close()
    assert [(run.id, run.hosts, len(run.entries)) for run in runs.runs()] == [
        ('20240229-123456-0000', ('cmp1',), 1),
        ('20240229-123456-0001', ('cmp2',), 1)]


def test_only_the_owner_may_read_it(runs, folder):
    old = os.umask(0)
    try:
        writer = start(runs)
    finally:
        os.umask(old)
    writer.close()
    mode = path_of(folder, writer.run).stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_no_document_and_no_secret_is_in_it(runs, folder):
    writer = start(runs)
    writer.begin([change(1)])
    writer.end([outcome(1)])
    writer.close()
    text = path_of(folder, writer.run).read_text()
    assert 'volumes/a' in text
    assert 'SECRET' not in text
    assert [json.loads(line)['type'] for line in text.splitlines()] == [
        'run', 'begin', 'end', 'summary', 'close']


def test_a_begin_is_on_disk_before_its_act_by_one_sync(
        runs, folder, monkeypatch):
    synced = []

    def fsync(file):
        path = os.readlink(f'/proc/self/fd/{file}')
        size = os.fstat(file).st_size
        synced.append((path, size))

    monkeypatch.setattr(os, 'fsync', fsync)
    writer = start(runs)
    path = str(path_of(folder, writer.run))
    # The directory entry is synced too, or a crash could lose the file.
    assert str(folder) in [where for where, _ in synced]
    synced.clear()
    writer.begin(map(change, range(20)))
    assert synced == [(path, os.path.getsize(path))]
    synced.clear()
    writer.end(map(outcome, range(20)))
    assert synced == []
    writer.note('locking', instances=['i'])
    assert synced == [(path, os.path.getsize(path))]
    synced.clear()
    writer.close()
    assert (path, os.path.getsize(path)) in synced


def test_a_run_that_was_cut_off(runs):
    writer = start(runs)
    writer.begin([change(1), change(2)])
    writer.end([outcome(1)])
    writer.leave()
    assert unfinished(runs) == [writer.run]
    run = runs.read(writer.run)
    assert not run.finished
    assert [entry.locator for entry in run.unsettled] == [
        memory.locator('nova-bdm', 2)]


def test_settling_a_run(runs):
    writer = start(runs)
    writer.begin([change(1), change(2)])
    writer.leave()
    cut_off = runs.read(writer.run)
    again = runs.reopen(cut_off)
    assert again.run == writer.run
    again.end([outcome(2, Verdict.FAILED, 'cut off'), outcome(1)])
    again.close()
    assert unfinished(runs) == []
    run = runs.read(writer.run)
    assert run.finished
    assert [(entry.verdict, entry.reason) for entry in run.entries] == [
        (Verdict.FIXED, ''), (Verdict.FAILED, 'cut off')]


def test_settling_in_two_goes(runs):
    writer = start(runs)
    writer.begin([change(1), change(2)])
    writer.leave()
    for server in (2, 1):
        again = runs.reopen(runs.read(writer.run))
        again.end([outcome(server)])
        again.leave()
        assert unfinished(runs) == [writer.run]
    assert runs.read(writer.run).unsettled == ()


def test_locks_that_are_left(runs):
    writer = start(runs)
    writer.note('locking', instances=['a', 'b'])
    writer.note('unlocked', instances=['a'])
    writer.note('locking', instances=['c'])
    writer.leave()
    assert runs.read(writer.run).locked == {'b', 'c'}
    again = runs.reopen(runs.read(writer.run))
    again.note('unlocked', instances=['b', 'c'])
    again.close()
    assert runs.read(writer.run).locked == frozenset()


def test_torn_at_any_byte(runs, folder):
    """Complete lines count, and a run that continues starts a new line."""
    writer = start(runs)
    writer.begin([change(1), change(2)])
    writer.end([outcome(1), outcome(2)])
    writer.close()
    path = path_of(folder, writer.run)
    whole = path.read_bytes()
    ends = [at for at in range(len(whole)) if whole[at:at + 1] == b'\n']
    # The interesting positions are near the ends of lines.
    cuts = {0, 1, *(at + step for at in ends for step in (-9, -1, 0, 1))}
    for cut in sorted(cuts):
        path.write_bytes(whole[:cut])
        run = runs.read(writer.run)
        # A line without a newline may still be complete.
        lines = sum(at <= cut for at in ends)
        assert len(run.entries) == max(0, min(2, lines - 1)), cut
        assert len(run.unsettled) == len(run.entries) - max(
            0, min(2, lines - 3)), cut
        assert unfinished(runs) == ([] if cut == len(whole)
                                    else [writer.run]), cut
        again = runs.reopen(run)
        again.end([outcome(server) for server in (1, 2)[:len(run.entries)]])
        again.close()
        settled = runs.read(writer.run)
        assert settled.unsettled == (), cut
        assert settled.entries[:1] == run.entries[:1] or not run.entries[
            0].verdict, cut
        assert settled.finished, cut
        assert unfinished(runs) == [], cut


@pytest.mark.parametrize('garbage', [
    b'\0' * 512, b'\xff\xfe\xfd', b'[]\n', b'5\n', b'"x"', b'\n\n',
    b'{"type": "future", "x": 1}\n',
])
def test_garbage_is_passed_over(runs, folder, garbage):
    writer = start(runs)
    writer.begin([change(1)])
    writer.leave()
    with path_of(folder, writer.run).open('ab') as file:
        file.write(garbage)
    again = runs.reopen(runs.read(writer.run))
    again.end([outcome(1)])
    again.close()
    run = runs.read(writer.run)
    assert [entry.verdict for entry in run.entries] == [Verdict.FIXED]
    assert unfinished(runs) == []


@pytest.mark.parametrize('run', [
    '20240101-000000-abcd', '', 'x', '../../../etc/passwd', '.',
    '20240101-000000-abcd/../x', '20240101-000000-abcd\n',
])
def test_there_is_no_such_run(runs, run):
    with pytest.raises(exceptions.ConfigError, match='no run'):
        runs.read(run)


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / 'file').write_text('')
    runs = journal.Journal(str(tmp_path / 'file'), Clock())
    with pytest.raises(exceptions.ConfigError, match='file/runs.*--journal'):
        runs.prepare()
    with pytest.raises(exceptions.ConfigError, match='Cannot read'):
        list(runs.runs())


def test_a_folder_that_cannot_be_written(runs, monkeypatch):
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    with pytest.raises(exceptions.ConfigError, match='permission denied'):
        runs.prepare()


def test_a_file_that_cannot_be_opened(runs, folder):
    (folder / '20240101-000000-abcd.jsonl').mkdir()
    other = start(runs)
    other.leave()
    assert [(run.id, run.condition) for run in runs.unfinished()] == [
        ('20240101-000000-abcd', Condition.DAMAGED),
        (other.run, Condition.WHOLE)]


def test_a_file_that_may_not_be_read(runs, monkeypatch):
    run = start(runs).run

    def forbid(folder, name, flags):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(private_folder.PrivateFolder, 'open', forbid)
    for look in (lambda: list(runs.unfinished()), lambda: runs.read(run)):
        with pytest.raises(exceptions.ConfigError, match='denied.*as the us'):
            look()


def test_a_file_that_is_removed_meanwhile(runs, folder):
    first, second = start(runs), start(runs)
    found = runs.runs()
    assert next(found).id == first.run
    path_of(folder, second.run).unlink()
    assert list(found) == []


def test_a_run_of_a_newer_version(runs, folder):
    """It is refused by its name; other runs do not mind it."""
    other = start(runs)
    other.close()
    writer = start(runs)
    path = path_of(folder, writer.run)
    path.write_bytes(journal_records.dumps({'type': 'run', 'version': 4}))
    with pytest.raises(exceptions.ConfigError,
                       match=f'{writer.run} was written by a newer version'):
        runs.read(writer.run)
    assert [run.condition for run in runs.runs()] == [
        Condition.WHOLE, Condition.NEWER]
    assert unfinished(runs) == [writer.run]


def test_a_new_journal_has_a_version(runs, folder):
    writer = start(runs)
    head = json.loads(path_of(folder, writer.run).read_text())
    assert head['version'] == 3
