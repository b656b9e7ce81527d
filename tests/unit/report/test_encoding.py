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

"""Texts of users in the formats that people and spreadsheets read."""

import csv
import io

import pytest

from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import listing

HOSTILE = [
    '\x1b[2J', '\x1b]0;a\x07', '\x9b31m', 'a\nb', 'a\rb', 'a\tb', 'a\x08b',
    '\u202egnp.exe', '\u2066a\u2069', 'a\u200bb', '\ufeffa', 'a\u2028b',
    'a\x85b', 'a\xa0b', '\ud800', '\x7f', '\x00', '\U000e0041', '\xad']


@pytest.mark.parametrize('text', HOSTILE)
@pytest.mark.parametrize('fmt', ['table', 'csv', 'json', 'yaml'])
def test_no_text_of_a_user_is_written_as_it_is(fmt, text):
    stream = io.TextIOWrapper(io.BytesIO(), 'utf-8', newline='')
    row = {'name': text, 'error': [text]}
    listing.write(fmt, stream, ('name', 'error'), [row], row)
    stream.flush()
    written = stream.buffer.getvalue().decode()
    assert all(each.isprintable() for each in written.replace('\n', ''))
    assert written.count('\n') == written.rstrip('\n').count('\n') + 1
    assert fmt != 'table' or written.count('\n') == 2


@pytest.mark.parametrize('value, written', [
    ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"), ('@SUM(1)', "'@SUM(1)"),
    ('+1+1', "'+1+1"), ('-1-1', "'-1-1"), ('-2E1', "'-2E1"),
    ('\t=1', "'\\t=1"), ('\r=1', "'\\r=1"), (['=1', '2'], "'=1 2"),
    ({'kind': '=1'}, "'=1"), ('-web-1', "'-web-1"),
    # Neither numbers nor signs are formulas.
    ('-', '-'), ('-1', '-1'), ('+1.5', '+1.5'), (-1, '-1'), (-0.5, '-0.5'),
    (None, ''), (True, 'True'), ('a=1', 'a=1'), ('', ''),
    (['192.0.2.1:6789', '[fd00::1]'], '192.0.2.1:6789 [fd00::1]')])
def test_cells(value, written):
    stream = io.StringIO()
    listing.write('csv', stream, ('name',), [{'name': value}], None)
    assert next(csv.reader(stream.getvalue().splitlines()[1:]),
                ['']) == [written]


@pytest.mark.parametrize('text', ['web 1', 'bücher', '日本語', '-', '👍'])
def test_usual_names_stay(text):
    assert encoding.printable(text) == encoding.cell(text) == text
