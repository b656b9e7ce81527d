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

"""Former monitors that the operator states."""

from __future__ import annotations

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.ceph import former_monitors
from tests.unit import memory

A, B, C = (f'{number}b5e1c1d-94d5-4d43-8bd4-2f0bd0f7bb02'
           for number in range(3))
CLUSTERS = (memory.cluster('a', fsid=A), memory.cluster('b', fsid=B),
            memory.cluster('none'))


def stated(*values):
    return [list(map(str, each.stated))
            for each in former_monitors.stated(values, CLUSTERS)]


@pytest.mark.parametrize('values, expected', [
    ([], [[], [], []]),
    ([f'{A} 192.0.2.1:6789'], [['192.0.2.1:6789'], [], []]),
    ([f'{A.upper()} 192.0.2.1, [2001:db8::1]:6789'],
     [['192.0.2.1', '[2001:db8::1]:6789'], [], []]),
    ([f'{B},192.0.2.1', f'{A} mon-a'], [['mon-a'], ['192.0.2.1'], []]),
])
def test_statements(values, expected):
    assert stated(*values) == expected


@pytest.mark.parametrize('values, message', [
    ([f'{A} 192.0.2.1', f'{A.upper()} 192.0.2.2'], f'{A} twice'),
    ([f'{A} 192.0.2.1:6789', f'{B} 192.0.2.2 192.0.2.1:6789'],
     f'states 192.0.2.1:6789 for two clusters, {A} and {B}'),
    ([f'{A} 192.0.2.1', f'{B} 192.0.2.1:6789'], 'for two clusters'),
    ([''], 'Invalid value of former_monitors'),
    (['192.0.2.1:6789'], 'Invalid value of former_monitors'),
    ([f'{A} 192.0.2.1:port'], 'Invalid value of former_monitors'),
    ([A], f'no usable address for fsid {A}'),
    ([f'{A} 0.0.0.0:0'], f'no usable address for fsid {A}'),
])
def test_invalid_statements(values, message):
    with pytest.raises(exceptions.ConfigError) as caught:
        stated(*values)
    assert message in caught.value.message
    assert caught.value.hint


def test_a_statement_for_no_cluster(caplog):
    assert stated(f'{C} 192.0.2.1') == [[], [], []]
    assert f'fsid {C}' in caplog.text
