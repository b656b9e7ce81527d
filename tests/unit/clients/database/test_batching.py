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

"""Batches of values for one statement."""

from __future__ import annotations

import pytest

from rbd_mon_fix.clients.database import batching


@pytest.mark.parametrize('count, sizes', [
    (0, []), (1, [1]), (900, [900]), (901, [900, 1]), (2000, [900, 900, 200]),
])
def test_batches(count, sizes):
    found = list(batching.batches(range(count)))
    assert [len(batch) for batch in found] == sizes
    assert [each for batch in found for each in batch] == list(range(count))


def test_batches_have_each_value_once():
    assert list(batching.batches(iter('abca'))) == [['a', 'b', 'c']]
