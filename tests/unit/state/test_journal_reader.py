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

"""Journal files that are damaged, cut off, or of another version."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import zlib

import hypothesis
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.state import journal
from rbd_mon_fix.state import journal_reader
from rbd_mon_fix.state import journal_records
from tests.unit import memory
from tests.unit.state import test_journal

NAME = '20240229-123457-abcd'
SAMPLE = pathlib.Path(__file__).parents[1] / 'samples/journal-version-1.jsonl'
OUTCOMES = [
    test_journal.outcome(1), test_journal.outcome(2, Verdict.CONFLICT, 'why'),
    test_journal.outcome(3, Verdict.UNVERIFIED)]


def written(folder: pathlib.Path, close: bool = True) -> bytes:
    """Return the journal file of a run with three changes."""
    runs = journal.Journal(str(folder), test_journal.Clock())
    runs.prepare()
    writer = test_journal.start(runs)
    writer.begin(map(test_journal.change, (1, 2, 3)))
    writer.note('locking', instances=['a', 'b'])
    writer.end(OUTCOMES)
    writer.note('unlocked', instances=['a', 'b'])
    writer.close() if close else writer.leave()
    return (folder / 'runs' / f'{writer.run}.jsonl').read_bytes()


@pytest.fixture(scope='module')
def content(tmp_path_factory):
    return written(tmp_path_factory.mktemp('journal'))


def read(content: bytes):
    return journal_reader.run(NAME, content)


def version_1(content: bytes) -> bytes:
    """Return the same file as version 1 of the format would have it."""
    return b''.join(
        json.dumps({key: 1 if key == 'version' else value
                    for key, value in json.loads(line).items()
                    if key != 'crc'}).encode() + b'\n'
        for line in content.splitlines())


def flipped(content: bytes, bit: int) -> bytes:
    at, shift = divmod(bit % (8 * len(content)), 8)
    return (content[:at] + bytes([content[at] ^ 1 << shift])
            + content[at + 1:])


def zeroed(content: bytes, start: int, size: int) -> bytes:
    start %= len(content)
    part = content[start:start + size]
    return content[:start] + bytes(len(part)) + content[start + size:]


DAMAGES = st.lists(st.one_of(
    st.builds(lambda bit: lambda text: flipped(text, bit),
              st.integers(0, 100_000)),
    st.builds(lambda start, size: lambda text: zeroed(text, start, size),
              st.integers(0, 100_000), st.sampled_from([1, 8, 64, 512])),
    st.builds(lambda start, words: lambda text: (
        text[:start % len(text)] + words + text[start % len(text):]),
        st.integers(0, 100_000), st.binary(min_size=1, max_size=20))),
    min_size=1, max_size=4)


def test_a_whole_file(content):
    run = read(content)
    assert (run.condition, run.finished) == (Condition.WHOLE, True)
    assert [entry.number for entry in run.entries] == [0, 1, 2]


def test_each_bit_flip_is_seen(content):
    """What is read of the other lines is what was written."""
    whole = read(content)
    for bit in range(0, 8 * len(content), 11):
        run = read(flipped(content, bit))
        assert run.condition is Condition.DAMAGED, bit
        assert_sound(run, whole)


@pytest.mark.parametrize('size', [1, 64, 512])
def test_each_zeroed_block_is_seen(content, size):
    whole = read(content)
    for start in range(0, len(content), 64):
        run = read(zeroed(content, start, size))
        assert run.condition is Condition.DAMAGED, start
        assert_sound(run, whole)


def assert_sound(run, whole):
    """Check that a change is as it was written, or left out."""
    known = {entry.number: entry for entry in whole.entries}
    for entry in run.entries:
        assert entry in (known[entry.number], dataclasses.replace(
            known[entry.number], verdict=None, reason=''))
    assert run.locked <= {'a', 'b'}


@hypothesis.given(damages=DAMAGES, old=st.booleans(), close=st.booleans())
def test_no_damage_stops_the_reader(content, damages, old, close):
    text = content if close else content[:content.rindex(b'{"type": "cl')]
    text = version_1(text) if old else text
    for damage in damages:
        text = damage(text)
    run = read(text)
    assert run.condition in Condition
    if not old:
        assert_sound(run, read(content))


@hypothesis.given(damages=DAMAGES)
def test_damage_does_not_spread(content, damages, tmp_path_factory):
    """Other runs are listed as ever, and the damaged one can be settled."""
    folder = tmp_path_factory.mktemp('runs')
    other = written(folder, close=False)
    text = content
    for damage in damages:
        text = damage(text)
    path = folder / 'runs' / f'{NAME[:-1]}0.jsonl'
    path.write_bytes(text)
    runs = journal.Journal(str(folder), test_journal.Clock())
    found = {run.id: run for run in runs.runs()}
    [name] = set(found) - {path.stem}
    assert found[name] == journal_reader.run(name, other)
    assert name in [run.id for run in runs.unfinished()]
    runs.reopen(found[path.stem]).close()
    assert path.stem not in [run.id for run in runs.unfinished()]


@pytest.mark.parametrize('line', [
    b'\0' * 100, b'\xff\xfe', b'}', b'[]', b'5', b'"x"', b'null', b'x',
    b'{}', b'{"type": 5}', b'{"type": []}', b'{"type": "future"}',
    b'[' * 100_000, b'{"type": "begin", "seq": 9}', b'{"type": "begin"}',
    b'{"type": "end", "seq": 9, "verdict": "fixed", "reason": ""}',
    b'{"type": "end", "seq": 0, "verdict": "FIXED", "reason": ""}',
    b'{"type": "end", "seq": 0, "verdict": "fixed", "reason": null}',
    b'{"type": "end", "seq": 0, "verdict": "fixed", "reason": "\\ud800"}',
    b'{"type": "end", "seq": true, "verdict": "fixed", "reason": ""}',
    b'{"type": "locking", "instances": "abc"}',
    b'{"type": "locking", "instances": [5]}',
    b'{"type": "run", "version": "1"}'])
@pytest.mark.parametrize('old', [False, True])
def test_a_line_that_is_not_what_was_written(content, line, old):
    text = version_1(content) if old else content
    before, close, _ = text.rpartition(b'{"type": "close"}')
    run = read(before + line + b'\n' + close + b'\n')
    assert (run.condition, run.finished) == (Condition.DAMAGED, True)
    assert run.entries == read(content).entries
    if not old:
        sealed = b'%s, "crc": "%08x"}' % (line[:-1], zlib.crc32(line))
        run = read(before + sealed + b'\n' + close + b'\n')
        assert run.condition is Condition.DAMAGED


@pytest.mark.parametrize('fields', [
    {'old_hash': 'x'}, {'new_hash': None}, {'host': 5}, {'edits': 5},
    {'edits': [5]}, {'edits': [{}]}, {'seq': -1.5}, {'seq': '3'},
    {'seq': 0}])
def test_a_change_that_cannot_be_one(content, fields):
    lines = version_1(content).splitlines()
    broken = {**json.loads(lines[1]), 'seq': 3, **fields}
    run = read(b'\n'.join([*lines, json.dumps(broken).encode()]))
    assert run.condition is Condition.DAMAGED
    assert run.entries == read(content).entries


@pytest.mark.parametrize('fields', [
    {'old': []}, {'old': 'x', 'new': ['10.0.0.1']}, {'user': 5},
    {'old': ['a:b:c']}, {'added': 'x'}, {'cluster': None}])
def test_an_edit_that_cannot_be_one(content, fields):
    lines = version_1(content).splitlines()
    change = json.loads(lines[1])
    edit = {**change['edits'][0], **fields}
    if fields == {'old': []}:
        del edit['new']
    run = read(b'\n'.join([lines[0], json.dumps(
        {**change, 'edits': [edit]}).encode()]))
    assert (run.condition, run.entries) == (Condition.DAMAGED, ())


def test_a_head_that_is_lost(content):
    """The hosts are those of the changes."""
    head, rest = content.split(b'\n', 1)
    run = read(rest)
    assert run.condition is Condition.DAMAGED
    assert run.hosts == (memory.HOST,)
    assert run.entries == read(content).entries


@pytest.mark.parametrize('text', [b'', b'\n', b'{', b'{"type": "ru'])
def test_a_run_that_was_cut_off_at_once(text):
    run = read(text)
    assert (run.condition, run.hosts, run.entries, run.finished) == (
        Condition.WHOLE, (), (), False)


def test_a_line_that_was_cut_off_is_no_damage(content):
    for end in range(len(content)):
        run = read(content[:end])
        assert (run.condition, run.finished) == (Condition.WHOLE, (
            end == len(content) - 1)), end


def test_two_runs_in_one_file(content):
    """No outcome of theirs counts, because it may be that of the other."""
    lines = content.splitlines(True)
    run = read(b''.join([*lines[:2], *lines]))
    assert run.condition is Condition.DAMAGED
    assert [entry.verdict for entry in run.entries] == [None] * 3


def test_version_1():
    """It was cut off within a line, and settled afterwards."""
    run = read(SAMPLE.read_bytes())
    assert (run.condition, run.finished, run.hosts, run.locked) == (
        Condition.WHOLE, True, ('cmp1',), frozenset())
    assert [(entry.edits, entry.verdict) for entry in run.entries] == [
        (test_journal.change(1).edits, Verdict.FIXED),
        (test_journal.change(2).edits, Verdict.FAILED)]


def test_no_version_is_version_1():
    text = SAMPLE.read_bytes()
    assert read(text.replace(b'"version": 1, ', b'')) == read(text)


def test_a_newer_version(content):
    head = journal_records.dumps({'type': 'run', 'version': 4, 'hosts': {}})
    for rest in (b'', content, b'\0\n', b'{"type": "close"}\n'):
        run = read(head + rest)
        assert (run.condition, run.entries) == (Condition.NEWER, ())
