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

"""A complete run on real schemas and real libvirt, as a process."""

from __future__ import annotations

import pytest

from tests.cloud import documents
from tests.cloud import shape
from tests.functional import operator

ALPHA, BETA = shape.ALPHA, shape.BETA

MENDABLE = (
    shape.Server('stopped', (shape.stale('stopped'),), ALPHA.old),
    shape.Server('active', (shape.stale('one'), shape.stale('two', BETA)),
                 ALPHA.old, vm_state='active'),
    shape.Server('drifted', (
        shape.Volume('drifted', ALPHA, ALPHA.partly),)),
    shape.Server('gone', (shape.stale('gone'),), defined=False),
)


def documents_of(held):
    """Return each document that may hold monitors, keyed by its place."""
    found = {('domain', uuid): text for uuid, text in held['xml'].items()}
    for row in held['cell']['block_device_mapping']:
        found['nova-bdm', str(row['id'])] = row['connection_info']
    for row in held['cinder']['volume_attachment']:
        found['cinder-attachment', row['id']] = row['connection_info']
    return found


def with_old_as_new(text):
    """Return the expected document, made by plain text replacement.

    The function parses neither JSON nor XML: it replaces the old addresses of
    each list, old or partly old, one by one in place.
    """
    for ceph in (ALPHA, BETA):
        for old, new in zip(ceph.old, ceph.new):
            text = text.replace(f'"{old}"', f'"{new}"')
            text = text.replace(f"'{old}'", f"'{new}'")
    return text


def test_the_whole_way(any_cloud):
    admin = operator.Operator(any_cloud)
    before = admin.holds()

    status = admin.run('status', '--host', 'cmp1', '-f', 'json')
    assert status.code == 1
    dry_run = admin.run('refresh', '--host', 'cmp1', '--dry-run', '-f',
                        'json')
    assert dry_run.code == 1
    assert admin.holds() == before

    refresh = admin.run('refresh', '--host', 'cmp1', '-f', 'json')
    # A busy server and a guest that Nova does not know stay stale.
    assert refresh.code == 4, refresh.err
    run = refresh.json['run']
    after = admin.holds()
    fixed = {(row['store'], row['key']) for row in refresh.json['records']
             if row['outcome'] == 'fixed'}
    assert len(fixed) == 38
    expected = {place: with_old_as_new(text) if place in fixed else text
                for place, text in documents_of(before).items()}
    ragged, = [('nova-bdm', row['key']) for row in refresh.json['records']
               if row['store'] == 'nova-bdm'
               and len(row['monitors']) < len(row['desired'])]
    server = any_cloud.server('short-ports')
    expected[ragged] = documents.bdm_connection_info(
        server, shape.Volume('short-ports', ALPHA, ALPHA.new))
    assert documents_of(after) == expected
    assert others(after) == others(before)

    again = admin.run('refresh', '--host', 'cmp1', '-f', 'json')
    assert again.json['run'] is None
    assert admin.holds() == after

    rollback = admin.run('rollback', run, '-f', 'json')
    assert rollback.code == 0, rollback.err
    assert (operator.without_stamps(admin.holds())
            == operator.without_stamps(before))


def others(held):
    """Return all data that must not change: no documents and no times."""
    held = operator.without_stamps(held)
    del held['xml']
    for name, table in (('cell', 'block_device_mapping'),
                        ('cinder', 'volume_attachment')):
        for row in held[name][table]:
            row['connection_info'] = None
    return held


def test_a_host_that_can_be_put_right_ends_clean(build_cloud):
    admin = operator.Operator(build_cloud(MENDABLE))
    assert admin.run('refresh', '--host', 'cmp1').code == 0
    status = admin.run('status', '--host', 'cmp1', '-f', 'json')
    assert status.code == 0
    assert {row['state'] for row in status.json['records']} == {'current'}
    assert not any(row['breaks'] for row in status.json['records'])
    assert admin.run('refresh', '--host', 'cmp1', '--dry-run').code == 0


