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

"""Saved plans and their rollback, as processes on a real database."""

from __future__ import annotations

import json
import stat

import pytest

from tests.cloud import documents
from tests.cloud import domains
from tests.cloud import shape
from tests.functional import guests
from tests.functional import operator
from tests.functional import releases

ALPHA = shape.ALPHA
KEYRING, = (server for server in shape.standard()
            if server.name == 'keyring')
SERVERS = (
    shape.Server('stopped', (shape.stale('stopped'),), ALPHA.old),
    shape.Server('active', (shape.stale('active'),), vm_state='active'),
    KEYRING)
# The VNC password in the domains, and the key in a row.
SECRETS = ('s3cret', 'c2VzYW1lLW9wZW4=')
UPDATE = ('UPDATE block_device_mapping SET connection_info = :text '
          'WHERE id = :id')


@pytest.fixture(params=releases.ENGINES)
def cloud(request, build_cloud):
    cloud = build_cloud(SERVERS, on=request.param)
    domains.define(cloud.libvirt_root, [
        documents.domain_xml(server).replace(
            '</devices>', f'{guests.VNC}</devices>') for server in SERVERS])
    return cloud


def rows(cloud):
    return {row['id']: row for row in operator.rows(cloud.databases.cell)[
        'block_device_mapping'] if row['connection_info']}


def test_a_plan_is_saved_refused_carried_out_and_taken_back(cloud):
    admin = operator.Operator(cloud)
    path = cloud.folder / 'plan.json'
    before = admin.holds()
    assert all(secret in json.dumps(before, default=str)
               for secret in SECRETS)

    saved = admin.run('refresh', '--host', 'cmp1', '--dry-run',
                      '--save-plan', str(path))
    assert saved.code == 1, saved.err
    assert admin.holds() == before
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not any(secret in path.read_text() for secret in SECRETS)
    plan = json.loads(path.read_text())
    assert f'Digest {plan["digest"]}.' in saved.out
    planned = {(change['store'], change['key'])
               for change in plan['changes']}
    # An attachment, a row and a domain of each server.
    assert len(planned) == 9

    row = next(row for row in rows(cloud).values()
               if row['instance_uuid'] == SERVERS[1].uuid)
    write(cloud, row, row['connection_info'] + ' ')
    by_hand = admin.holds()
    for words in ((), ('--dry-run',)):
        refused = admin.run('refresh', '--plan', str(path), *words)
        assert refused.code == 3
        assert (f'no longer holds: nova-bdm vda of server {SERVERS[1].uuid} '
                'on cmp1 has changed since.') in refused.err
        assert admin.holds() == by_hand
    write(cloud, row, row['connection_info'])

    done = admin.run('refresh', '--plan', str(path), '-f', 'json')
    assert done.code == 0, done.err
    assert {(record['store'], record['key'])
            for record in done.json['records']
            if record['outcome'] == 'fixed'} == planned
    after = admin.holds()

    back = admin.run('rollback', done.json['run'], '--dry-run', '-f', 'json')
    assert back.code == 0, back.err
    assert {record['state'] for record in back.json['records']} == {
        'current'}
    assert back.json['summary']['would_not_start'] == 0
    assert admin.holds() == after
    table = admin.run('rollback', done.json['run'], '--dry-run')
    assert 'Digest ' in table.out

    undone = admin.run('rollback', done.json['run'])
    assert undone.code == 0, undone.err
    assert operator.without_stamps(admin.holds()) == operator.without_stamps(
        before)
    # All is as it was, so the plan holds again.
    again = admin.run('refresh', '--plan', str(path), '--dry-run')
    assert (again.code, plan['digest'] in again.out) == (1, True)


def write(cloud, row, text):
    operator.execute(cloud.databases.cell, UPDATE, text=text, id=row['id'])


def test_the_files_of_other_users_are_left_alone(cloud):
    admin = operator.Operator(cloud)
    link = cloud.folder / 'link'
    target = cloud.folder / 'target'
    target.write_text('kept')
    link.symlink_to(target)
    for path in (link, '/dev/null', '/dev/stdout', cloud.folder):
        refused = admin.run('refresh', '--host', 'cmp1', '--dry-run',
                            '--save-plan', str(path))
        assert refused.code == 2
        assert f'{path}: it is not a regular file.' in refused.err
    assert (link.is_symlink(), target.read_text()) == (True, 'kept')
