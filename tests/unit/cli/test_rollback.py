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

"""The report and the exit code of ``rollback``."""

from __future__ import annotations

import io
import json

import pytest

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import refresh
from rbd_mon_fix.cli import rollback
from tests.unit import memory
from tests.unit import worlds


@pytest.fixture
def made(run):
    """Return a run that corrected host cmp1."""
    return run(refresh)[1]['run']


def test_what_changed_since_is_left_alone(cloud, run, made):
    theirs = cloud.nova.text(1, hosts=['10.7.0.1'], ports=['6789'])
    cloud.nova.tables.update('block_device_mapping', 'id', 1,
                             connection_info=theirs)
    code, report, _ = run(rollback, run=made)
    assert code == 4
    [left] = [record for record in report['records'] if record['skip']]
    assert (left['store'], left['skip']) == ('nova-bdm', 'changed')
    rows = cloud.nova.everything()['block_device_mapping']
    assert rows[0]['connection_info'] == theirs


def test_servers_that_are_gone_or_moved_are_left_alone(cloud, run, made):
    cloud.nova.tables.update('instances', 'uuid', memory.uuid(1),
                             host='cmp2')
    before = cloud.everything()
    code, report, _ = run(rollback, run=made)
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


def test_an_unknown_run(run):
    with pytest.raises(exceptions.ConfigError, match='no run none'):
        run(rollback, run='none')


def test_a_store_that_is_lost(cloud, made, monkeypatch):
    def lost(xml):
        raise exceptions.Unreachable('Down.')

    monkeypatch.setattr(cloud.domains('cmp1'), 'define', lost)
    monkeypatch.setattr(engine, 'Context', cloud.opened)
    out = io.StringIO()
    with pytest.raises(exceptions.Unreachable):
        rollback.run(cloud.conf(worlds.command(run=made)), out,
                     io.StringIO())
    report = json.loads(out.getvalue())
    assert {(record['store'], record['outcome'])
            for record in report['records']} == {
        ('cinder-attachment', 'fixed'), ('nova-bdm', 'fixed'),
        ('domain', None)}
