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

"""Supported deployments: split deployments, hosts without OpenStack."""

from __future__ import annotations

import json
import sys

import pytest

from tests.cloud import shape
from tests.functional import nova_api_server
from tests.functional import operator

ALPHA = shape.ALPHA
SERVERS = (
    shape.Server('one', (shape.stale('one'), shape.stale('b', shape.BETA)),
                 ALPHA.old),
    shape.Server('busy', (shape.stale('busy'),), task_state='rebooting'),
    shape.Server('by-hand', root=ALPHA.old[:1], managed=False),
)


def states(answer, cloud):
    names = {server.uuid: server.name for server in cloud.servers}
    return {(names[row['instance']], row['disk']): (row['state'],
                                                    row['skip'])
            for row in answer.json['records']}


def compute_host(cloud, extra=''):
    """Return an operator on a compute host: no databases, no cinder.conf."""
    admin = operator.Operator(cloud)
    monitors = cloud.folder / 'monitors.json'
    monitors.write_text(admin.run('monitors', '-f', 'json').out)
    nova = cloud.folder / 'compute-nova.conf'
    text = (cloud.folder / 'nova.conf').read_text()
    nova.write_text('\n'.join(line for line in text.splitlines()
                              if not line.startswith('connection =')))
    config = cloud.folder / 'compute.conf'
    config.write_text(
        f'[DEFAULT]\nnova_config_file = {nova}\noffline = true\n'
        f'libvirt_uri = {cloud.libvirt_uri}\n'
        f'monitors_file = {monitors}\n'
        f'journal_dir = {cloud.folder}/compute-journal\n{extra}')
    return operator.Operator(cloud, config)


def test_split_by_libvirt_alone(build_cloud):
    """Without Nova's API, rbd-mon-fix cannot tell which server is busy."""
    cloud = build_cloud(SERVERS)
    compute = compute_host(cloud)
    stale = compute.run('status', '--host', 'cmp1', '-f', 'json')
    assert states(stale, cloud) == {
        ('one', 'vda'): ('stale', None), ('one', 'vdb'): ('stale', None),
        ('one', 'vdc'): ('stale', None), ('busy', 'vda'): ('stale', None),
        # The ceph.conf with which its own disk is opened.
        ('one', None): ('current', None),
        ('by-hand', 'vda'): ('stale', 'unmanaged')}
    assert compute.run('refresh', '--host', 'cmp1').code == 4
    status = compute.run('status', '--host', 'cmp1', '-f', 'json')
    assert {key for key, (state, _) in states(status, cloud).items()
            if state != 'current'} == {('by-hand', 'vda')}


NOVA = '''
[nova]
auth_type = password
auth_url = {url}/identity
username = admin
password = Adm1n-Secret
project_name = admin
user_domain_name = Default
project_domain_name = Default
'''


@pytest.fixture
def nova_api():
    with nova_api_server.NovaApiServer() as running:
        running.cloud.hosts = list(shape.HOSTS)
        running.cloud.add(*(
            nova_api_server.Server(
                server.uuid, server.host, server.name, server.vm_state,
                server.task_state) for server in SERVERS if server.managed))
        yield running


def test_split_with_novas_api(build_cloud, nova_api):
    cloud = build_cloud(SERVERS)
    compute = compute_host(cloud, NOVA.format(url=nova_api.url))
    done = compute.run('refresh', '--host', 'cmp1', '--lock', '-f', 'json')
    assert done.code == 4, done.err
    assert states(done, cloud)['busy', 'vda'] == ('stale', 'busy')
    after = states(compute.run('status', '--host', 'cmp1', '-f', 'json'),
                   cloud)
    assert after['one', 'vdc'] == ('current', None)
    assert after['busy', 'vda'] == ('stale', 'busy')
    actions = [(exchange.path.split('/')[-2], *exchange.body)
               for exchange in nova_api.cloud.exchanges
               if exchange.path.endswith('/action')]
    uuid = cloud.server('one').uuid
    assert actions == [(uuid, 'lock'), (uuid, 'unlock')]


def test_a_killed_run_leaves_no_lock_for_long(build_cloud, nova_api):
    cloud = build_cloud(SERVERS)
    compute = compute_host(cloud, NOVA.format(url=nova_api.url))
    # The head, the record of the lock, the lock, begin and its write.
    compute.run('refresh', '--host', 'cmp1', '--lock', program=[
        sys.executable, '-m', 'tests.functional.killed', '6'])
    server = nova_api.cloud.servers[cloud.server('one').uuid]
    assert server.locked
    assert compute.run('refresh', '--host', 'cmp1').code == 4
    assert not server.locked


def test_the_controller_does_the_databases(build_cloud):
    cloud = build_cloud(SERVERS)
    admin = operator.Operator(cloud)
    xml = admin.holds()['xml']
    operator.set_option(cloud.config_file, 'qemu:///embed?root=',
                        'qemu+unix:///system?socket=/nowhere/')
    done = admin.run('refresh', '--host', 'cmp1', '--store', 'nova-bdm',
                     '--store', 'cinder-attachment', '-f', 'json')
    assert {row['outcome'] for row in done.json['records']
            if row['skip'] is None} == {'fixed'}
    assert admin.holds()['xml'] == xml


