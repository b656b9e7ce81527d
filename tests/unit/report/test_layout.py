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

"""Text that fits into columns."""

from hypothesis import example
from hypothesis import given
from hypothesis import strategies
import pytest

from rbd_mon_fix.report import layout

WIDE = '\u732b'
TEXTS = strategies.text(strategies.sampled_from(f'ab {WIDE}\u00e9e\u0301'),
                        max_size=30)


@pytest.mark.parametrize(('text', 'cells'), [
    ('', 0), ('abc', 3), (WIDE, 2), (f'a{WIDE}', 3), ('\u00e9', 1),
    ('e\u0301', 1), ('\uff41', 2)])
def test_cells(text, cells):
    assert layout.cells(text) == cells


@pytest.mark.parametrize(('text', 'width', 'short'), [
    ('abcdef', 6, 'abcdef'), ('abcdefg', 6, 'abc...'), ('ab defg', 6, 'ab...'),
    (WIDE * 4, 8, WIDE * 4), (WIDE * 5, 8, WIDE * 2 + '...')])
def test_shortened(text, width, short):
    assert layout.shortened(text, width) == short


@given(TEXTS, strategies.integers(3, 20))
def test_a_shortened_text_fits(text, width):
    assert layout.cells(layout.shortened(text, width)) <= width


@pytest.mark.parametrize(('text', 'most', 'lines'), [
    ('', 1, ['']),
    ('one two', 1, ['one two']),
    ('one two three four', 3, ['one two', 'three', 'four']),
    ('one two three four', 2, ['one two', 'three ...']),
    ('a-very-long-word is whole', 3, ['a-very-long-word', 'is whole'])])
def test_wrapped(text, most, lines):
    assert layout.wrapped(text, 9, most) == lines


@given(TEXTS, strategies.integers(10, 30), strategies.integers(1, 4))
@example('a b', 10, 1)
def test_wrapped_lines_fit_unless_a_word_is_longer(text, width, most):
    lines = layout.wrapped(text, width, most)
    assert len(lines) <= most
    assert all(layout.cells(line) <= width or ' ' not in line
               for line in lines)


@given(TEXTS, strategies.integers(10, 30))
def test_every_word_is_there_if_there_is_room(text, width):
    assert ' '.join(layout.wrapped(text, width, 99)).split() == text.split()


def test_columns_are_padded():
    assert layout.fitted([['a', 'bb'], ['ccc', 'd']], 80, {}) == [
        ['a  ', 'bb'], ['ccc', 'd ']]


def test_columns_give_way_in_order():
    row = ['a' * 10, 'b' * 10, 'c' * 10]

    assert layout.fitted([row], 34, {1: 5, 0: 5}) == [row]
    assert layout.fitted([row], 32, {1: 5, 0: 5}) == [
        [row[0], 'bbbbb...', row[2]]]
    assert layout.fitted([row], 26, {1: 5, 0: 5}) == [
        ['aaaa...', 'bb...', row[2]]]
    assert layout.fitted([row], 1, {-1: 5, 0: 5}) == [
        ['aa...', row[1], 'cc...']]
