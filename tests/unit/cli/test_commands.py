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

"""The commands from end to end, on a site of files and of memory."""

import gc
import io
import itertools
import json
import os
import pathlib
import weakref

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import journal
from rbd_mon_fix.cli import monitors
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import rollback
from rbd_mon_fix.cli import status
from rbd_mon_fix.clients import krbd
from rbd_mon_fix.core import apply
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.inventory import instances
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.qemu import processes
from rbd_mon_fix.state import locks
from tests.unit import fakes
from tests.unit import memory
from tests.unit.stores import places


class Cloud:
    """Two hosts with servers in all stores, and the commands."""

    def __init__(self, folder, nova, cinder):
        self.nova, self.cinder = nova, cinder
        self.libvirts = {'cmp1': places.DomainPlace(),
                         'cmp2': places.DomainPlace()}
        self.site = fakes.Site(folder, nova, cinder, self.libvirts)
        self.err = io.StringIO()
        for server, host in ((1, 'cmp1'), (2, 'cmp1'), (3, 'cmp2')):
            self.add(server, host)

    def add(self, server, host, **fields):
        self.nova.add_server(server, host, **fields)
        self.nova.add_row(server, self.nova.text(server))
        self.cinder.add(server)
        self.cinder.tables.insert('volumes', id=places.volume(server),
                                  host='ctl@rbd#volumes', deleted=False)
        self.libvirts[host].add(server)

    def run(self, module, *host, **fields):
        """Return the exit code of a command, and its JSON."""
        self.site.conf.command = fakes.command(host or ('cmp1',), **fields)
        out, self.err = io.StringIO(), io.StringIO()
        code = module.run(self.site.conf, out, self.err)
        return code, json.loads(out.getvalue())

    def everything(self):
        """Return all there is, but for the times of writes."""
        rows = {**self.nova.everything(), **self.cinder.everything()}
        return ({name: [{**row, 'updated_at': None} for row in table]
                 for name, table in rows.items()},
                {host: place.everything()
                 for host, place in self.libvirts.items()})

    def meddle(self, server, text):
        row = {1: '1', 2: '2', 3: '3'}[server]
        self.nova.tables.update('block_device_mapping', 'id', int(row),
                                connection_info=text)


@pytest.fixture
def cloud(tmp_path, nova, cinder, monkeypatch):
    made = Cloud(tmp_path, nova, cinder)

    def site(conf):
        assert conf is made.site.conf
        return made.site

    monkeypatch.setattr(contexts, 'Context', site)
    # This machine is no part of the cloud.
    monkeypatch.setattr(krbd, 'devices', lambda: iter(()))
    monkeypatch.setattr(processes, 'running', list)
    return made


def states(report):
    return {(record['store'], record['state'])
            for record in report['records']}


STALE = {('cinder-attachment', 'stale'), ('nova-bdm', 'stale'),
         ('domain', 'stale')}
CURRENT = {(store, 'current') for store, _ in STALE}


def test_the_whole_way(cloud):
    first = cloud.everything()
    code, report = cloud.run(status)
    assert (code, states(report)) == (1, STALE)
    assert {record['instance'] for record in report['records']} == {
        memory.uuid(1), memory.uuid(2)}

    code, report = cloud.run(refresh, dry_run=True)
    assert (code, states(report)) == (1, STALE)
    assert cloud.everything() == first
    assert not os.path.exists(cloud.site.conf.journal_dir)

    code, report = cloud.run(refresh)
    assert code == 0
    assert {record['outcome'] for record in report['records']} == {'fixed'}
    run = report['run']
    assert cloud.everything() == expected(first, 1, 2)

    code, report = cloud.run(status)
    assert (code, states(report)) == (0, CURRENT)
    code, report = cloud.run(refresh)
    assert (code, states(report)) == (0, CURRENT)
    code, report = cloud.run(journal, action='list')
    assert [(row['run'], row['changes'], row['result'])
            for row in report['runs']] == [(run, 6, '6 fixed')]

    code, report = cloud.run(rollback, run=run, dry_run=True)
    assert code == 0
    assert cloud.everything() == expected(first, 1, 2)
    code, report = cloud.run(rollback, run=run)
    assert code == 0
    assert {record['outcome'] for record in report['records']} == {'fixed'}
    assert cloud.everything() == first


def expected(everything, *servers):
    """Return all there is with the monitors of servers put right."""
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


def test_the_journal_shows_each_change(cloud):
    _, report = cloud.run(refresh)
    code, shown = cloud.run(journal, action='show', run=report['run'])
    assert code == 0
    assert shown['run'] == report['run']
    assert len(shown['changed']) == 6
    assert {change['outcome'] for change in shown['changed']} == {'fixed'}
    assert {tuple(change['new']) for change in shown['changed']} == {
        tuple(memory.NEW.split(','))}
    assert 'SECRET' not in json.dumps(shown)
    with pytest.raises(exceptions.ConfigError):
        cloud.run(journal, action='show', run='20240101-000000-abcd')


