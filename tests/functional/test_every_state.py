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

"""Complete runs, as a process, with suspended and rescued servers."""

from __future__ import annotations

import sys

import pytest

from tests.cloud import documents
from tests.cloud import shape
from tests.functional import operator
from tests.functional import suspending

ALPHA = shape.ALPHA
SERVERS = (
    shape.Server('rescued', (shape.stale('rescued'),), ALPHA.old,
                 vm_state='rescued'),
    shape.Server('suspended', (shape.stale('suspended'),), ALPHA.old,
                 vm_state='suspended'),
    shape.Server('own', root=ALPHA.old),
    shape.Server('saved', root=ALPHA.old, managed=False),
    shape.Server('current', (shape.Volume('current', ALPHA, ALPHA.new),),
                 vm_state='active'),
)


@pytest.fixture
def cloud(build_cloud):
    cloud = build_cloud(SERVERS)
    suspending.suspend(
        cloud.libvirt_root, cloud.folder / 'disks',
        [documents.domain_xml(cloud.server(name))
         for name in ('suspended', 'saved')])
    path = unrescue(cloud)
    path.parent.mkdir(parents=True)
    path.write_text(documents.domain_xml(cloud.server('rescued')))
    return cloud


def unrescue(cloud):
    return (cloud.folder / 'nova' / 'instances'
            / cloud.server('rescued').uuid / 'unrescue.xml')


def holds(cloud):
    return {**operator.without_stamps(operator.Operator(cloud).holds()),
            'images': suspending.dump(cloud.libvirt_root),
            'unrescue': unrescue(cloud).read_text()}


def breaks(cloud, answer):
    names = {server.uuid: server.name for server in cloud.servers}
    return {(names[row['instance']], row['store'], row['disk']): ' '.join(
        row['breaks']) for row in answer.json['records'] if row['breaks']}


def test_the_whole_way(cloud):
    admin = operator.Operator(cloud)
    before = holds(cloud)
    status = admin.run('status', '--host', 'cmp1', '--unmanaged', '-f',
                       'json')
    assert breaks(cloud, status) == {
        ('rescued', 'nova-bdm', 'vdb'): 'start',
        ('rescued', 'unrescue', 'vda'): 'unrescue',
        ('rescued', 'unrescue', 'vdb'): 'unrescue',
        ('suspended', 'nova-bdm', 'vdb'): 'hard-reboot',
        ('suspended', 'managed-save', 'vda'): 'resume',
        ('suspended', 'managed-save', 'vdb'): 'resume',
        ('own', 'domain', 'vda'): 'rescue',
        ('saved', 'managed-save', 'vda'): 'start',
    }
    assert status.json['summary']['hosts'] == {
        'cmp1': {'reached': True, 'reason': None, 'servers': 5,
                 'would_not_come_back': 3, 'not_judged': 0}}

    done = admin.run('refresh', '--host', 'cmp1', '--unmanaged', '-f', 'json')
    assert done.code == 0, done.err
    assert {row['outcome'] for row in done.json['records']} == {'fixed',
                                                                None}
    after = holds(cloud)
    for text in (after['unrescue'], *after['images'].values()):
        assert not any(f"'{host}'" in text for host in ALPHA.old)
        assert all(f"'{host}'" in text for host in ALPHA.new)
    again = admin.run('status', '--host', 'cmp1', '--unmanaged', '-f', 'json')
    assert (again.code, breaks(cloud, again)) == (0, {})

    rollback = admin.run('rollback', done.json['run'])
    assert rollback.code == 0, rollback.err
    assert holds(cloud) == before


def test_the_table_says_what_would_not_come_back(cloud):
    told = operator.Operator(cloud).run('status', '--host', 'cmp1').out
    first, _, heading, *rows = told.splitlines()
    assert first == ('cmp1: 3 of 5 servers would not come back if the power '
                     'failed now.')
    assert heading.split() == ['SERVER', 'IS', 'WOULD', 'FAIL', 'COPIES']
    words = {line.split()[1]: line for line in rows[:5]}
    assert '  hard resume  ' in words['suspended']
    assert '  start unrescue  ' in words['rescued']


def test_a_killed_run_is_settled(cloud):
    """Wherever the run is killed, the same command ends in the right state."""
    admin = operator.Operator(cloud)
    words = ('refresh', '--host', 'cmp1', '--unmanaged')
    for moment in range(5, 25, 4):
        killed = admin.run(*words, program=[
            sys.executable, '-m', 'tests.functional.killed', str(moment)])
        if killed.code >= 0:
            break
    assert moment > 5
    assert admin.run(*words).code == 0
    status = admin.run('status', '--host', 'cmp1', '--unmanaged')
    assert status.code == 0, status.out


def test_another_host_s_files_are_not_at_hand(cloud):
    admin = operator.Operator(cloud)
    for words in (['--host', 'cmp2'], ['--host', 'cmp1', '--host', 'cmp2']):
        done = admin.run('status', '--store', 'unrescue', '-f', 'json',
                         *words)
        if 'cmp1' in words:
            assert {row['host'] for row in done.json['records']} == {'cmp1'}
        else:
            assert done.code == 2
            assert 'this machine (cmp1) is not a selected host' in done.err
    assert 'unrescue' not in admin.run('status', '--host', 'cmp2').err