def test_status_tells_states_and_what_breaks(cloud):
    status = operator.Operator(cloud).run('status', '--host', 'cmp1', '-f',
                                          'json')
    found = {(cloud_name(cloud, row['instance']), row['store'], row['disk']):
             row for row in status.json['records']}
    stopped = found['stopped', 'nova-bdm', 'vdb']
    assert stopped['state'] == 'stale'
    assert stopped['breaks'] == ['start', 'hard-reboot', 'rescue']
    assert stopped['monitors'] == [f'{host}:6789' for host in ALPHA.old]
    assert stopped['desired'] == [f'{host}:6789' for host in ALPHA.new]
    assert found['active', 'domain', 'vdc']['desired'] == [
        f'[{host}]:6789' for host in BETA.new]
    assert found['drifted', 'nova-bdm', 'vda']['state'] == 'drifted'
    assert found['drifted', 'nova-bdm', 'vda']['breaks'] == []
    assert found['busy', 'nova-bdm', 'vda']['skip'] == 'busy'
    assert found['elsewhere', 'domain', 'vda']['skip'] == 'other-host'
    assert found['by-hand', 'domain', 'vda']['skip'] == 'unmanaged'
    assert found['by-hand', 'domain', 'vda']['breaks'] == ['start']
    for name in ('no-info', 'null-info', 'empty-info', 'broken', 'no-hosts'):
        assert found[name, 'nova-bdm', 'vda']['state'] == 'unreadable', name
    assert not any(name in ('iscsi', 'detached') for name, _, _ in found)


def cloud_name(cloud, uuid):
    return next(server.name for server in cloud.servers
                if server.uuid == uuid)


@pytest.mark.parametrize('words, servers, stores', [
    (['--instance', '{stopped}'], {'stopped'}, {
        'nova-bdm', 'cinder-attachment', 'domain', 'ceph-conf'}),
    (['--store', 'nova-bdm'], {'stopped', 'active', 'drifted', 'gone'},
     {'nova-bdm'}),
    (['--store', 'cinder-attachment', '--instance', '{gone}'], {'gone'},
     {'cinder-attachment'}),
])
def test_only_what_is_asked_for_is_written(build_cloud, words, servers,
                                           stores):
    cloud = build_cloud(MENDABLE)
    admin = operator.Operator(cloud)
    before = documents_of(admin.holds())
    uuids = {server.name: server.uuid for server in cloud.servers}
    done = admin.run('refresh', '--host', 'cmp1', '-f', 'json',
                     *(word.format(**uuids) for word in words))
    assert done.code == 0
    records = done.json['records']
    assert {cloud_name(cloud, row['instance']) for row in records} == servers
    assert {row['store'] for row in records} == stores
    after = documents_of(admin.holds())
    assert ({place for place in after if after[place] != before[place]}
            == {(row['store'], row['key']) for row in records
                if row['outcome']})


def test_more_changes_than_expected_are_refused(build_cloud):
    admin = operator.Operator(build_cloud(MENDABLE))
    before = admin.holds()
    done = admin.run('refresh', '--host', 'cmp1', '--max-changes', '3')
    assert done.code == 3
    assert '--max-changes 3' in done.err
    assert not done.out
    assert admin.holds() == before


def test_all_hosts(cloud):
    admin = operator.Operator(cloud)
    found = admin.run('status', '--all-hosts', '-f', 'json').json['records']
    elsewhere = cloud.server('elsewhere').uuid
    assert {(row['host'], row['skip']) for row in found
            if row['instance'] == elsewhere} == {('cmp2', None)}
    by_hand = cloud.server('by-hand').uuid
    assert [row['host'] for row in found
            if row['instance'] == by_hand] == ['cmp1']


def test_no_secret_is_told(cloud):
    """No report, no --debug log and no journal contains a secret."""
    admin = operator.Operator(cloud)
    told = [admin.run('--debug', *words) for words in (
        ('status', '--host', 'cmp1'), ('refresh', '--host', 'cmp1'),
        ('journal', 'list'))]
    texts = [text for answer in told for text in (answer.out, answer.err)]
    texts += [path.read_text() for path in
              (cloud.folder / 'journal' / 'runs').iterdir()]
    held = repr(admin.holds())
    for secret in ('c2VzYW1lLW9wZW4=', 'sesame'):
        assert secret in held, 'the cloud has none to be told'
        assert not any(secret in text for text in texts)
