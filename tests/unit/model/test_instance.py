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

"""Servers."""

import pytest

from rbd_mon_fix.model.instance import Instance


@pytest.mark.parametrize('vm_state, task_state, expected', [
    ('active', None, False),
    ('stopped', None, False),
    ('error', None, False),
    (None, None, False),
    ('active', 'rebooting', True),
    ('stopped', 'powering-on', True),
    (None, 'migrating', True),
    ('building', None, True),
    ('active', '', True),
])
def test_busy(vm_state, task_state, expected):
    assert Instance('u', 'h', '', vm_state, task_state).busy is expected
