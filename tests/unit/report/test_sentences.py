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

import pytest

from rbd_mon_fix.report import sentences


@pytest.mark.parametrize('count, words', [
    (0, '0 hosts'), (1, '1 host'), (2, '2 hosts'), (30214, '30,214 hosts')])
def test_number(count, words):
    assert sentences.number(count, 'host') == words


def test_number_of_another_plural():
    assert sentences.number(2, 'process', 'processes') == '2 processes'
    assert (sentences.copies(1), sentences.copies(2)) == (
        '1 copy', '2 copies')
    assert sentences.changes(1) == '1 change'


def test_counts_without_zeros():
    assert sentences.enumerate_counts({'stale': 2000, 'busy': 0, 'x': 1}) == (
        '2,000 stale, 1 x')


@pytest.mark.parametrize('operations, words', [
    (['resume'], 'resume would fail'),
    (['start', 'resume'], 'start and resume would fail'),
    (['a', 'b', 'c'], 'a, b and c would fail')])
def test_failing(operations, words):
    assert sentences.failing(operations) == words
