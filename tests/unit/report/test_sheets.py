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

"""Lines that fit a width, whatever the names."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import sheets
from tests.unit.report import drawn

SHEET = sheets.Sheet(20)
CAT = '\u732b'


def text(found):
    return [''.join(part for part, _ in line).rstrip() for line in found]


def test_prose_is_broken_between_words():
    assert text(SHEET.prose('one two three four five', head='  NO  ',
                           hang=4)) == [
        '  NO  one two three', '    four five']


def test_a_word_longer_than_a_line_is_broken():
    assert text(SHEET.prose('x' * 30, hang=4)) == ['x' * 16, '    ' + 'x' * 14]


def test_no_text_is_a_line():
    assert text(SHEET.prose('', head='  -')) == ['  -']


@pytest.mark.parametrize('name, room, shown', [
    ('web-1', 12, 'web-1'), ('web-12345678', 11, 'web-1234...'),
    (CAT * 6, 12, CAT * 6), (CAT * 7, 12, f'{CAT * 4}...'),
    ('a\x1b[31m', 11, r'a\x1b[31m'), ('\u202ex', 11, r'\u202ex'),
    # No screen is too narrow.
    ('web-12345678', -5, 'web-1234...')])
def test_names_are_shortened(name, room, shown):
    assert SHEET.cut(name, room) == shown


def test_a_stream_gets_what_it_can_encode():
    sheet = sheets.Sheet(80, lambda text: text.encode(
        'ascii', 'backslashreplace').decode())
    assert sheet.cut(CAT, 11) == r'\u732b'
    assert sheet.cut(CAT * 2, 11) == r'\u732b\u...'


@pytest.mark.parametrize('narrow, lines', [
    ((), ['  0a63b40b  a-name-that-is-long  vda vdb',
          '  41265bce  web                  vdc']),
    ((1,), ['  0a63b40b  a-name-t...  vda vdb',
            '  41265bce  web          vdc'])])
def test_rows(narrow, lines):
    rows = [[('0a63b40b', ''), ('a-name-that-is-long', ''), ('vda vdb', '')],
            [('41265bce', ''), ('web', ''), ('vdc', '')]]
    assert text(SHEET.rows(rows, 2, narrow)) == lines


def test_rows_take_only_what_they_need():
    rows = [[('0a63b40b', ''), ('a-name-that-is-long', '')]]
    assert text(sheets.Sheet(29).rows(rows, 2, (1,))) == [
        '  0a63b40b  a-name-that-is...']


def test_no_rows():
    assert not text(SHEET.rows([], 2, (1,)))


def test_addresses_that_do_not_fit_in_braces_stand_one_by_one():
    addrs = [MonAddr('192.0.2.11', 6789), MonAddr('192.0.2.12', 6789)]
    assert SHEET.addresses(addrs, 22) == '192.0.2.{11,12}:6789'
    assert SHEET.addresses(addrs, 18) == '192.0.2.11:6789 192.0.2.12:6789'
    assert SHEET.addresses([], 18) == ''


def test_a_command_is_never_broken():
    words = 'rbd-mon-fix refresh --host a-host-with-a-long-name'
    assert text([sheets.command('Next', words)]) == [f'Next: {words}']
    for drawing in (drawn.to_pipe, drawn.to_terminal):
        assert drawing(lambda sheet: [sheets.command('Next', words)],
                       20) == f'Next: {words}\n'


@given(drawn.NAMES, st.integers(1, 90))
def test_everything_fits(name, width):
    sheet = sheets.Sheet(width)
    rows = [[('0a63b40b', ''), (name, '')]]
    for line in text([*sheet.prose(name, head='  ', hang=4),
                      *sheet.rows(rows, 2, (1,))]):
        assert layout.cells(line) <= max(width, 23)
    assert layout.cells(sheet.cut(name, width)) <= max(width, 11)


@given(drawn.NAMES)
def test_pipes_and_terminals_get_the_same(name):
    def screen(sheet):
        yield from sheet.prose(name, hang=2)
        yield from sheet.rows([[(name, 'bold'), ('x', '')]], 2, (0,))

    assert drawn.to_pipe(screen, 60) == drawn.to_terminal(screen, 60)


@given(drawn.NAMES)
def test_nothing_is_lost(name):
    joined = ''.join(''.join(text(SHEET.prose(name))).split())
    assert joined == ''.join(encoding.printable(name).split())
