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

"""The list of monitors changes in ways other than all at once.

Each scenario starts from the state that the previous one left, and first
establishes the state that it needs.
"""

from __future__ import annotations

from typing import Callable

import pytest

from lab import ceph
from lab import errors
from lab import guests
from lab import inside
from lab import mons
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching

FIRST = mons.on('192.0.2.61', '192.0.2.62', '192.0.2.63')
ONE_REPLACED = mons.on('192.0.2.61', '192.0.2.62', '192.0.2.64')
FIVE = (*ONE_REPLACED, *mons.on('192.0.2.65', '192.0.2.66'))
V2_ONLY = mons.on('192.0.2.71', '192.0.2.72', '192.0.2.73', v1=0)


@pytest.fixture
def guest(lab: inside.Lab, guest_of: Callable[..., guests.Guest],
          request: pytest.FixtureRequest) -> guests.Guest:
    """Return a guest that ran when the list changed and was then stopped."""
    before, after = request.param
    _be(lab.cluster, before)
    made = guest_of('listed')
    lab.cluster.move(after)
    made.stop()
    return made


def _be(cluster: ceph.Cluster, wanted: tuple[mons.Monitor, ...]) -> None:
    if set(cluster.monitors()) != set(wanted):
        cluster.move(wanted)


@pytest.mark.parametrize(('guest', 'right'), [
    pytest.param((FIRST, ONE_REPLACED), [
        ('192.0.2.61', 6789), ('192.0.2.62', 6789), ('192.0.2.64', 6789)],
        id='one of three replaced'),
    pytest.param((ONE_REPLACED, FIVE), [
        ('192.0.2.61', 6789), ('192.0.2.62', 6789), ('192.0.2.64', 6789),
        ('192.0.2.65', 6789), ('192.0.2.66', 6789)],
        id='three to five'),
], indirect=['guest'])
def test_drifted(guest: guests.Guest, right: list[tuple[str, int]],
                 operator: operators.Operator):
    """The guest starts with and without rbd-mon-fix."""
    assert operator.states(guest, code=1) == {'domain': 'drifted'}
    assert operator.opens(guest) == {'domain': True}
    assert guest.hosts() != right
    guest.start()
    watching.writes(guest)

    operator.on('refresh', guest)
    assert sorted(guest.hosts()) == right
    guest.stop()
    guest.start()
    watching.writes(guest)


@pytest.mark.parametrize('guest', [(FIVE, V2_ONLY)], ids=['v1 and v2 to v2'],
                         indirect=True)
def test_second_protocol_only(guest: guests.Guest,
                              operator: operators.Operator):
    assert operator.states(guest, code=1) == {'domain': 'stale'}
    assert operator.opens(guest, code=1) == {'domain': False}
    with pytest.raises(errors.LabError, match=guests.UNREACHED):
        guest.start()

    operator.on('refresh', guest)
    assert sorted(guest.hosts()) == [
        ('192.0.2.71', 3300), ('192.0.2.72', 3300), ('192.0.2.73', 3300)]
    assert operator.opens(guest) == {'domain': True}
    guest.start()
    watching.writes(guest)
