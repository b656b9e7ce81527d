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

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.engine import refresh_run
from rbd_mon_fix.inventory import instances
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
