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

"""The commands from end to end, one after the other."""

from __future__ import annotations

import io
import itertools
import json

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import journal
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import rollback
from rbd_mon_fix.cli import status
from rbd_mon_fix.core import apply
from rbd_mon_fix.state import locks
from tests.unit import memory
from tests.unit import worlds
from tests.unit.stores import places

STALE = {('cinder-attachment', 'stale'), ('nova-bdm', 'stale'),
         ('domain', 'stale')}
CURRENT = {(store, 'current') for store, _ in STALE}


def states(report):
    return {(record['store'], record['state'])
            for record in report['records']}


def expected(everything, *servers):
    """Return all stored data with the monitors of these servers corrected."""
    text = json.dumps(everything)
    old_hosts = json.dumps(list(places.OLD))
    new_hosts = json.dumps([
        addr.rpartition(':')[0] for addr in memory.NEW.split(',')])
    tables, domains = json.loads(text)
    for name, key in (('block_device_mapping', 'instance_uuid'),
                      ('volume_attachment', 'instance_uuid')):
        for row in tables[name]:
            if row[key] in map(memory.uuid, servers):
                row['connection_info'] = row['connection_info'].replace(
                    old_hosts, new_hosts)
    for texts in domains.values():
        for server in map(memory.uuid, servers):
            for old, new in zip(places.OLD, json.loads(new_hosts)):
                if server in texts:
                    texts[server] = texts[server].replace(
                        f"name='{old}'", f"name='{new}'")
    return tables, domains


def test_the_whole_way(cloud, run):
    first = cloud.everything()
    code, report, _ = run(status)
    assert (code, states(report)) == (1, STALE)
    assert {record['instance'] for record in report['records']} == {
        memory.uuid(1), memory.uuid(2)}

    code, report, _ = run(refresh, dry_run=True)
    assert (code, states(report)) == (1, STALE)
    assert cloud.everything() == first
    assert not cloud.journal.exists()

    code, report, _ = run(refresh)
    assert code == 0
    assert {record['outcome'] for record in report['records']} == {'fixed'}
    made = report['run']
    assert cloud.everything() == expected(first, 1, 2)

    code, report, _ = run(status)
    assert (code, states(report)) == (0, CURRENT)
    code, report, _ = run(refresh)
    assert (code, states(report)) == (0, CURRENT)
    code, report, _ = run(journal, action='list')
    assert [(row['run'], row['changes'], row['result'])
            for row in report['runs']] == [(made, 6, '6 fixed')]

    code, report, _ = run(rollback, run=made, dry_run=True)
    assert code == 0
    assert cloud.everything() == expected(first, 1, 2)
    code, report, _ = run(rollback, run=made)
    assert code == 0
    assert {record['outcome'] for record in report['records']} == {'fixed'}
    assert cloud.everything() == first


def test_all_hosts(cloud, run):
    code, report, _ = run(refresh, 'cmp1', 'cmp2')
    assert code == 0
    assert len(report['records']) == 9
    first = cloud.everything()
    run(rollback, run=report['run'])
    code, report, _ = run(refresh, 'cmp2', 'cmp1')
    assert code == 0
    assert cloud.everything() == first


def test_busy_servers(cloud, run):
    cloud.nova.tables.update('instances', 'uuid', memory.uuid(1),
                             task_state='rebooting')
    before = cloud.everything()
    code, report, _ = run(refresh)
    assert code == 4
    assert {(record['instance'], record['skip'], record['outcome'])
            for record in report['records']} == {
        (memory.uuid(1), 'busy', None), (memory.uuid(2), None, 'fixed')}
    assert cloud.everything() == expected(before, 2)


def test_one_host_that_is_down(cloud, run):
    del cloud.libvirts['cmp2']
    for module, fields in ((status, {}), (refresh, {'dry_run': True}),
                           (refresh, {})):
        code, report, _ = run(module, 'cmp1', 'cmp2', **fields)
        assert code == 5
        assert {record['host'] for record in report['records']} == {'cmp1'}
        hosts = report['summary']['hosts']
        assert {host: (found['reached'], found['reason'])
                for host, found in hosts.items()} == {
            'cmp1': (True, None), 'cmp2': (False, 'No libvirt on cmp2.')}
        assert (report['error']['code'], report['error']['kind']) == (
            5, 'unreachable')
        assert 'cmp2 was not reached' in report['error']['message']
    with pytest.raises(exceptions.Unreachable):
        run(status, 'cmp2')


def test_rollback_while_a_host_is_down(cloud, run):
    """The report names it; the same command rolls it back once it is up."""
    first = cloud.everything()
    code, report, _ = run(refresh, 'cmp1', 'cmp2')
    assert code == 0
    made = report['run']
    down = cloud.libvirts.pop('cmp2')
    for dry_run in (True, False):
        code, report, _ = run(rollback, run=made, dry_run=dry_run)
        assert code == 5
        assert {record['host'] for record in report['records']} == {'cmp1'}
    cloud.libvirts['cmp2'] = down
    assert cloud.everything() == expected(first, 3)
    code, _, _ = run(rollback, run=made)
    assert code == 0
    assert cloud.everything() == first