def test_all_hosts(cloud):
    code, report = cloud.run(refresh, 'cmp1', 'cmp2')
    assert code == 0
    assert len(report['records']) == 9
    first = cloud.everything()
    cloud.run(rollback, run=report['run'])
    code, report = cloud.run(refresh, 'cmp2', 'cmp1')
    assert code == 0
    assert cloud.everything() == first


def test_what_changed_since_is_left_alone_by_rollback(cloud):
    _, report = cloud.run(refresh)
    theirs = cloud.nova.text(1, hosts=['10.7.0.1'], ports=['6789'])
    cloud.meddle(1, theirs)
    code, report = cloud.run(rollback, run=report['run'])
    assert code == 4
    [left] = [record for record in report['records'] if record['skip']]
    assert (left['store'], left['skip']) == ('nova-bdm', 'changed')
    rows = cloud.nova.everything()['block_device_mapping']
    assert rows[0]['connection_info'] == theirs


def test_servers_that_are_gone_or_moved_are_left_alone_by_rollback(cloud):
    _, report = cloud.run(refresh)
    cloud.nova.tables.update('instances', 'uuid', memory.uuid(1),
                             host='cmp2')
    before = cloud.everything()
    code, report = cloud.run(rollback, run=report['run'])
    assert code == 4
    assert {(record['instance'], record['skip'])
            for record in report['records']} == {
        (memory.uuid(1), 'other-host'), (memory.uuid(2), None)}
    tables, domains = cloud.everything()
    assert domains['cmp1'][memory.uuid(1)] == before[1]['cmp1'][
        memory.uuid(1)]
    assert [row for row in tables['volume_attachment']
            if row['instance_uuid'] == memory.uuid(1)] == [
        row for row in before[0]['volume_attachment']
        if row['instance_uuid'] == memory.uuid(1)]


def test_busy_servers(cloud):
    cloud.nova.tables.update('instances', 'uuid', memory.uuid(1),
                             task_state='rebooting')
    before = cloud.everything()
    code, report = cloud.run(refresh)
    assert code == 4
    assert {(record['instance'], record['skip'], record['outcome'])
            for record in report['records']} == {
        (memory.uuid(1), 'busy', None), (memory.uuid(2), None, 'fixed')}
    assert cloud.everything() == expected(before, 2)


@pytest.mark.parametrize('dry_run', [False, True])
def test_refused(cloud, dry_run):
    before = cloud.everything()
    if dry_run:
        code, _ = cloud.run(refresh, max_changes=5, dry_run=True)
        assert code == 1
        assert 'would be refused' in cloud.err.getvalue()
    else:
        with pytest.raises(exceptions.Refused, match='6 documents'):
            cloud.run(refresh, max_changes=5)
    assert cloud.everything() == before
    assert cloud.run(refresh, max_changes=6)[0] == 0


def test_monitors_that_do_not_answer(cloud):
    cloud.site.answering = frozenset()
    with pytest.raises(exceptions.Refused, match='answers'):
        cloud.run(refresh)
    # Where nothing is to be changed nobody is asked.
    cloud.site.answering = None
    cloud.run(refresh)
    cloud.site.answering = frozenset()
    assert cloud.run(refresh)[0] == 0


def test_one_host_that_is_down(cloud):
    del cloud.libvirts['cmp2']
    for module, fields in ((status, {}), (refresh, {'dry_run': True}),
                           (refresh, {})):
        code, report = cloud.run(module, 'cmp1', 'cmp2', **fields)
        assert code == 5
        assert {record['host'] for record in report['records']} == {'cmp1'}
    with pytest.raises(exceptions.Unreachable):
        cloud.run(status, 'cmp2')


def test_rollback_while_a_host_is_down(cloud):
    """It is named, and taken back by the same command once it is there."""
    first = cloud.everything()
    code, report = cloud.run(refresh, 'cmp1', 'cmp2')
    assert code == 0
    run = report['run']
    down = cloud.libvirts.pop('cmp2')
    for dry_run in (True, False):
        code, report = cloud.run(rollback, run=run, dry_run=dry_run)
        assert code == 5
        assert {record['host'] for record in report['records']} == {'cmp1'}
    cloud.libvirts['cmp2'] = down
    assert cloud.everything() == expected(first, 3)
    code, _ = cloud.run(rollback, run=run)
    assert code == 0
    assert cloud.everything() == first


def test_trouble_shows_before_a_report(cloud):
    cloud.site.conf.command = fakes.command(['cmp9'])
    out = io.StringIO()
    for module in (status, refresh):
        with pytest.raises(exceptions.ConfigError, match='cmp9'):
            module.run(cloud.site.conf, out, io.StringIO())
    assert out.getvalue() == ''


