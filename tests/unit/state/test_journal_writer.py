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

"""A journal on a disk that fails, and what the run does then."""

from __future__ import annotations

import errno
import gc
import os
import tracemalloc

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import journal_records
from tests.unit import memory
from tests.unit.state import test_journal

change, outcome = test_journal.change, test_journal.outcome


@pytest.fixture
def runs(tmp_path):
    kept = journal.Journal(str(tmp_path), test_journal.Clock())
    kept.prepare()
    return kept


@pytest.fixture
def writer(runs):
    return test_journal.start(runs)


def path_of(tmp_path, run):
    return tmp_path / 'runs' / f'{run}.jsonl'


def failing(number):
    def fail(*args):
        raise OSError(number, os.strerror(number))
    return fail


def torn(number, count):
    """Return a write that is short, and then fails."""
    write, seen = os.write, []

    def short(file, words):
        if seen:
            raise OSError(number, os.strerror(number))
        seen.append(write(file, bytes(words)[:count]))
        return seen[0]
    return short


@pytest.mark.parametrize('broken', ['write', 'fsync'])
@pytest.mark.parametrize('number, advice', [
    (errno.ENOSPC, 'Free some disk space'), (errno.EIO, 'Check the disk')])
def test_an_error_names_the_file(
        tmp_path, writer, monkeypatch, broken, number, advice):
    monkeypatch.setattr(os, broken, failing(number))
    with pytest.raises(exceptions.RbdMonFixError,
                       match=f'{advice}.*same command') as caught:
        writer.begin([change(1)])
    assert type(caught.value) is exceptions.RbdMonFixError
    assert caught.value.message == (
        f'Cannot write the journal {path_of(tmp_path, writer.run)}: '
        f'{os.strerror(number)}.')
    monkeypatch.undo()
    writer.leave()


@pytest.mark.parametrize('count', [1, 30, 500])
def test_a_write_that_fails_within_a_line(
        tmp_path, runs, writer, monkeypatch, count):
    writer.begin([change(1)])
    before = path_of(tmp_path, writer.run).read_bytes()
    monkeypatch.setattr(os, 'write', torn(errno.ENOSPC, count))
    with pytest.raises(exceptions.RbdMonFixError, match='No space'):
        writer.begin([change(2)])
    monkeypatch.undo()
    assert path_of(tmp_path, writer.run).read_bytes() == before
    # The servers that the run has locked are unlocked in spite of it.
    writer.note('unlocked', instances=['a'])
    writer.leave()
    run = runs.read(writer.run)
    assert (run.condition, len(run.entries)) == (Condition.WHOLE, 1)


@pytest.mark.parametrize('error', [
    OSError(errno.EIO, os.strerror(errno.EIO)), KeyboardInterrupt()])
def test_a_torn_line_that_cannot_be_removed_at_once(
        tmp_path, runs, writer, monkeypatch, error):
    """Nothing follows before it is removed; at the end, it is no damage."""
    def interrupted(file, words):
        write(file, bytes(words)[:40])
        raise error

    write = os.write
    with monkeypatch.context() as patch:
        patch.setattr(os, 'write', interrupted)
        patch.setattr(os, 'ftruncate', failing(errno.EIO))
        with pytest.raises((exceptions.RbdMonFixError, KeyboardInterrupt)):
            writer.begin([change(1)])
        patch.setattr(os, 'write', write)
        with pytest.raises(exceptions.RbdMonFixError, match='Input/output'):
            writer.note('unlocked', instances=['a'])
        assert runs.read(writer.run).condition is Condition.WHOLE
    writer.note('unlocked', instances=['a'])
    writer.leave()
    run = runs.read(writer.run)
    assert (run.condition, run.entries) == (Condition.WHOLE, ())
    assert path_of(tmp_path, writer.run).read_bytes().count(b'\n') == 2


def test_a_write_may_take_more_than_one_go(runs, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, 'write', lambda file, words: write(
        file, bytes(words)[:100]))
    writer = test_journal.start(runs)
    writer.begin(map(change, range(3)))
    writer.close()
    assert len(runs.read(writer.run).entries) == 3


def test_a_write_of_nothing_ends(writer, monkeypatch):
    monkeypatch.setattr(os, 'write', lambda file, words: 0)
    with pytest.raises(exceptions.RbdMonFixError, match='Input/output'):
        writer.begin([change(1)])


