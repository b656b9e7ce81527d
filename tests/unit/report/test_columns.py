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

"""Columns of lists, and values without headings."""

from __future__ import annotations

import io

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.report import columns
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema
from tests.unit.report import sample

KNOWN = ('host', 'store', 'key')


@pytest.mark.parametrize('wanted, expected', [
    ([], KNOWN), (['key'], ('key',)), (['key', 'host'], ('key', 'host')),
    (['key', 'host', 'key'], ('key', 'host'))])
@pytest.mark.parametrize('fmt', columns.LISTED)
def test_chosen(fmt, wanted, expected):
    assert columns.chosen(fmt, KNOWN, wanted) == expected


@pytest.mark.parametrize('fmt', ['json', 'yaml'])
def test_other_formats_have_no_columns(fmt):
    assert columns.chosen(fmt, KNOWN, []) == KNOWN
    with pytest.raises(exceptions.ConfigError) as caught:
        columns.chosen(fmt, KNOWN, ['key'])
    assert f'-f {fmt} has no columns' in caught.value.message
    assert caught.value.hint == 'Use it with -f table or -f csv or -f value.'


@pytest.mark.parametrize('fmt', factory.FORMATS)
def test_an_unknown_column(fmt):
    with pytest.raises(exceptions.ConfigError) as caught:
        columns.chosen(fmt, KNOWN, ['host', 'kye'])
    assert str(caught.value) == (
        'There is no column kye. The columns are host, store, key.')


def report(fmt, wanted=(), kind=schema.Kind.STATUS):
    stream = io.StringIO()
    found = factory.report(fmt, stream, kind, wanted=wanted)
    found.clusters([sample.CLUSTER], None)
    copies = sample.stale(1)
    found.server('cmp1', copies[0].instance, copies, None)
    found.close(ending.Ending(sample.summary([copies])))
    return stream.getvalue().splitlines()


def test_a_report():
    assert report('csv', ['store', 'disk'])[:2] == [
        'store,disk', 'cinder-attachment,vda']
    rows = [line.split(' ') for line in report('value', ['store', 'skip'])]
    assert [row[1:] for row in rows] == [['-']] * len(rows)
    assert rows[0][0] == 'cinder-attachment'
    assert len(report('value')) == len(report('csv')) - 1


@pytest.mark.parametrize('kind', schema.Kind)
def test_a_report_as_a_table_has_no_columns(kind):
    with pytest.raises(exceptions.ConfigError, match='-f table has no col'):
        report('table', ['store'], kind)


@pytest.mark.parametrize('value, expected', [
    (None, '-'), ('', '-'), ([], '-'), (3, '3'), (False, 'False'),
    (['a:1', 'b:2'], 'a:1,b:2'), ('two words', 'two words'),
    ('=1+1', '=1+1'), ('a\nb\x1b', 'a\\nb\\x1b'),
    ({'kind': 'stated', 'detail': None}, 'stated')])
def test_values(value, expected):
    stream = io.StringIO()
    listing.write('value', stream, ('a', 'b'), [{'a': value, 'b': 'x'}], {})
    assert stream.getvalue() == f'{expected} x\n'


def test_no_rows_are_no_lines():
    stream = io.StringIO()
    listing.write('value', stream, ('a',), [], {})
    assert stream.getvalue() == ''
