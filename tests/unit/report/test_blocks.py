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

"""Blocks of lines in as many lines as a screen has."""

from rbd_mon_fix.report import blocks

REST = '    ... (-v, or -f json)'


def block(title, count):
    return blocks.Block(title, iter([[(f'  {title}{number}', '')]
                                     for number in range(count)]))


def fitted(room, **counts):
    return [[''.join(text for text, _ in line) for line in found]
            for found in blocks.fitted(
                [block(*each) for each in counts.items()], room)]


def test_blocks_that_fit_are_apart():
    assert fitted(7, A=1, B=2) == [['  A', '  A0'], ['  B', '  B0', '  B1']]


def test_a_block_without_lines_has_no_title():
    assert fitted(7, A=0, B=1) == [['  B', '  B0']]


def test_blocks_that_fit_side_by_side_are_one():
    assert fitted(7, A=1, B=3) == [[
        '  A', '  A0', '  B', '  B0', '  B1', '  B2']]


def test_the_longest_block_loses_lines():
    assert fitted(8, A=2, B=9) == [[
        '  A', '  A0', '  A1', '  B', '  B0', '  B1', REST]]


def test_every_block_keeps_its_first_lines():
    assert fitted(1, A=2, B=9, C=9) == [[
        '  A', '  A0', '  A1', '  B', '  B0', '  B1', REST,
        '  C', '  C0', '  C1', REST]]