def plain_host(cloud, extra=''):
    """Return an operator on a libvirt host without any OpenStack."""
    config = cloud.folder / 'plain.conf'
    config.write_text(
        '[DEFAULT]\noffline = true\n'
        f'former_monitors = {ALPHA.fsid} {" ".join(ALPHA.old)}\n'
        'nova_config_file =\ncinder_config_file =\n'
        f'libvirt_uri = {cloud.libvirt_uri}\n'
        f'journal_dir = {cloud.folder}/plain-journal\n'
        f'[ceph]\nconf = {cloud.folder}/ceph/a.conf\n{extra}')
    return operator.Operator(cloud, config)


BY_HAND = (shape.Server('web', root=ALPHA.old, managed=False),
           shape.Server('db', root=ALPHA.old[:1], managed=False))


def test_a_plain_host(build_cloud):
    cloud = build_cloud(BY_HAND)
    plain = plain_host(cloud)
    before = plain.holds()
    left = plain.run('refresh')
    assert left.code == 4 and 'unmanaged' in left.out
    assert plain.holds() == before

    done = plain.run('refresh', '--unmanaged', '-f', 'json')
    assert done.code == 0, done.err
    assert plain.run('status', '--unmanaged').code == 0
    for xml in plain.holds()['xml'].values():
        assert all(f"<host name='{host}' port='6789'/>" in xml
                   for host in ALPHA.new)
    assert plain.run('rollback', done.json['run']).code == 0
    assert plain.holds() == before


@pytest.mark.parametrize('extra', [
    '', f'secret_uuid = {ALPHA.secret_uuid}\n',
    # A secret that is not the guests' does not outweigh the addresses.
    f'secret_uuid = {shape.BETA.secret_uuid}\n'])
def test_a_plain_host_with_guests_of_two_clusters(build_cloud, extra):
    """Addresses tell the clusters apart, with one secret or two."""
    other = shape.Server('other', (shape.stale('other', shape.BETA),),
                         managed=False)
    cloud = build_cloud((*BY_HAND, other))
    told = plain_host(cloud, extra).run('status', '--unmanaged', '-f', 'json')
    assert states(told, cloud) == {
        ('web', 'vda'): ('stale', None), ('db', 'vda'): ('stale', None),
        ('other', 'vda'): ('unknown-cluster', 'unknown-cluster')}
    kinds = {row['image']: row['evidence']['kind']
             for row in told.json['records']}
    assert sorted(kinds.values()) == ['not-found', 'stated', 'stated']


def test_monitors_round_trip(cloud):
    admin = operator.Operator(cloud)
    operator.ask_clusters(cloud)
    first = admin.run('monitors', '-f', 'json')
    path = cloud.folder / 'monitors.json'
    path.write_text(first.out)
    again = admin.run('--monitors-file', str(path), 'monitors', '-f', 'json')
    assert first.code == again.code == 1
    assert [{**cluster, 'source': cluster['first_source'],
             'first_source': None}
            for cluster in again.json['clusters']] == first.json['clusters']
    assert json.loads(first.out)['clusters'][1]['monitors'] == [
        f'[{host}]:6789' for host in shape.BETA.new]


@pytest.mark.parametrize('template', [False, True])
def test_a_host_is_found_in_its_cell(build_cloud, template):
    """[database] of nova.conf points to cell0, as on most controllers."""
    cloud = build_cloud(SERVERS[:1], on='mariadb')
    url = cloud.databases.cell
    if template:
        name = url.rsplit('/', 1)[1].split('?')[0]
        url = '{scheme}://{username}:{password}@{hostname}:{port}/' + name
    operator.execute(
        cloud.databases.api, 'UPDATE cell_mappings SET database_connection ='
        " :url WHERE uuid <> '00000000-0000-0000-0000-000000000000'",
        url=url)
    status = operator.Operator(cloud).run('status', '--host', 'cmp1', '-f',
                                          'json')
    assert status.code == 1, status.err
    assert {row['store'] for row in status.json['records']} == {
        'nova-bdm', 'cinder-attachment', 'domain', 'ceph-conf'}


def test_one_host_that_is_down_does_not_stop_the_others(cloud):
    """No libvirt listens at cmp2's URI.

    A process has room for one embedded libvirt at a time.
    """
    admin = operator.Operator(cloud)
    (cloud.folder / 'cmp1').symlink_to(cloud.libvirt_root)
    (cloud.folder / 'cmp2').write_text('')
    operator.set_option(cloud.config_file, '/libvirt\n', '/{host}\n')
    operator.set_option(cloud.folder / 'nova.conf', '/libvirt\n',
                        '/{host}\n')
    done = admin.run('refresh', '--all-hosts', '--parallel', '1',
                     '-f', 'json')
    assert done.code == 5
    assert 'Skipping host cmp2:' in done.err
    assert {row['host'] for row in done.json['records']} == {'cmp1'}
    assert 'fixed' in {row['outcome'] for row in done.json['records']}
