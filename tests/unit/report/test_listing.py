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

from rbd_mon_fix.report import listing

COLUMNS = ('cluster', 'monitor', 'answers', 'backends')
ROWS = [
    {'cluster': 'ceph', 'monitor': '10.1.0.1:6789', 'answers': 'yes',
     'backends': ['rbd-1', 'rbd-2'], 'more': 'not shown'},
    {'cluster': 'far', 'monitor': '[fd01::1]:6789', 'answers': 'no',
     'backends': None}]
DOCUMENT = {'version': 1, 'clusters': [{'name': 'ceph'}, {'name': 'кот'}]}


class Tty(io.StringIO):

    def isatty(self):
        return True


def written(fmt, stream, rows):
    listing.write(fmt, stream, COLUMNS, iter(rows), DOCUMENT)
    return stream.getvalue()


@pytest.mark.parametrize('rows, lines', [
    ([], ['CLUSTER  MONITOR  ANSWERS  BACKENDS']),
    (ROWS, ['CLUSTER  MONITOR         ANSWERS  BACKENDS',
            'ceph     10.1.0.1:6789   yes      rbd-1 rbd-2',
            'far      [fd01::1]:6789  no       -'])])
def test_table(rows, lines):
    assert written('table', io.StringIO(), rows).splitlines() == lines


def test_table_on_a_terminal(monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.delenv('NO_COLOR', raising=False)
    monkeypatch.setenv('COLUMNS', '80')

    assert '\x1b[31mno' in written('table', Tty(), ROWS)


@pytest.mark.parametrize('fmt, load', [
    ('json', json.loads), ('yaml', yaml.safe_load)])
def test_documents_are_written_as_they_are_given(fmt, load):
    assert load(written(fmt, io.StringIO(), ROWS)) == DOCUMENT


def test_csv():
    text = written('csv', io.StringIO(), ROWS)

    assert list(csv.reader(io.StringIO(text))) == [
        list(COLUMNS),
        ['ceph', '10.1.0.1:6789', 'yes', 'rbd-1 rbd-2'],
        ['far', '[fd01::1]:6789', 'no', '']]
