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

import io

import pytest

from rbd_mon_fix.report import terminal

UUID = '00000001-0000-4000-8000-000000000000'
ADDRESSES = '10.1.0.1:6789 10.1.0.2:6789 10.1.0.3:6789'


class Tty(io.StringIO):

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    for name in ('FORCE_COLOR', 'TTY_COMPATIBLE', 'COLORTERM'):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.setenv('NO_COLOR', '1')


def drawn(monkeypatch, width, *rows):
    monkeypatch.setenv('COLUMNS', str(width))
    stream = Tty()
    terminal.Terminal(stream).table(
        [[(cell, '') for cell in row] for row in rows])
    return [line.rstrip() for line in stream.getvalue().splitlines()]


def test_columns_are_aligned(monkeypatch):
    assert drawn(monkeypatch, 80, ('A', 'B', 'C'), ('long', '', 'x')) == [
        'A     B  C',
        'long     x']


def test_wide_characters_take_two_columns(monkeypatch):
    assert drawn(monkeypatch, 80, ('\u732b', 'x'), ('abc', 'y')) == [
        '\u732b   x',
        'abc  y']


def test_cells_are_folded_between_words(monkeypatch):
    assert drawn(monkeypatch, 60, ('INSTANCE', 'MONITORS', 'STATE'),
                 (UUID, ADDRESSES, 'stale')) == [
        'INSTANCE                              MONITORS         STATE',
        f'{UUID}  10.1.0.1:6789    stale',
        '                                      10.1.0.2:6789',
        '                                      10.1.0.3:6789']


@pytest.mark.parametrize('width', [1, 10, 30, 40, 57])
def test_no_word_is_cut_however_narrow_the_terminal(monkeypatch, width):
    assert drawn(monkeypatch, width, (UUID, ADDRESSES, 'stale')) == [
        f'{UUID}  10.1.0.1:6789  stale',
        '                                      10.1.0.2:6789',
        '                                      10.1.0.3:6789']


@pytest.mark.parametrize('width', [40, 60, 80, 100])
def test_columns_without_blanks_keep_their_width(monkeypatch, width):
    names = 'a-long-backend-name another-quite-long-backend-name'
    text = ' '.join(drawn(monkeypatch, width,
                          (UUID, ADDRESSES, names, 'stale')))

    assert sorted(text.split()) == sorted(
        [UUID, *ADDRESSES.split(), *names.split(), 'stale'])


def test_cells_do_nothing_to_the_terminal(monkeypatch):
    line, = drawn(monkeypatch, 80, ('[red]a[/red]', ':cat:', 'a\x1b[31mb'))

    assert line == r'[red]a[/red]  :cat:  a\x1b[31mb'


def test_a_terminal_gets_only_what_it_can_encode(monkeypatch):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding='ascii')
    terminal.Terminal(stream).table([[('\u00e9', '')]])
    stream.flush()

    assert raw.getvalue().split() == [b'\\xe9']
