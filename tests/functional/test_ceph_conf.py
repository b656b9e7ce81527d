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

"""The compute host's ceph.conf, on real schemas and real libvirt."""

from __future__ import annotations

import pytest

from tests.cloud import shape
from tests.functional import operator

ALPHA = shape.ALPHA
HOST = ('--host', 'cmp1')
SERVERS = (
    shape.Server('own', root=ALPHA.new),
    shape.Server('both', (shape.Volume('both', ALPHA, ALPHA.new),), ALPHA.new,
                 vm_state='active'),
    shape.Server('volume', (shape.Volume('volume', ALPHA, ALPHA.new),)),
    shape.Server('by-hand', root=ALPHA.new, managed=False),
)


@pytest.fixture
def cloud(build_cloud):
    return build_cloud(SERVERS)


def conf(cloud):
    return cloud.folder / 'ceph' / f'{ALPHA.name}.conf'


def name_monitors(cloud, hosts):
    conf(cloud).write_text(f'[global]\nfsid = {ALPHA.fsid}\n'
                           f'mon_host = {",".join(hosts)}\n')


def screen(answer):
    """Return a report without its line breaks."""
    return ' '.join(answer.out.split())


def rows(cloud, answer):
    """Return state, skip and what breaks, by server."""
    names = {server.uuid: server.name for server in cloud.servers}
    return {names[row['instance']]: (
        row['state'], row['skip'], ' '.join(row['breaks']))
        for row in answer.json['records'] if row['store'] == 'ceph-conf'}


@pytest.mark.parametrize('hosts', [ALPHA.new, ALPHA.new[1:2]])
def test_a_right_file(cloud, hosts):
    name_monitors(cloud, hosts)
    status = operator.Operator(cloud).run('status', *HOST, '-f', 'json')
    assert status.code == 0, status.err
    assert rows(cloud, status) == dict.fromkeys(
        ('own', 'both'), ('current', None, ''))


def test_a_stale_file_breaks_each_server_and_is_told_once(cloud):
    admin = operator.Operator(cloud)
    name_monitors(cloud, ALPHA.old)
    text = conf(cloud).read_text()
    status = admin.run('status', *HOST, '-f', 'json')
    assert status.code == 1, status.err
    fails = 'start hard-reboot rescue snapshot'
    assert rows(cloud, status) == dict.fromkeys(
        ('own', 'both'), ('stale', 'config-file', fails))
    assert status.json['summary']['hosts']['cmp1'][
        'would_not_come_back'] == 2
    told = screen(admin.run('status', *HOST, COLUMNS='200'))
    assert '2 of 4 servers would not come back' in told
    assert told.count(f'Correct mon_host in {conf(cloud)}') == 1
    assert 'refresh never writes it.' in told

    refresh = admin.run('refresh', *HOST, COLUMNS='200')
    assert refresh.code == 4, refresh.err
    assert screen(refresh).count(f'Correct mon_host in {conf(cloud)}') == 1
    assert conf(cloud).read_text() == text
    name_monitors(cloud, ALPHA.new)
    assert admin.run('refresh', *HOST).code == 0


def test_one_right_address_is_enough(cloud):
    admin = operator.Operator(cloud)
    name_monitors(cloud, ALPHA.partly)
    status = admin.run('status', *HOST, '-f', 'json')
    assert (status.code, rows(cloud, status)) == (1, dict.fromkeys(
        ('own', 'both'), ('drifted', 'config-file', '')))
    assert admin.run('refresh', *HOST).code == 0


def test_only_it(cloud):
    admin = operator.Operator(cloud)
    name_monitors(cloud, ALPHA.old)
    status = admin.run('status', *HOST, '--store', 'ceph-conf', '-f', 'json')
    assert {row['store'] for row in status.json['records']} == {'ceph-conf'}
    assert len(status.json['records']) == 2
    refused = admin.run('refresh', *HOST, '--store', 'ceph-conf')
    assert (refused.code, 'never changed' in refused.err) == (2, True)


def test_its_own_list_is_no_evidence(cloud):
    """Offline, without a monitors file, only ceph.confs tell the monitors."""
    operator.ask_clusters(cloud)
    name_monitors(cloud, ALPHA.old)
    status = operator.Operator(cloud).run('status', *HOST, '-f', 'json')
    assert rows(cloud, status) == {}


@pytest.mark.parametrize('old, new, words', [
    ('images_type = rbd', 'images_type = qcow2', HOST),
    ('host = cmp1', 'host = cmp2', HOST)])
def test_a_host_that_does_not_read_it(cloud, old, new, words):
    name_monitors(cloud, ALPHA.old)
    operator.set_option(cloud.folder / 'nova.conf', old, new)
    admin = operator.Operator(cloud)
    status = admin.run('status', *words, '-f', 'json')
    assert rows(cloud, status) == {}
    only = admin.run('status', *words, '--store', 'ceph-conf')
    assert (only.code, 'not available here' in only.err) == (2, True)
