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

"""The lists and details that ``journal`` prints."""

from __future__ import annotations

import errno
import io
import json
import os

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import journal
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import rollback
from rbd_mon_fix.cli import status
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import private_folder
from tests.unit import memory
from tests.unit import worlds


def test_show(run):
    _, report, _ = run(refresh)
    code, shown, _ = run(journal, action='show', run=report['run'])
    assert code == 0
    assert shown['run'] == report['run']
    assert len(shown['changed']) == 6
    assert {change['outcome'] for change in shown['changed']} == {'fixed'}
    assert {tuple(change['new']) for change in shown['changed']} == {
        tuple(memory.NEW.split(','))}
    assert 'SECRET' not in json.dumps(shown)
    assert set(shown['changed'][0]) == set(journal.CHANGES)
    with pytest.raises(exceptions.ConfigError):
        run(journal, action='show', run='20240101-000000-abcd')


def disks(rows):
    keys = ('host', 'instance', 'name', 'store', 'key', 'disk', 'image',
            'cluster')
    return sorted(map(str, ([row[key] for key in keys] for row in rows)))


def test_disks_have_the_names_that_status_gives_them(run):
    _, status_, _ = run(status)
    first = run(refresh)[1]['run']
    for made in (first, run(rollback, run=first)[1]['run']):
        _, shown, _ = run(journal, action='show', run=made)
        assert disks(shown['changed']) == disks(status_['records'])
    assert {(row['store'], row['disk']) for row in shown['changed']} == {
        ('nova-bdm', 'vda'), ('domain', 'vda'), ('cinder-attachment', None)}


def test_a_run_of_a_version_that_wrote_no_names(cloud, run):
    made = run(refresh)[1]['run']
    path = cloud.journal / 'runs' / f'{made}.jsonl'
    lines = [journal_records.loads(line)[0]
             for line in path.read_bytes().splitlines()[:-1]]
    for line in lines:
        line.pop('name', None)
        line.pop('device', None)
    path.write_bytes(b''.join(map(journal_records.dumps, lines))
                     + journal_records.CLOSE)
    _, shown, _ = run(journal, action='show', run=made)
    assert {(row['store'], row['name'], row['disk'])
            for row in shown['changed']} == {
        ('nova-bdm', None, None), ('domain', None, 'vda'),
        ('cinder-attachment', None, None)}


def test_list(run):
    assert run(journal, action='list')[:2] == (0, {'version': 2, 'runs': []})
    made = run(refresh)[1]['run']
    run(rollback, run=made)
    code, report, _ = run(journal, action='list')
    assert code == 0
    assert {(row['command'], row['changes'], row['result'])
            for row in report['runs']} == {
        ('refresh', 6, '6 fixed'), (f'rollback {made}', 6, '6 fixed')}
    assert set(report['runs'][0]) == set(journal.RUNS)


def test_a_run_that_was_cut_off(cloud, run):
    runs = engine.journal(cloud.context())
    runs.prepare()
    writer = runs.start('refresh', ['cmp1'], [])
    writer.begin(worlds.merged(worlds.plans(cloud.scan())).changes)
    writer.leave()
    _, report, _ = run(journal, action='list')
    [row] = report['runs']
    assert row['result'] == '6 not made, not finished'
    _, shown, _ = run(journal, action='show', run=row['run'])
    assert {change['outcome'] for change in shown['changed']} == {None}


@pytest.mark.parametrize('old, new, listed', [
    # The list takes a run's first and last lines for true.
    ('"verdict"', '"Verdict"', '3 fixed'),
    ('"summary"', '"Summary"', 'damaged'),
    ('"type": "run"', '\0', 'damaged')])
