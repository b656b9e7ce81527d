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

"""Turning arguments into requests, and the engine's events into output."""

from __future__ import annotations

import errno
import io
import json
import signal

import pytest
import yaml

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import console
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import rollback
from rbd_mon_fix.cli import status
from rbd_mon_fix.core import apply
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import run_result
from rbd_mon_fix.engine import writes
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import progress
from rbd_mon_fix.report import schema
from tests import schemas
from tests.unit import worlds


@pytest.mark.parametrize('fields, is_screen', [
    ({'format': 'table'}, True), ({'format': 'csv'}, False),
    ({'format': 'table', 'column': ['host']}, False)])
def test_chosen_columns_are_no_screen(world, fields, is_screen):
    conf = world.conf(worlds.command(**fields))
    assert console.wants_screen(conf) is is_screen


def test_a_console_hears_what_is_reported(cloud):
    out = io.StringIO()
    conf = cloud.conf(worlds.command())
    hears = console.Console(conf, schema.Kind.STATUS, out)
    found = engine.status(cloud.opened(conf), worlds.request(), hears)
    hears.close(ending.Ending(found.summary))
    report = json.loads(out.getvalue())
    assert [each['name'] for each in report['clusters']] == ['ceph']
    assert len(report['records']) == 6


@pytest.mark.parametrize('mode, words', [
    ('auto', 'Writing: 3 of 5 changes'), ('none', '')])
def test_progress_goes_to_the_other_stream(world, monkeypatch, mode, words):
    monkeypatch.setattr(progress, '_INTERVAL', 0)
    out = io.StringIO()
    conf = world.conf(worlds.command(progress=mode))
    for listen in (
            lambda err: console.RunConsole(conf, schema.Kind.REFRESH, out,
                                           err),
            lambda err: console.Progress(conf, err)):
        err = io.StringIO()
        with listen(err).phase('Writing', 5, 2) as advance:
            advance(1)
        assert err.getvalue().startswith(words)
        assert bool(err.getvalue()) is bool(words)
    assert out.getvalue() == ''


class Full(io.StringIO):
    """A stream that takes some characters only."""

    def __init__(self, room):
        super().__init__()
        self._room = room

    def write(self, text):
        self._room -= len(text)
        if self._room < 0:
            raise OSError(errno.ENOSPC, 'No space left on device')
        return super().write(text)


@pytest.mark.parametrize('room', [0, 300, 2000, 3300])
@pytest.mark.parametrize('command, fields', [
    (refresh, {}), (refresh, {'format': 'csv'}), (refresh, {'format': 'yaml'}),
    (refresh, {'format': 'table'})])
def test_a_run_outlives_its_report(cloud, monkeypatch, command, fields, room):
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    err = io.StringIO()
    conf = cloud.conf(worlds.command(['cmp1'], **fields))
    room = min(room, 300) if fields.get('format') else room
    assert command.run(conf, Full(room), err) == 4
    [made] = engine.journal(cloud.context()).runs()
    assert made.finished
    assert {entry.verdict.value for entry in made.entries} == {'fixed'}
    words = err.getvalue()
    assert words.startswith(
        'rbd-mon-fix: Cannot write the report: No space left on device.')
    assert '0 of 2 would not come back if the power failed now (' in words
    assert made.id in words
    code, _, _ = worlds.run(cloud, monkeypatch, rollback, run=made.id)
    assert code == 0


@pytest.mark.parametrize('fmt, load', [
    ('json', json.loads), ('yaml', yaml.safe_load)])
@pytest.mark.parametrize('error, code', [
    (exceptions.Unreachable('No database.'), 5), (KeyboardInterrupt(), 130),
    (RuntimeError('TOPSECRET'), 255)])
@pytest.mark.parametrize('command, fields', [
    (status, {}), (refresh, {'dry_run': True}), (refresh, {})])
def test_an_error_ends_the_document(cloud, monkeypatch, fmt, load, error,
                                    code, command, fields):
    """In the middle of the records, and in place of the summary."""
    def fail(reporter):
        raise error

    monkeypatch.setattr(reporting.Reporter, 'end', fail)
    monkeypatch.setattr(run_result, 'followed', lambda result, work: work())
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out = io.StringIO()
    with pytest.raises(type(error)):
        command.run(cloud.conf(worlds.command(format=fmt, **fields)), out,
                    io.StringIO())
    document = load(out.getvalue())
    schemas.check_output(command.__name__.rpartition('.')[2], document,
                         dry_run='dry_run' in fields)
    assert len(document['records']) == 6
    assert 'summary' not in document
    assert document['error']['code'] == code
    assert 'SECRET' not in out.getvalue()
    if command is refresh and not fields:
        [made] = engine.journal(cloud.context()).runs()
        assert document['run'] == made.id


