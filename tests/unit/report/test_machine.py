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

from __future__ import annotations

import csv
import io
import json

import pytest
import yaml

from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import schema
from tests import schemas
from tests.unit.report import sample

STATUS, REFRESH = schema.Kind.STATUS, schema.Kind.REFRESH
MANY = [sample.current(1), sample.stale(2), sample.busy(3, host='cmp2'),
        sample.unreadable(4)]
SIZES = pytest.mark.parametrize('servers', [[], MANY[1:2], MANY],
                                ids=['none', 'one', 'many'])


def text(fmt, *args, **kwargs):
    stream = io.StringIO()
    sample.written(fmt, stream, *args, **kwargs)
    if fmt == 'json':
        schemas.check(args[0].value, json.loads(stream.getvalue()))
    return stream.getvalue()


def expected(kind, servers, done=None):
    return [row for copies in servers
            for row in schema.rows(kind, copies, done)]


def test_contract_of_a_whole_document():
    copies = sample.stale(2)[1:]
    done = {**sample.outcomes(copies[:1]),
            **sample.outcomes(copies[1:], Verdict.CONFLICT, 'It changed.')}
    document = json.loads(text('json', REFRESH, [copies], done, 'r1'))
    summary = document.pop('summary')
    common = {
        'host': 'cmp1', 'instance': sample.uuid(2), 'name': 'web-2',
        'vm_state': 'stopped', 'task_state': None, 'key': '7',
        'disk': 'vda', 'image': 'vms/root',
        'cluster': 'ceph', 'monitors': ['10.0.0.1:6789', '[fd00::1]:6789'],
        'desired': ['10.1.0.1:6789', '[fd01::1]:6789'], 'state': 'stale',
        'skip': None, 'evidence': None, 'shielded': False}

    assert document == {
        'version': 2,
        'clusters': [schema.cluster(sample.CLUSTER,
                                    frozenset(sample.NEW))],
        'records': [
            {**common, 'store': 'nova-bdm',
             'breaks': ['start', 'hard-reboot'], 'reason': None,
             'outcome': 'fixed'},
            {**common, 'store': 'domain', 'breaks': ['soft-reboot'],
             'reason': 'It changed.', 'outcome': 'conflict'}],
        'findings': [], 'run': 'r1'}
    assert summary == schema.summary(sample.summary([copies], done))


def test_contract_of_what_cannot_be_read():
    record, = json.loads(text('json', STATUS, MANY[3:]))['records']

    assert record == {
        'host': 'cmp1', 'instance': sample.uuid(4), 'name': 'web-4',
        'vm_state': 'stopped', 'task_state': None, 'store': 'nova-bdm',
        'key': '7', 'disk': 'vda', 'image': None,
        'cluster': None, 'monitors': [], 'desired': [],
        'state': 'unreadable', 'skip': 'unreadable', 'breaks': [],
        'reason': 'It is no JSON.', 'evidence': None,
        'shielded': False}


@SIZES
@pytest.mark.parametrize('fmt, load', [
    ('json', json.loads), ('yaml', yaml.safe_load)])
def test_documents_of_any_length(fmt, load, servers):
    document = load(text(fmt, STATUS, servers))

    assert list(document) == ['version', 'clusters', 'records', 'findings',
                              'summary']
    assert document['records'] == expected(STATUS, servers)
    assert document['summary'] == schema.summary(sample.summary(servers))


@SIZES
@pytest.mark.parametrize('fmt, load', [
    ('json', json.loads), ('yaml', yaml.safe_load)])
@pytest.mark.parametrize('count', [0, 1, 2])
def test_findings_follow_the_records(fmt, load, servers, count):
    document = load(text(fmt, STATUS, servers,
                         findings=[sample.FINDING] * count))

    assert document['records'] == expected(STATUS, servers)
    assert document['findings'] == [schema.finding(sample.FINDING)] * count
    assert document['summary']['findings'] == count


@pytest.mark.parametrize('fmt, load', [
    ('json', json.loads), ('yaml', yaml.safe_load)])
@pytest.mark.parametrize('kind', schema.Kind)
def test_who_has_the_key_findings(fmt, load, kind):
    assert ('findings' in load(text(fmt, kind, []))) is (
        kind in (STATUS, schema.Kind.REFRESH))


def test_csv_has_no_findings():
    assert text('csv', STATUS, MANY, findings=[sample.FINDING]) == text(
        'csv', STATUS, MANY)


@SIZES
def test_csv_has_the_same_records(servers):
    rows = list(csv.reader(io.StringIO(text('csv', STATUS, servers))))

    assert rows == [list(schema.columns(STATUS))] + [
        [encoding.flat(cell) for cell in row.values()]
        for row in expected(STATUS, servers)]


def test_csv_joins_lists_by_blanks_and_leaves_null_empty():
    row, = csv.DictReader(io.StringIO(text('csv', STATUS, MANY[2:3])))

    assert row['monitors'] == '10.0.0.1:6789 [fd00::1]:6789'
    assert row['breaks'] == 'start hard-reboot'
    assert row['skip'] == 'busy'
    assert text('csv', STATUS, MANY[3:]).splitlines()[1].endswith(
        ',nova-bdm,7,vda,,,,,unreadable,unreadable,,It is no JSON.,,False')


@pytest.mark.parametrize('fmt, load', [
    ('json', json.loads), ('yaml', yaml.safe_load)])
@pytest.mark.parametrize('kind, run, keys', [
    (STATUS, None, {}),
    (schema.Kind.DRY_RUN, None, {'run': None}),
    (REFRESH, None, {'run': None}),
    (REFRESH, 'r1', {'run': 'r1'})])
def test_run_is_told_where_a_command_may_write(fmt, load, kind, run, keys):
    document = load(text(fmt, kind, [], run=run))

    assert {key: document[key] for key in document if key == 'run'} == keys


def test_a_record_takes_one_line_of_json():
    lines = text('json', STATUS, MANY).splitlines()

    assert sum(line.startswith('{"host"') for line in lines) == 8


@pytest.mark.parametrize('fmt', ['json', 'yaml', 'csv'])
def test_any_name_can_be_written_to_a_narrow_stream(fmt):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding='latin-1')
    sample.written(fmt, stream, STATUS, [sample.current(1, host='кот')])
    stream.flush()

    assert b'\\u043a' in raw.getvalue().lower()


@pytest.mark.parametrize('value, expected', [
    (None, ''), ([], ''), (['a', 'b'], 'a b'), (3, '3'),
    ({'kind': 'stated', 'detail': None}, 'stated'),
    ({'kind': 'not-found', 'detail': 'Searched.'}, 'not-found: Searched.')])
def test_flat(value, expected):
    assert encoding.flat(value) == expected
