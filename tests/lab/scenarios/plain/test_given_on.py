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

"""Addresses that monitors gave up are given to a second cluster.

First one address, then the whole range; in the end the second cluster is
stopped. The tests of this module run in order.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
from typing import Callable

import pytest

from lab import ceph
from lab import guests
from lab import inside
from lab import libvirtd
from lab import mons
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios import watching
from tests.lab.scenarios.plain import rivals

Operate = Callable[..., operators.Operator]

SECRET = '3f9d4b52-6a0c-4e57-9b43-7e2c5f1a8d60'
# The rival's cluster in the config of rbd-mon-fix, with another secret.
RIVAL = f'[ceph]\nconf = {rivals.CONF}\nsecret_uuid = {SECRET}'
RIGHT = 'current', 'current-address'
BY_HISTORY = 'stale', 'history'
STRANGER = 'unknown-cluster', 'living-stranger'
AMBIGUOUS = 'unknown-cluster', 'several-clusters'


@dataclasses.dataclass(frozen=True)
class Given:
    """What the first cluster gave up, and guests that still name it.

    :param all_old: a guest of the first cluster that names all it gave up
    :param one_old: another one that names only the first of these
    """

    monitors: tuple[mons.Monitor, ...]
    all_old: guests.Guest
    one_old: guests.Guest


@pytest.fixture(scope='module')
def given(rival: ceph.Cluster, left: tuple[mons.Monitor, ...],
          guest_of: Callable[..., guests.Guest]) -> Given:
    """Return what the first cluster gave up when it moved."""
    rivals.be(rival, rivals.SECOND)
    made = Given(left, guest_of('all-old'), guest_of('one-old'))
    for guest, named in ((made.all_old, left), (made.one_old, left[:1])):
        guest.stop()
        guest.define(mons.first_addresses(named))
    return made


@pytest.fixture(scope='module')
def one_given(rival: ceph.Cluster, given: Given) -> Given:
    rival.move((*rivals.SECOND, given.monitors[0]))
    return given


@pytest.fixture(scope='module')
def all_given(rival: ceph.Cluster, one_given: Given) -> Given:
    rival.move((*rivals.SECOND, *one_given.monitors))
    return one_given


def assert_hands_off(operator: operators.Operator,
                     *those: guests.Guest) -> None:
    before = [guest.xml() for guest in those]
    operator.run('refresh', *operators.chosen(*those), code=4)
    assert [guest.xml() for guest in those] == before


def strangers(operator: operators.Operator, guest: guests.Guest) -> str:
    """Return what ``status`` says of the strangers that a guest names."""
    record, = operator.on('status', guest, code=1)['records']
    assert (record['state'], record['evidence']['kind']) == STRANGER
    return record['evidence']['detail']


def test_one_address(rival: ceph.Cluster, one_given: Given,
                     guest_of: Callable[..., guests.Guest], operate: Operate):
    """The config names both clusters, which differ only in addresses."""
    operator = operate(rivals.CINDER_OF_BOTH)
    those = one_given.all_old, one_given.one_old, guest_of('of-second', rival)
    those[2].stop()
    assert operator.judge(*those, code=1) == [STRANGER, AMBIGUOUS, RIGHT]
    (host, port), *others = mons.first_addresses(one_given.monitors)
    said = strangers(operator, one_given.all_old)
    assert f'{host}:{port}' in said
    assert not any(host in said for host, _ in others)
    assert_hands_off(operator, *those)


def test_all_addresses(all_given: Given, operate: Operate):
    operator = operate(rivals.CINDER_OF_BOTH)
    assert operator.judge(all_given.all_old, all_given.one_old, code=1) == [
        AMBIGUOUS, AMBIGUOUS]
    assert_hands_off(operator, all_given.all_old, all_given.one_old)


def test_config_decides(rival: ceph.Cluster, all_given: Given,
                        guest_of: Callable[..., guests.Guest],
                        operate: Operate):
    """The secret of one disk is that of the second cluster's config."""
    operator = operate(rivals.CINDER_OF_LAB, RIVAL)
    libvirtd.keep_key('client.cinder of the rival', SECRET, rival.key())
    mine = guest_of('decided', rival, SECRET)
    mine.stop()
    mine.define(mons.first_addresses(all_given.monitors))
    before = all_given.all_old.xml()
    those = all_given.all_old, mine
    assert operator.judge(*those, code=1) == [
        AMBIGUOUS, ('drifted', 'current-address')]

    operator.run('refresh', *operators.chosen(*those), code=4)
    assert all_given.all_old.xml() == before
    assert rivals.named_by(mine)
    mine.start()
    watching.writes(mine)


@pytest.fixture(params=['asked', 'stated', 'offline'])
def foreign(lab: inside.Lab, all_given: Given, operate: Operate,
            request: pytest.FixtureRequest, tmp_path: pathlib.Path
            ) -> operators.Operator:
    """Return an operator of the first cluster, who does not know of others.

    One states that the addresses were its own; one has only a list of its
    present and former monitors.
    """
    if request.param == 'offline':
        told = tmp_path / 'monitors.json'
        told.write_text(json.dumps(operate(rivals.CINDER_OF_LAB).run('monitors')))
        return operate('', f'monitors_file = {told}', 'offline = true')
    hosts = [host for host, _ in mons.first_addresses(all_given.monitors)]
    statement = ['former_monitors =', lab.cluster.files.fsid, *hosts]
    return operate(rivals.CINDER_OF_LAB, *(
        [' '.join(statement)] if request.param == 'stated' else []))


def test_foreign_cluster(all_given: Given, foreign: operators.Operator):
    """No config names the cluster that the addresses were given to."""
    said = strangers(foreign, all_given.all_old)
    assert all(f'{host}:{port}' in said for host, port
               in mons.first_addresses(all_given.monitors))
    assert_hands_off(foreign, all_given.all_old)


def test_foreign_cluster_stops(rival: ceph.Cluster, all_given: Given,
                               operate: Operate):
    operator = operate(rivals.CINDER_OF_LAB)
    those = all_given.all_old, all_given.one_old
    rival.stop_monitors()
    assert operator.judge(*those, code=1) == [BY_HISTORY, BY_HISTORY]
    operator.run('refresh', *operators.chosen(*those))
    assert operator.judge(*those) == [RIGHT, RIGHT]
    for guest in those:
        assert rivals.named_by(guest)
        guest.start()
        watching.writes(guest)
