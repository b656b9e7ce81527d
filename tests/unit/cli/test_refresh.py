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

"""The report and the exit code of ``refresh``."""

from __future__ import annotations

import io
import json
import re

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import rollback
from rbd_mon_fix.engine import refresh_run
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.state import atomic_file
from tests.unit import memory
from tests.unit import worlds


@pytest.mark.parametrize('dry_run', [False, True])
def test_refused(cloud, run, dry_run):
    before = cloud.everything()
    if dry_run:
        code, report, err = run(refresh, max_changes=5, dry_run=True)
        assert code == 3
        assert 'would be refused' in err
        assert len(report['records']) == 6
    else:
        with pytest.raises(exceptions.Refused, match='6 documents'):
            run(refresh, max_changes=5)
    assert cloud.everything() == before
    code, _, err = run(refresh, max_changes=6)
    assert (code, 'refused' in err) == (0, False)


def cut_off(cloud, monkeypatch, **fields):
    """Return the report of a run that ends with an error, and the error."""
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out = io.StringIO()
    with pytest.raises(exceptions.RbdMonFixError) as caught:
        refresh.run(cloud.conf(worlds.command(('cmp1',), **fields)), out,
                    io.StringIO())
    return json.loads(out.getvalue()), caught.value


def test_what_is_known_when_a_store_is_lost_is_reported(cloud, monkeypatch):
    def lost(xml):
        raise exceptions.Unreachable('Down.')

    monkeypatch.setattr(cloud.domains('cmp1'), 'define', lost)
    report, error = cut_off(cloud, monkeypatch)
    assert exit_codes.of_error(error) == exit_codes.ExitCode.UNREACHABLE
    [found] = engine.journal(cloud.context()).unfinished()
    assert report['run'] == found.id
    assert {(record['store'], record['outcome'])
            for record in report['records']} == {
        ('cinder-attachment', 'fixed'), ('nova-bdm', 'fixed'),
        ('domain', None)}
    assert run_again(cloud, monkeypatch) == 0


def run_again(cloud, monkeypatch):
    monkeypatch.undo()
    return worlds.run(cloud, monkeypatch, refresh)[0]


def test_more_is_due_in_the_second_reading(cloud, monkeypatch):
    """The report lists the changes made; the exit code tells of the rest."""
    monkeypatch.setattr(instances, 'BATCH', 1)
    monkeypatch.setattr(refresh_run, 'KEPT', 1)
    again = refresh_run._Refresh._again

    def add_first(self):
        cloud.add(9)
        return again(self)

    monkeypatch.setattr(refresh_run._Refresh, '_again', add_first)
    report, error = cut_off(cloud, monkeypatch, max_changes=6)
    assert exit_codes.of_error(error) == exit_codes.ExitCode.INCOMPLETE == 4
    assert [record['outcome'] for record in report['records']] == [
        'fixed'] * 6
    [found] = engine.journal(cloud.context()).unfinished()
    assert report['run'] == found.id
    assert run_again(cloud, monkeypatch) == 0


def test_a_guest_with_an_old_difference(cloud, run):
    """Its live XML has a disk that the persistent one lacks."""
    place = cloud.domains('cmp1')
    uuid = memory.uuid(1)
    place.live_texts[uuid] = place.texts[uuid].replace(
        '  </devices>', "    <disk type='file'><source file='/x'/>"
        "<target dev='vdz'/></disk>\n  </devices>")
    code, report, _ = run(refresh)
    assert {record['outcome'] for record in report['records']
            if record['skip'] is None} == {'fixed'}
    assert code == 0


def test_incomplete(cloud, run, monkeypatch):
    """A change that another writer made meanwhile is kept."""
    define = cloud.domains('cmp1').define
    texts = cloud.domains('cmp1').texts

    def meddle(xml):
        texts[memory.uuid(2)] += '\n'
        define(xml)

    monkeypatch.setattr(cloud.domains('cmp1'), 'define', meddle)
    code, report, _ = run(refresh)
    assert code == 4
    assert {(record['instance'], record['outcome'])
            for record in report['records'] if record['store'] == 'domain'
            } == {(memory.uuid(1), 'fixed'), (memory.uuid(2), 'conflict')}


def test_verify_is_of_this_machine(cloud, run):
    before = cloud.everything()
    with pytest.raises(exceptions.ConfigError, match='is not cmp1'):
        run(refresh, verify=True)
    assert cloud.everything() == before


def test_lock_takes_an_api(cloud, run):
    with pytest.raises(exceptions.ConfigError, match='--lock'):
        run(refresh, lock=True)


