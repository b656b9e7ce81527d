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

"""Copies that rbd-mon-fix cannot correct are reported and left alone."""

from __future__ import annotations

import json

import pytest

from tests.cloud import shape
from tests.functional import operator

ALPHA = shape.ALPHA
SERVERS = (shape.Server('one', (shape.stale('one'),)),
           shape.Server('two', (shape.stale('two'),)))
STATUS = ('status', '--host', 'cmp1', '-f', 'json')


def findings(answer):
    return [(each['kind'], each['subject'].split()[1])
            for each in answer.json['findings']]


@pytest.mark.parametrize('release', ['nova-26', 'nova-latest'])
def test_nothing_to_say(build_cloud, release):
    status = operator.Operator(build_cloud(SERVERS, release)).run(*STATUS)
    assert (status.json['findings'], status.code) == ([], 1)
    assert status.json['summary']['findings'] == 0


def test_shares(build_cloud):
    cloud = build_cloud(SERVERS)
    stale = ','.join(f'{host}:6789' for host in ALPHA.old)
    partly = ','.join(f'{host}:6789' for host in ALPHA.partly)
    right = ','.join(f'{host}:6789' for host in ALPHA.new[:2])
    for number, (name, proto, place) in enumerate((
            ('stale', 'CEPHFS', f'{stale}:/a'),
            ('partly', 'CEPHFS', f'{partly}:/a'),
            ('right', 'CEPHFS', f'{right}:/a'),
            ('nfs', 'NFS', '192.0.2.11:/a'),
            ('broken', 'CEPHFS', 'nothing'))):
        operator.execute(
            cloud.databases.cell,
            'INSERT INTO share_mapping (id, uuid, instance_uuid, share_id, '
            'tag, export_location, share_proto) VALUES '
            '(:id, :name, :server, :name, :name, :place, :proto)',
            id=number, name=name, server=SERVERS[0].uuid, place=place,
            proto=proto)
    admin = operator.Operator(cloud)
    status = admin.run(*STATUS)
    assert findings(status) == [('cephfs-share', 'partly'),
                                ('cephfs-share', 'stale')]
    partly, stale = status.json['findings']
    assert partly['desired'] == [f'{host}:6789' for host in ALPHA.new]
    assert stale['desired'] == []
    assert status.json['summary']['findings'] == 2
    table = admin.run('status', '--host', 'cmp1').out
    assert '  FINDINGS' in table.splitlines()
    assert 'share stale of server' in table
    other = admin.run(*STATUS, '--instance', SERVERS[1].uuid)
    assert findings(other) == []


@pytest.mark.parametrize('column, value', [
    ('status', 'retyping'), ('migration_status', 'migrating'),
    ('migration_status', 'completing'), ('migration_status', 'target:x')])
def test_a_volume_that_moves_is_left_alone(build_cloud, column, value):
    cloud = build_cloud(SERVERS)
    volume = SERVERS[0].volumes[0].id
    operator.execute(cloud.databases.cinder,
                     f'UPDATE volumes SET {column} = :value WHERE id = :id',
                     value=value, id=volume)
    admin = operator.Operator(cloud)
    assert findings(admin.run(*STATUS)) == [('volume-move', volume)]
    refresh = admin.run('refresh', '--host', 'cmp1', '-f', 'json')
    assert refresh.code == 4
    assert {(row['instance'], row['skip'])
            for row in refresh.json['records']
            if row['store'] != 'live-domain'} == {
        (SERVERS[0].uuid, 'busy'), (SERVERS[1].uuid, None)}
    assert all('Cinder is moving the volume' in row['reason']
               for row in refresh.json['records'] if row['skip'] == 'busy')

    operator.execute(cloud.databases.cinder,
                     "UPDATE volumes SET status = 'in-use', "
                     "migration_status = 'success'")
    assert admin.run('refresh', '--host', 'cmp1').code == 0


def test_a_cluster_that_was_swapped(build_cloud):
    cloud = build_cloud(SERVERS)
    admin = operator.Operator(cloud)
    kept = cloud.folder / 'journal' / 'clusters.json'
    backend = {'owner': 'cinder', 'name': 'rbd-a', 'pool': ALPHA.pool,
               'user': 'cinder', 'secret_uuid': None, 'fsid': 'before'}
    kept.write_text(json.dumps({'version': 1, 'backends': [backend]}))
    before = admin.holds()
    dry_run = admin.run('refresh', '--host', 'cmp1', '--dry-run')
    assert dry_run.code == 3
    assert 'would be refused' in dry_run.err
    refresh = admin.run('refresh', '--host', 'cmp1')
    assert (refresh.code, refresh.out) == (3, '')
    assert 'before' in refresh.err and str(kept) in refresh.err
    assert admin.holds() == before
    assert json.loads(kept.read_text())['backends'] == [backend]

    kept.unlink()
    assert admin.run('refresh', '--host', 'cmp1').code == 0
    # Offline: an fsid that only ceph.conf states is not learnt.
    assert not kept.exists()


def test_a_cluster_is_learnt_from_itself(build_cloud, tmp_path):
    cloud = build_cloud(SERVERS)
    operator.set_option(cloud.config_file, 'offline = true', '')
    operator.ask_clusters(cloud)
    operator.set_option(
        cloud.config_file, '[DEFAULT]', '[DEFAULT]\nformer_monitors = '
        f'{ALPHA.fsid} {" ".join(ALPHA.old)}')
    program = tmp_path / 'ceph'
    mons = [{'rank': number, 'name': str(number), 'addr': f'{host}:6789/0'}
            for number, host in enumerate(ALPHA.new)]
    dump = json.dumps({'fsid': ALPHA.fsid, 'mons': mons})
    program.write_text(f"#!/bin/sh\ncase \"$*\" in *a.conf*) echo '{dump}'"
                       ';; *) exit 1;; esac\n')
    program.chmod(0o755)
    path = f'{tmp_path}:/usr/bin:/bin'
    admin = operator.Operator(cloud)
    # None of the monitors answers, so a guard refuses and nothing is learnt.
    assert admin.run('refresh', '--host', 'cmp1', PATH=path).code == 3
    kept = cloud.folder / 'journal' / 'clusters.json'
    assert not kept.exists()
    operator.set_option(cloud.config_file, '[DEFAULT]',
                        '[DEFAULT]\noffline = true')
    assert admin.run('refresh', '--host', 'cmp1', PATH=path).code == 0
    operator.set_option(cloud.config_file, 'offline = true', '')
    assert admin.run('refresh', '--host', 'cmp1', PATH=path).code == 0
    learnt = json.loads(kept.read_text())['backends']
    assert {(each['owner'], each['name'], each['fsid'])
            for each in learnt} == {('cinder', 'rbd-a', ALPHA.fsid),
                                    ('nova', '', ALPHA.fsid)}
