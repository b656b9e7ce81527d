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

"""Which operation fails from which copy."""

import pytest

from rbd_mon_fix.core import readiness
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from tests.unit import memory

START, HARD, SOFT = (Operation.START, Operation.HARD_REBOOT,
                     Operation.SOFT_REBOOT)


def breaks(store, state, managed=True):
    [instance] = memory.instances(1, managed=managed).values()
    return readiness.breaks(store, state, instance)


@pytest.mark.parametrize('state', [
    state for state in State if state is not State.STALE])
@pytest.mark.parametrize('store', ['nova-bdm', 'domain'])
@pytest.mark.parametrize('managed', [True, False])
def test_nothing_fails_unless_it_is_stale(store, state, managed):
    assert breaks(store, state, managed) == ()


@pytest.mark.parametrize('store, managed, expected', [
    ('nova-bdm', True, (START, HARD)),
    ('domain', True, (SOFT,)),
    ('cinder-attachment', True, ()),
    ('domain', False, (START, HARD, SOFT)),
    ('nova-bdm', False, ()),
    ('managed-save', True, ()),
])
def test_stale(store, managed, expected):
    assert breaks(store, State.STALE, managed) == expected
