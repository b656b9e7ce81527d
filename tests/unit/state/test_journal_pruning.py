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

"""Removing old runs, and only those."""

from __future__ import annotations

import os

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import locks
from tests.unit.state import test_journal


@pytest.fixture
def runs(tmp_path):
    kept = journal.Journal(str(tmp_path), test_journal.Clock())
    kept.prepare()
    return kept


def made(runs, count, host='cmp1', close=True):
    """Make runs with one change each; return their ids."""
    ids = []
    for _ in range(count):
        writer = test_journal.start(runs, hosts=[host])
        writer.begin([test_journal.change(1)])
        writer.end([test_journal.outcome(1)])
        writer.close() if close else writer.leave()
        ids.append(writer.run)
    return ids


def prune(runs, keep):
    return [(each.run.id, each.kept) for each in runs.prune(keep)]


def left(runs):
    return [run.id for run in runs.runs()]


@pytest.mark.parametrize('keep', [1, 2, 3, 4, 9])
def test_the_newest_are_kept(runs, keep):
    ids = made(runs, 3)
    assert prune(runs, keep) == [(run, None) for run in ids[:-keep]]
    assert left(runs) == ids[-keep:]
    assert prune(runs, keep) == []


def test_no_journal(tmp_path):
    runs = journal.Journal(str(tmp_path / 'none'), test_journal.Clock())
    assert prune(runs, 1) == []
    assert not (tmp_path / 'none').exists()


def test_what_is_never_removed(runs, tmp_path):
    ids = made(runs, 2)
    [cut_off] = made(runs, 1, close=False)
    [damaged, newer, unreadable, old] = made(runs, 4)
    paths = {run: tmp_path / 'runs' / f'{run}.jsonl' for run in left(runs)}
    # The list does not see this damage.
    paths[damaged].write_bytes(
        paths[damaged].read_bytes().replace(b'"seq": 0', b'"seq": 1'))
    paths[newer].write_bytes(
        journal_records.dumps({'type': 'run', 'version': 9})
        + journal_records.CLOSE)
    paths[unreadable].unlink()
    paths[unreadable].symlink_to(paths[old])
    made(runs, 1)
    assert prune(runs, 1) == [
        (ids[0], None), (ids[1], None),
        (cut_off, 'the run is not finished'),
        (damaged, 'the file is damaged'),
        (newer, 'a newer version of rbd-mon-fix wrote it'),
        (unreadable, 'the file is damaged'), (old, None)]
    assert paths[unreadable].is_symlink()
    assert left(runs)[:-1] == [cut_off, damaged, newer, unreadable]


def test_a_run_in_progress_on_a_host(runs, tmp_path):
    """It may be a rollback of a run that would be removed."""
    old = made(runs, 1) + made(runs, 1, 'cmp2')
    made(runs, 1, 'cmp3')
    with locks.held(str(tmp_path), ['cmp3']):
        with locks.held(str(tmp_path), ['cmp2']):
            with pytest.raises(exceptions.Refused, match='cmp2'):
                prune(runs, 1)
        assert left(runs)[:2] == old
        found = runs.prune(1)
        assert next(found).run.id == old[0]
        with pytest.raises(exceptions.Refused):
            locks.held(str(tmp_path), ['cmp2']).__enter__()
        assert [each.run.id for each in found] == old[1:]


def test_a_run_that_is_removed_meanwhile(runs, tmp_path):
    ids = made(runs, 3)
    found = runs.prune(1)
    assert next(found).run.id == ids[0]
    (tmp_path / 'runs' / f'{ids[1]}.jsonl').unlink()
    assert list(found) == []


def test_a_journal_that_cannot_be_written(runs, monkeypatch):
    ids = made(runs, 2)
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    with pytest.raises(exceptions.ConfigError, match='permission denied'):
        prune(runs, 1)
    assert left(runs) == ids