def test_a_defect_in_the_middle(cloud, monkeypatch):
    def crash(xml):
        raise ZeroDivisionError('AQBSECRET==')

    monkeypatch.setattr(cloud.domains('cmp1'), 'define', crash)
    report, error = cut_off(cloud, monkeypatch)
    assert exit_codes.of_error(error) == exit_codes.ExitCode.CRASH
    assert str(error).startswith('Crashed: ZeroDivisionError.')
    assert 'SECRET' not in str(error)
    [found] = engine.journal(cloud.context()).unfinished()
    assert report['run'] == found.id
    assert {record['outcome'] for record in report['records']} == {
        'fixed', None}
    assert run_again(cloud, monkeypatch) == 0


# A saved plan.

@pytest.fixture
def path(tmp_path):
    return tmp_path / 'a plan'


def table(cloud, monkeypatch, module, **fields):
    """Return the code, the table and stderr of a command."""
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out, err = io.StringIO(), io.StringIO()
    code = module.run(cloud.conf(worlds.command(
        **{'format': 'table', **fields})), out, err)
    return code, out.getvalue(), err.getvalue()


def test_a_plan_is_saved_and_carried_out(cloud, run, path):
    code, report, err = run(refresh, dry_run=True, save_plan=str(path))
    assert (code, len(report['records'])) == (1, 6)
    assert err == f'The plan was saved to {path}.\n'
    again = run(refresh, dry_run=True, plan=str(path), host=[])
    assert (again[0], again[2]) == (1, '')
    code, report, _ = run(refresh, plan=str(path), host=[])
    assert (code, {record['outcome'] for record in report['records']}) == (
        0, {'fixed'})


def test_the_digest_stands_below_the_table_only(cloud, run, monkeypatch):
    code, shown, err = table(cloud, monkeypatch, refresh, dry_run=True)
    assert (code, err) == (1, '')
    [digest] = re.findall(r' Digest ([0-9a-f]{4}-[0-9a-f]{4})\.\n', shown)
    again = table(cloud, monkeypatch, refresh, dry_run=True, format='csv')[1]
    assert 'Digest' not in again
    made = run(refresh)[1]['run']
    code, shown, _ = table(cloud, monkeypatch, rollback, dry_run=True,
                           run=made)
    assert code == 0
    assert ' Digest ' in shown and digest not in shown


def test_a_plan_that_no_longer_holds(cloud, run, path):
    run(refresh, dry_run=True, save_plan=str(path))
    cloud.add(9)
    before = cloud.everything()
    code, _, err = run(refresh, dry_run=True, plan=str(path), host=[])
    assert code == 3
    assert 'refresh would be refused. The plan ' in err
    with pytest.raises(exceptions.Refused, match='is not in the plan'):
        run(refresh, plan=str(path), host=[])
    assert cloud.everything() == before


def test_a_plan_that_a_guard_refuses_is_not_saved(run, path):
    code, _, err = run(refresh, dry_run=True, save_plan=str(path),
                       max_changes=5)
    assert (code, path.exists()) == (3, False)
    assert err.endswith('\nThe plan was not saved.\n')


def test_a_plan_that_cannot_be_saved(cloud, monkeypatch, path):
    """The report is complete all the same."""
    def full(*args):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(atomic_file, 'replace', full)
    report, error = cut_off(cloud, monkeypatch, dry_run=True,
                            save_plan=str(path))
    assert len(report['records']) == 6
    assert 'No space left on device' in str(error)
    assert exit_codes.of_error(error) == exit_codes.ExitCode.INCOMPLETE


@pytest.mark.parametrize('fields', [
    {'host': ['cmp1']}, {'all_hosts': True}, {'instance': ['web-1']},
    {'store': ['domain']}, {'unmanaged': True},
    {'save_plan': 'other', 'dry_run': True}])
def test_the_plan_tells_what_is_meant(run, path, fields):
    run(refresh, dry_run=True, save_plan=str(path))
    option = '--' + next(iter(fields)).replace('_', '-')
    with pytest.raises(exceptions.ConfigError, match=option):
        run(refresh, **{'host': [], **fields}, plan=str(path))


def test_only_a_dry_run_is_saved(cloud, run, path):
    before = cloud.everything()
    with pytest.raises(exceptions.ConfigError, match='Add --dry-run'):
        run(refresh, save_plan=str(path))
    assert (cloud.everything(), path.exists()) == (before, False)


def test_a_plan_that_is_not_there(run, path):
    with pytest.raises(exceptions.ConfigError, match='No such file'):
        run(refresh, plan=str(path), host=[])