def test_trouble_shows_before_a_report(cloud, monkeypatch):
    monkeypatch.setattr('rbd_mon_fix.engine.Context', cloud.opened)
    out = io.StringIO()
    for module in (status, refresh):
        with pytest.raises(exceptions.ConfigError, match='cmp9'):
            module.run(cloud.conf(worlds.command(['cmp9'])), out,
                       io.StringIO())
    assert out.getvalue() == ''


def test_a_run_that_is_cut_off_at_any_store(cloud, run, monkeypatch):
    """The same command continues, and both runs can be rolled back."""
    first = cloud.everything()
    put = apply._Batch._put

    def cut(*args):
        done = put(*args)
        if next(puts) == stop:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(apply._Batch, '_put', cut)
    for count in range(1, 4):
        puts, stop = itertools.count(1), count
        with pytest.raises(exceptions.Interrupted):
            run(refresh)
        code, _, _ = run(refresh)
        assert code == 0
        assert cloud.everything() == expected(first, 1, 2)
        _, listed, _ = run(journal, action='list')
        for row in listed['runs']:
            assert 'not made' not in row['result']
            if row['command'] == 'refresh':
                run(rollback, run=row['run'])
        assert cloud.everything() == first


def test_a_dry_run_settles_nothing(cloud, run, monkeypatch):
    """It shows the changes of an interrupted run that rollback would undo."""
    put = apply._Batch._put

    def cut(*args):
        put(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(apply._Batch, '_put', cut)
        with pytest.raises(exceptions.Interrupted):
            run(refresh)
    [path] = cloud.journal.joinpath('runs').iterdir()
    _, listed, _ = run(journal, action='list')
    assert [each['result'] for each in listed['runs']] == [
        '6 not made, not finished']
    written, held = path.read_bytes(), cloud.everything()
    with locks.held(str(cloud.journal), ['cmp1']):
        code, report, _ = run(rollback, run=path.stem, dry_run=True)
    assert (path.read_bytes(), cloud.everything()) == (written, held)
    assert code == 0
    shown = {(record['instance'], record['store'])
             for record in report['records']}
    assert shown == {(memory.uuid(server), 'cinder-attachment')
                     for server in (1, 2)}
    code, report, _ = run(rollback, run=path.stem)
    assert code == 0
    assert {(record['instance'], record['store'], record['outcome'])
            for record in report['records']} == {
                (*copy, 'fixed') for copy in shown}


def test_a_dry_run_waits_for_nobody(cloud, run):
    with locks.held(str(cloud.journal), ['cmp1']):
        assert run(status)[0] == 1
        assert run(refresh, dry_run=True)[0] == 1
        with pytest.raises(exceptions.Refused, match='holds the lock'):
            run(refresh)


@pytest.mark.parametrize('module, fields, parts', [
    (status, {}, ['', 'histories']),
    (refresh, {}, ['', 'runs', 'locks', 'histories']),
    (refresh, {'dry_run': True}, ['', 'histories']),
    (rollback, {'run': '20240101-000000-abcd'}, ['', 'runs']),
    (journal, {'action': 'list'}, ['', 'runs']),
    (journal, {'action': 'show', 'run': '20240101-000000-abcd'},
     ['', 'runs']),
    (journal, {'action': 'prune', 'keep': 1}, ['', 'runs'])])
def test_a_journal_that_others_could_alter(cloud, run, module, fields, parts):
    first = cloud.everything()
    for part in parts:
        folder = cloud.journal / part
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o777)
        with pytest.raises(exceptions.ConfigError,
                           match=f"'chmod go-w {folder}'") as caught:
            run(module, **fields)
        folder.chmod(0o755)
        assert exit_codes.of_error(caught.value) == 2
        assert cloud.everything() == first
        assert list(cloud.journal.rglob('*.json*')) == []


@pytest.mark.parametrize('module', [status, refresh])
def test_a_lock_that_is_a_link(cloud, run, module):
    """Root does not truncate the file that another user chose."""
    victim = cloud.folder / 'victim'
    victim.write_text('precious')
    (cloud.journal / 'locks').mkdir(parents=True)
    (cloud.journal / 'locks' / 'cmp1.lock').symlink_to(victim)
    if module is status:
        assert run(status)[0] == 1
    else:
        with pytest.raises(exceptions.ConfigError, match='symbolic link'):
            run(refresh)
    assert victim.read_text() == 'precious'


@pytest.mark.parametrize('module, fields, error', [
    (status, {}, None),
    (refresh, {'dry_run': True}, None),
    (refresh, {'max_changes': 0}, exceptions.Refused),
    (refresh, {'instance': [memory.uuid(9)]}, exceptions.ConfigError),
    (status, {'instance': [memory.uuid(9)]}, exceptions.ConfigError)])
def test_libvirt_is_closed_whatever_happens(cloud, run, monkeypatch, module,
                                            fields, error):
    closed = []
    monkeypatch.setattr(places.DomainPlace, 'close',
                        lambda place: closed.append(place))
    if error is None:
        run(module, **fields)
    else:
        with pytest.raises(error):
            run(module, **fields)
    assert closed == [cloud.domains('cmp1')]