def test_a_damaged_run_does_not_hide_the_others(cloud, run, old, new, listed):
    first, second = run(refresh, 'cmp2')[1]['run'], run(refresh)[1]['run']
    path = cloud.journal / 'runs' / f'{first}.jsonl'
    path.write_text(path.read_text().replace(old, new))
    _, report, _ = run(journal, action='list')
    assert {row['run']: row['result'] for row in report['runs']} == {
        first: listed, second: '6 fixed'}
    assert run(journal, action='show', run=first)[1]['result'] == 'damaged'
    assert run(refresh)[0] == 0
    with pytest.raises(exceptions.RbdMonFixError, match='damaged') as caught:
        run(rollback, run=first)
    assert exit_codes.of_error(caught.value) == 4
    with pytest.raises(exceptions.RbdMonFixError, match='damaged'):
        run(rollback, run=first, dry_run=True)


def test_list_the_last(run):
    runs = sorted(run(refresh, host)[1]['run'] for host in ('cmp1', 'cmp2'))
    for last, expected in ((1, runs[1:]), (2, runs), (9, runs)):
        _, report, _ = run(journal, action='list', last=last)
        assert [row['run'] for row in report['runs']] == expected


def test_screens(cloud, run):
    made = run(refresh)[1]['run']
    drawn = {}
    for action in ('list', 'show'):
        out = io.StringIO()
        journal.run(cloud.conf(worlds.command(
            format='table', action=action, run=made)), out, io.StringIO())
        drawn[action] = out.getvalue().splitlines()
    assert drawn['list'][0] == '1 run. It is finished.'
    assert drawn['show'][0] == (
        f'Run {made}: refresh on cmp1, 6 changes: 6 fixed.')
    assert {lines[-1] for lines in drawn.values()} == {
        f'Take back: rbd-mon-fix rollback {made}'}


@pytest.fixture
def three(run):
    """Return the ids of three runs, in the order of the list."""
    first = run(refresh)[1]['run']
    return sorted([first, run(rollback, run=first)[1]['run'],
                   run(refresh)[1]['run']])


def test_prune(cloud, run, three):
    path = cloud.journal / 'runs' / f'{three[1]}.jsonl'
    path.write_bytes(path.read_bytes().replace(journal_records.CLOSE, b''))
    code, report, _ = run(journal, action='prune', keep=1)
    assert code == 0
    assert [(row['run'], row['outcome'], row['reason'])
            for row in report['pruned']] == [
        (three[0], 'removed', None),
        (three[1], 'kept', 'the run is not finished')]
    assert set(report['pruned'][0]) == set(journal.PRUNED)
    with pytest.raises(exceptions.ConfigError, match='no run'):
        run(rollback, run=three[0])
    assert run(journal, action='show', run=three[2])[0] == 0


def test_the_screen_of_prune(cloud, three):
    for first in ('2 runs removed, 0 kept.',
                  'No run is older than those to keep.'):
        out = io.StringIO()
        journal.run(cloud.conf(worlds.command(
            format='table', action='prune', keep=1)), out, io.StringIO())
        assert out.getvalue().splitlines()[0] == first


def test_pruned_runs_are_told_in_spite_of_an_error(run, three, monkeypatch):
    remove, told = private_folder.PrivateFolder.remove, []

    def failing(folder, name):
        if three[1] in name:
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        remove(folder, name)

    monkeypatch.setattr(private_folder.PrivateFolder, 'remove', failing)
    monkeypatch.setattr(journal.listing, 'write', lambda *args: told.extend(
        args[3]))
    with pytest.raises(exceptions.RbdMonFixError, match='Read-only') as caught:
        run(journal, action='prune', keep=1)
    assert exit_codes.of_error(caught.value) == 4
    assert [(row['run'], row['outcome']) for row in told] == [
        (three[0], 'removed')]


def test_a_run_of_a_newer_version(cloud, run):
    made = run(refresh)[1]['run']
    path = cloud.journal / 'runs' / f'{made}.jsonl'
    path.write_bytes(journal_records.dumps({'type': 'run', 'version': 4}))
    _, report, _ = run(journal, action='list')
    assert [row['result'] for row in report['runs']] == ['newer version']
    for command in ((journal, 'show'), (rollback, None)):
        with pytest.raises(exceptions.ConfigError, match='newer version'):
            run(command[0], action=command[1], run=made)
    assert run(refresh)[0] == 0