@pytest.mark.parametrize('sync', [
    lambda writer: writer.begin([change(1)]),
    lambda writer: writer.note('locking', instances=['a'])])
def test_nothing_is_begun_after_a_failed_sync(writer, monkeypatch, sync):
    """The next sync succeeds, but not for the pages that were lost."""
    monkeypatch.setattr(os, 'fsync', failing(errno.EIO))
    with pytest.raises(exceptions.RbdMonFixError):
        sync(writer)
    monkeypatch.undo()
    for act in (lambda: writer.begin([change(2)]),
                lambda: writer.note('locking', instances=['b']),
                lambda: writer.close()):
        with pytest.raises(exceptions.RbdMonFixError, match='Input/output'):
            act()
    writer.leave()


@pytest.mark.parametrize('broken', ['write', 'fsync'])
def test_a_run_that_cannot_be_started_leaves_nothing(
        tmp_path, runs, monkeypatch, broken):
    before = os.listdir('/proc/self/fd')
    monkeypatch.setattr(os, broken, failing(errno.EIO))
    with pytest.raises(exceptions.RbdMonFixError, match=str(tmp_path)):
        test_journal.start(runs)
    monkeypatch.undo()
    assert list(runs.runs()) == []
    assert os.listdir('/proc/self/fd') == before


@pytest.mark.parametrize('number', [errno.EINVAL, errno.ENOTSUP])
def test_a_folder_that_knows_no_sync(tmp_path, runs, monkeypatch, number):
    fsync = os.fsync

    def picky(file):
        if os.readlink(f'/proc/self/fd/{file}') == str(tmp_path / 'runs'):
            raise OSError(number, os.strerror(number))
        fsync(file)

    monkeypatch.setattr(os, 'fsync', picky)
    test_journal.start(runs).close()
    assert len(list(runs.runs())) == 1


@pytest.mark.parametrize('broken', ['read', 'ftruncate', 'write', 'gone'])
def test_a_run_that_cannot_be_reopened(tmp_path, runs, writer, monkeypatch,
                                       broken):
    writer.begin([change(1)])
    writer.leave()
    path = path_of(tmp_path, writer.run)
    run = runs.read(writer.run)
    if broken == 'gone':
        path.unlink()
    elif broken == 'read':
        monkeypatch.setattr(journal.private_folder.PrivateFolder, 'read',
                            failing(errno.EIO))
    else:
        monkeypatch.setattr(os, broken, failing(errno.EIO))
    with pytest.raises(exceptions.RbdMonFixError, match=str(path)) as caught:
        runs.reopen(run)
    assert type(caught.value) is exceptions.RbdMonFixError


@pytest.mark.parametrize('over', [(), (1,), (1, 2), (1, 2, 3)])
def test_the_summary(tmp_path, runs, writer, over):
    """The last outcome of a change counts."""
    verdict = test_journal.Verdict
    writer.begin(map(change, (1, 2, 3)))
    writer.end([outcome(2), outcome(1)])
    writer.end([outcome(3, verdict.CONFLICT), outcome(1, verdict.UNVERIFIED)])
    writer.forget(map(change, over))
    writer.close()
    [found] = runs.summaries()
    assert found == runs.read(writer.run).summary
    assert list(found.outcomes.items()) == [
        (verdict.UNVERIFIED, 1), (verdict.FIXED, 1), (verdict.CONFLICT, 1)]
    assert (found.changes, found.finished) == (3, True)
    assert b'"summary"' in path_of(tmp_path, writer.run).read_bytes()


def test_changes_that_are_forgotten_have_numbers_of_their_own(runs, writer):
    for batch in ((1, 2), (3,), (4, 5)):
        writer.begin(map(change, batch))
        writer.end(map(outcome, batch))
        writer.forget(map(change, batch))
    writer.close()
    assert [(entry.number, entry.locator, entry.verdict)
            for entry in runs.read(writer.run).entries] == [
        (number, outcome(server).locator, test_journal.Verdict.FIXED)
        for number, server in enumerate(range(1, 6))]
    [found] = runs.summaries()
    assert found.outcomes == {test_journal.Verdict.FIXED: 5}


