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

"""A cluster lost the history of its monmap, as after a recovery from OSDs.

The monitors moved before that, and a guest still names the old ones.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterator

import pytest

from lab import ceph
from lab import errors
from lab import guests
from lab import mons
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching
from tests.lab.scenarios.plain import rivals

Operate = Callable[..., operators.Operator]

LOST = mons.first_addresses(rivals.FIRST)
HOSTS = ' '.join(host for host, _ in LOST)
# The cluster of a host without OpenStack.
PLAIN = f'[ceph]\nconf = {rivals.CONF}\nsecret_uuid = {guests.SECRET}'


@dataclasses.dataclass(frozen=True)
class Forgotten:
    """The guest, and an operator whose journal is older than the loss."""

    guest: guests.Guest
    earlier: operators.Operator


@pytest.fixture(scope='module')
def forgotten(rival: ceph.Cluster, operate: Operate) -> Iterator[Forgotten]:
    guest = guests.Guest(rival, 'forgotten')
    rivals.be(rival, rivals.SECOND)
    if not has_history(rival):
        # These tests ran in this lab before.
        rival.move(rivals.FIRST)
        rival.move(rivals.SECOND)
    guest.remove()
    guest.make(LOST)
    earlier = operate('', PLAIN)
    earlier.on('refresh', guest, '--dry-run', code=1)
    rival.forget()
    yield Forgotten(guest, earlier)
    guest.remove()


def has_history(cluster: ceph.Cluster) -> bool:
    try:
        cluster.run('ceph', 'mon', 'dump', '1')
    except errors.LabError:
        return False
    return True


def statement(cluster: ceph.Cluster) -> str:
    return f'{cluster.files.fsid} {HOSTS}'


def test_not_found(forgotten: Forgotten, operate: Operate):
    """Without evidence, nothing is written."""
    guest, operator = forgotten.guest, operate('', PLAIN)
    before = guest.xml()
    assert operator.judge(guest, code=1) == [('unknown-cluster', 'not-found')]
    told = operator.on('refresh', guest, code=4)
    assert told['summary']['not_judged'] == 1
    assert guest.xml() == before


def test_remembered(forgotten: Forgotten):
    """The journal of an earlier run has the history."""
    assert forgotten.earlier.judge(forgotten.guest, code=1) == [
        ('stale', 'history')]


def test_partly_stated(forgotten: Forgotten, operate: Operate):
    """All addresses of a disk must be found."""
    guest = forgotten.guest
    operator = operate('', f'former_monitors = {guest.cluster.files.fsid} '
                           f'{LOST[0][0]}', PLAIN)
    assert operator.judge(guest, code=1) == [('unknown-cluster', 'not-found')]


def test_stated(forgotten: Forgotten, operate: Operate):
    """The operator states what the cluster forgot; the guest starts again."""
    guest = forgotten.guest
    said = statement(guest.cluster)
    told = operate('', PLAIN).run('--former-monitors', said, 'status',
                                  *operators.chosen(guest), code=1)
    record, = told['records']
    assert (record['state'], record['evidence']['kind']) == (
        'stale', 'stated')

    operator = operate('', f'former_monitors = {said}', PLAIN)
    operator.on('refresh', guest)
    assert rivals.named_by(guest)
    assert operator.judge(guest) == [('current', 'current-address')]
    guest.start()
    watching.writes(guest)