def test_a_run_that_is_cut_off_at_any_store(cloud, monkeypatch):
    """The same command again goes on, and both runs can be taken back."""
    first = cloud.everything()
    puts = itertools.count(1)
    stops = iter(range(1, 4))
    put = apply._put

    def cut(*args):
        done = put(*args)
        if next(puts) == stop:
            raise KeyboardInterrupt
        return done

    monkeypatch.setattr(apply, '_put', cut)
    for stop in stops:
        puts = itertools.count(1)
        with pytest.raises(KeyboardInterrupt):
            cloud.run(refresh)
        stop = 0
        code, report = cloud.run(refresh)
        assert code == 0
        assert cloud.everything() == expected(first, 1, 2)
        _, listed = cloud.run(journal, action='list')
        for run in listed['runs']:
            assert 'not made' not in run['result']
            if run['command'] == 'refresh':
                cloud.run(rollback, run=run['run'])
        assert cloud.everything() == first


def test_a_dry_run_settles_nothing(cloud, monkeypatch):
    """Of a run that was cut off it shows what would be taken back."""
    put = apply._put

    def cut(*args):
        put(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(apply, '_put', cut)
        with pytest.raises(KeyboardInterrupt):
            cloud.run(refresh)
    [path] = pathlib.Path(cloud.site.conf.journal_dir, 'runs').iterdir()
    _, listed = cloud.run(journal, action='list')
    assert [each['result'] for each in listed['runs']] == [
        '6 not made, not finished']
    written, held = path.read_bytes(), cloud.everything()
    with locks.held(cloud.site.conf.journal_dir, ['cmp1']):
        code, report = cloud.run(rollback, run=path.stem, dry_run=True)
    assert (path.read_bytes(), cloud.everything()) == (written, held)
    assert code == 0
    shown = {(record['instance'], record['store'])
             for record in report['records']}
    assert shown == {(memory.uuid(server), 'cinder-attachment')
                     for server in (1, 2)}
    code, report = cloud.run(rollback, run=path.stem)
    assert code == 0
    assert {(record['instance'], record['store'], record['outcome'])
            for record in report['records']} == {
                (*copy, 'fixed') for copy in shown}


def test_a_dry_run_waits_for_nobody(cloud):
    with locks.held(cloud.site.conf.journal_dir, ['cmp1']):
        assert cloud.run(status)[0] == 1
        assert cloud.run(refresh, dry_run=True)[0] == 1
        with pytest.raises(exceptions.Refused, match='holds the lock'):
            cloud.run(refresh)


def test_libvirt_is_closed_whatever_happens(cloud):
    cloud.run(status)
    assert cloud.site.closed
    for module, fields in ((refresh, {'max_changes': 0}),
                           (rollback, {'run': 'none'}),
                           (status, {'instance': [memory.uuid(9)]})):
        cloud.site.closed = False
        with pytest.raises(exceptions.RbdMonFixError):
            cloud.run(module, **fields)
        assert cloud.site.closed


def test_status_keeps_no_lot_in_memory(cloud, monkeypatch):
    """What was shown of one lot is let go before the next but one."""
    for server in range(10, 16):
        cloud.add(server, 'cmp1')
    monkeypatch.setattr(instances, 'CHUNK', 1)
    seen = []
    plan = status.surveys.Survey._plan

    def counted(self, scope):
        found = plan(self, scope)
        gc.collect()
        alive = sum(ref() is not None for ref in seen)
        seen.append(weakref.ref(found.copies[0]))
        assert alive <= 1
        return found

    monkeypatch.setattr(status.surveys.Survey, '_plan', counted)
    assert cloud.run(status)[0] == 1
    assert len(seen) == 8


@pytest.mark.parametrize('answering, expected', [
    (None, 'not asked'), (frozenset(), 'no'),
    (frozenset(memory.addrs('10.1.0.1:3300,10.1.0.2:6789,10.1.0.3:6789')),
     'yes'),
])
def test_monitors(cloud, answering, expected):
    cloud.site.answering = answering
    code, report = cloud.run(monitors)
    assert code == 0
    [cluster] = report['clusters']
    assert cluster['monitors'] == memory.NEW.split(',')
    out = io.StringIO()
    cloud.site.conf.command = fakes.command(format='csv')
    monitors.run(cloud.site.conf, out, io.StringIO())
    rows = out.getvalue().splitlines()[1:]
    assert len(rows) == 3
    assert all(f',{expected},' in row for row in rows)


@pytest.mark.parametrize('vm_state, soft', [
    ('active', {Operation.SOFT_REBOOT.value}), ('stopped', set())])
def test_what_breaks(cloud, vm_state, soft):
    for server in (1, 2):
        cloud.nova.tables.update('instances', 'uuid', memory.uuid(server),
                                 vm_state=vm_state)
    _, report = cloud.run(status)
    breaks = {record['store']: set(record['breaks'])
              for record in report['records']}
    assert breaks == {
        'cinder-attachment': set(), 'domain': soft,
        'nova-bdm': {Operation.START.value, Operation.HARD_REBOOT.value}}