def test_the_memory_of_a_run_does_not_grow(writer):
    tracemalloc.start()
    try:
        sizes = []
        for batch in range(40):
            changes = [change(50 * batch + server) for server in range(50)]
            writer.begin(changes)
            writer.end(outcome(50 * batch + server) for server in range(50))
            writer.forget(changes)
            del changes
            if batch in (10, 39):
                gc.collect()
                sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    # A number, a verdict and a locator take 350 bytes a change.
    assert sizes[1] - sizes[0] < 29 * 50 * 20


@pytest.mark.parametrize('settled', [True, False])
def test_no_summary_of_what_is_not_known(tmp_path, runs, writer, settled):
    """A run that was settled later is read as a whole."""
    writer.begin([change(1)])
    writer.forget([change(1)] if not settled else [])
    if settled:
        writer.leave()
        writer = runs.reopen(runs.read(writer.run))
        writer.end([outcome(1)])
    writer.close()
    assert b'"summary"' not in path_of(tmp_path, writer.run).read_bytes()
    [found] = runs.summaries()
    assert found == runs.read(writer.run).summary
    assert found.finished


def test_what_a_kill_at_the_end_leaves(tmp_path, runs, writer):
    """The summary and the last line are torn at any byte, then settled."""
    writer.begin([change(1)])
    writer.end([outcome(1)])
    writer.close()
    path = path_of(tmp_path, writer.run)
    whole = path.read_bytes()
    expected = runs.read(writer.run)
    for end in range(whole.index(b'{"type": "summary"'), len(whole)):
        path.write_bytes(whole[:end])
        [found] = runs.unfinished()
        assert found.condition is Condition.WHOLE, end
        assert [each.finished for each in runs.summaries()] == [
            found.finished], end
        runs.reopen(found).close()
        assert runs.read(writer.run) == expected, end
        assert [each.outcomes for each in runs.summaries()] == [
            expected.summary.outcomes], end


def test_the_list_reads_two_ends(tmp_path, runs, writer):
    """Damage between them is found by whoever reads the run."""
    writer.begin([change(1)])
    writer.end([outcome(1)])
    writer.close()
    path = path_of(tmp_path, writer.run)
    head, begin, end, summary, close = path.read_bytes().splitlines(True)
    path.write_bytes(head + end + summary + close)
    assert [each.condition for each in runs.summaries()] == [Condition.WHOLE]
    assert runs.read(writer.run).condition is Condition.DAMAGED


@pytest.mark.parametrize('place', [0, 3, 4])
def test_damage_at_the_ends_is_seen_in_the_list(
        tmp_path, runs, writer, place):
    writer.begin([change(1)])
    writer.end([outcome(1)])
    writer.close()
    path = path_of(tmp_path, writer.run)
    lines = path.read_bytes().splitlines(True)
    for wrong in (b'\0' * 9 + b'\n', lines[place][:-3] + b'\n',
                  lines[place].replace(b'"', b"'")):
        path.write_bytes(b''.join(
            [*lines[:place], wrong, *lines[place + 1:]]))
        [found] = runs.summaries()
        assert found == runs.read(writer.run).summary
        assert found.condition is Condition.DAMAGED


@pytest.mark.parametrize('old, new', [
    (b'"fixed": 1', b'"fixed": 2'), (b'"fixed": 1', b'"failed": 1'),
    (b'"fixed": 1', b'"fixed": "1"'), (b'{"fixed": 1}', b'5'),
    (b'{"fixed": 1}', b'["fixed"]'), (b'"outcomes"', b'"results"')])
def test_a_summary_of_other_changes(tmp_path, runs, writer, old, new):
    writer.begin([change(1)])
    writer.end([outcome(1)])
    writer.close()
    path = path_of(tmp_path, writer.run)
    lines = path.read_bytes().splitlines(True)
    fields = journal_records.loads(lines[3].rstrip())[0]
    text = journal_records.json.dumps(fields).encode().replace(old, new)
    lines[3] = journal_records.dumps(journal_records.json.loads(text))
    path.write_bytes(b''.join(lines))
    run = runs.read(writer.run)
    assert run.condition is Condition.DAMAGED
    assert [entry.locator for entry in run.entries] == [
        memory.locator('nova-bdm', 1)]
    assert len(list(runs.summaries())) == 1
