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

"""A host is shielded: its guests start, and nothing is refreshed."""

from __future__ import annotations

from typing import Callable, Iterator

import pytest

from lab import ceph
from lab import errors
from lab import guests
from lab import inside
from lab import libvirtd
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import shielding
from tests.lab.scenarios import watching
from tests.lab.scenarios.plain import rivals

OTHER = 'other'
OTHER_SECRET = 'd0f7c1be-64a2-4c35-8a1e-2b9e5f3a7c48'


@pytest.fixture
def shielded(lab: inside.Lab, operator: operators.Operator,
             guest_of: Callable[..., guests.Guest]
             ) -> Iterator[guests.Guest]:
    """Return a stopped guest of a host with a shield."""
    guest = guest_of('shielded')
    guest.stop()
    operator.run('shield', 'install')
    yield guest
    operator.run('shield', 'remove')


def test_shield(lab: inside.Lab, shielded: guests.Guest,
                operator: operators.Operator):
    before = shielded.hosts()
    for _ in range(2):
        shielding.move(lab, operator)
        record, = operator.on('status', shielded, code=1)['records']
        assert (record['state'], record['shielded'], record['breaks']) == (
            'stale', True, [])
        shielded.start()
        watching.writes(shielded)
        assert shielded.hosts() == before
        shielded.stop()

    operator.run('shield', 'remove')
    with pytest.raises(errors.LabError, match=guests.UNREACHED):
        shielded.start()


@pytest.fixture
def of_other(lab: inside.Lab, guest_of: Callable[..., guests.Guest]
             ) -> guests.Guest:
    """Return a stopped guest whose image another cephx user opens."""
    lab.cluster.run('ceph', 'auth', 'get-or-create', f'client.{OTHER}', 'mon',
                    'profile rbd', 'osd', 'profile rbd')
    libvirtd.keep_key(f'client.{OTHER}', OTHER_SECRET, lab.cluster.key(OTHER))
    guest = guest_of('of-other', secret=OTHER_SECRET, user=OTHER)
    guest.stop()
    return guest


def test_two_users(lab: inside.Lab, of_other: guests.Guest,
                   shielded: guests.Guest, operator: operators.Operator):
    shielding.move(lab, operator)
    users = operator.run('shield', 'status')['users']
    assert {row['user'] for row in users} == {ceph.USER, OTHER}
    for guest in (of_other, shielded):
        guest.start()
        watching.writes(guest)


def test_a_user_of_two_clusters(
        rival: ceph.Cluster, of_other: guests.Guest,
        guest_of: Callable[..., guests.Guest],
        operate: Callable[..., operators.Operator]):
    """An override would lead the guests of one to the other."""
    rivals.be(rival, rivals.FIRST)
    guest_of('of-rival', rival)
    operator = operate(rivals.CINDER_OF_BOTH)
    before = inside.CONF.read_bytes()
    users = operator.run('shield', 'install', code=4)['users']
    states = {row['user']: row['state'] for row in users}
    assert states == {ceph.USER: 'barred', OTHER: 'shielded'}
    assert f'[client.{ceph.USER}]' not in inside.CONF.read_text()
    operator.run('shield', 'remove')
    assert inside.CONF.read_bytes() == before