@pytest.mark.parametrize('limit', [None, 1])
def test_the_error_of_a_guard_is_in_the_document(cloud, run, limit):
    code, report, _ = run(refresh, dry_run=True, max_changes=limit)
    assert (code, report.get('error')) == (1, None) if limit is None else (
        3, {'code': 3, 'kind': 'refused', **report['error']})
    assert report['summary']['due'] == 6


def test_neither_stream_takes_anything(cloud, monkeypatch):
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    conf = cloud.conf(worlds.command(['cmp1']))
    assert refresh.run(conf, Full(0), Full(0)) == 4
    [made] = engine.journal(cloud.context()).runs()
    assert made.finished


@pytest.mark.parametrize('command, undone', [
    (refresh, None), (rollback, 'run')])
@pytest.mark.parametrize('where', [
    (engine.RunResult, '__init__'), (console.RunConsole, 'close')])
def test_an_ending_without_a_summary_names_the_run(cloud, monkeypatch, where,
                                                   command, undone):
    """As after a second signal, in the middle of the ending."""
    fields = {'host': ['cmp1']}
    if undone:
        fields = {'run': worlds.run(
            cloud, monkeypatch, refresh)[1]['run']}
    before = {run.id for run in engine.journal(cloud.context()).runs()}
    monkeypatch.setattr(engine, 'Context', cloud.opened)

    def fail(*arguments, **named):
        raise KeyboardInterrupt

    monkeypatch.setattr(*where, fail)
    err = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        command.run(cloud.conf(worlds.command(**fields)), io.StringIO(), err)
    [made] = {run.id for run in engine.journal(cloud.context()).runs()
              } - before
    assert err.getvalue() == (
        f'rbd-mon-fix: Run {made} was cut off. "rbd-mon-fix journal show '
        f'{made}" lists what was written.\n')


def test_an_ending_before_the_first_change_names_no_run(cloud, monkeypatch):
    monkeypatch.setattr(engine, 'Context', cloud.opened)

    def fail(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(engine, 'refresh', fail)
    err = io.StringIO()
    with pytest.raises(KeyboardInterrupt):
        refresh.run(cloud.conf(worlds.command(['cmp1'])), io.StringIO(), err)
    assert err.getvalue() == ''


@pytest.fixture
def at_once():
    """Have SIGINT interrupt at once, as main does."""
    def interrupt(signum, frame):
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize('signals, written, finished', [
    (1, 3, True), (2, 0, False)])
def test_a_signal_during_a_write(cloud, monkeypatch, at_once, signals,
                                 written, finished):
    """The first lets the batch finish; the second stops at once.

    tests/faults/test_two_batches.py has two in hand.
    """
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    monkeypatch.setattr(apply, 'BATCH', 1)
    monkeypatch.setattr(writes, 'AT_ONCE', 1)
    put = apply._Batch._put

    def signalled(*arguments):
        done = put(*arguments)
        monkeypatch.setattr(apply._Batch, '_put', put)
        for _ in range(signals):
            signal.raise_signal(signal.SIGINT)
        return done

    monkeypatch.setattr(apply._Batch, '_put', signalled)
    out, err = io.StringIO(), io.StringIO()
    with pytest.raises(exceptions.Interrupted) as caught:
        refresh.run(cloud.conf(worlds.command(['cmp1'])), out, err)
    assert err.getvalue() == (
        'Finishing the server in hand. Ctrl-C again stops at once.\n')
    [made] = engine.journal(cloud.context()).runs()
    assert (made.finished, caught.value.run) == (finished, made.id)
    assert caught.value.written == written
    assert json.loads(out.getvalue())['run'] == made.id
    assert worlds.run(cloud, monkeypatch, refresh)[0] == 0


def test_a_signal_while_reading_interrupts_at_once(cloud, monkeypatch,
                                                   at_once):
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    conf = cloud.conf(worlds.command())
    err = io.StringIO()
    hears = console.RunConsole(conf, schema.Kind.REFRESH, io.StringIO(), err)
    for what in ('Reading', 'Opening'):
        with pytest.raises(KeyboardInterrupt):
            with hears.phase(what, None):
                signal.raise_signal(signal.SIGINT)
    assert (hears.stopping(), err.getvalue()) == (False, '')
