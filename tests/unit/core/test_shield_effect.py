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

"""What a shield changes of copies, and what it leaves."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import shield_effect
from rbd_mon_fix.core import shielding
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.shield import Override
from tests.unit import memory
from tests.unit.report import sample

FSID = '7f3c1c52-3f0a-4a37-9a3e-0d5b1c2e4f60'
OTHER = '00000000-3f0a-4a37-9a3e-0d5b1c2e4f60'
CLUSTER = memory.cluster('ceph', fsid=FSID)
RIGHT = shielding.addresses(CLUSTER.monmap)
SECTION = Override('cinder', FSID, RIGHT)
ELSEWHERE = (Operation.LIVE_MIGRATE, Operation.REVERT)
STALE = sample.copy(sample.instance(1), state=State.STALE,
                    breaks=tuple(Operation))


def applied(copy, shielded=None, user='cinder'):
    plan = Plan((copy,), ())
    found = shield_effect.applied(
        plan, {'cinder': 'ceph'} if shielded is None else shielded,
        lambda copy: user)
    return found.copies[0]


@pytest.mark.parametrize('section, is_shielded', [
    (SECTION, True),
    (dataclasses.replace(SECTION, is_proven=False), False),
    (dataclasses.replace(SECTION, fsid=OTHER), False),
    (dataclasses.replace(SECTION, addrs=RIGHT[1:]), False),
    (dataclasses.replace(SECTION, addrs=(MonAddr('10.9.0.1', None),)), False),
])
def test_only_a_proven_section_with_the_right_monitors_counts(
        section, is_shielded):
    assert shield_effect.clusters_of_users([section], [CLUSTER]) == (
        {'cinder': 'ceph'} if is_shielded else {})


def test_a_cluster_of_unknown_fsid_has_no_section():
    assert shield_effect.clusters_of_users(
        [SECTION], [dataclasses.replace(CLUSTER, fsid=None)]) == {}


def test_only_what_starts_elsewhere_still_fails():
    """The other columns stay: the shield is no excuse."""
    copy = applied(dataclasses.replace(STALE, breaks_after=tuple(Operation)))
    assert (copy.shielded, copy.breaks, copy.breaks_after) == (
        True, ELSEWHERE, ELSEWHERE)
    assert (copy.state, copy.due, copy.amiss) == (State.STALE, True, True)


def test_what_is_planned_stays():
    changes = (object(),)
    assert shield_effect.applied(
        Plan((STALE,), changes), {'cinder': 'ceph'},
        lambda copy: 'cinder').changes == changes


@pytest.mark.parametrize('copy', [
    sample.copy(sample.instance(1)),
    dataclasses.replace(sample.copy(sample.instance(1)),
                        breaks_after=ELSEWHERE)])
def test_a_current_copy_is_not_called_shielded(copy):
    assert applied(copy) == copy


@pytest.mark.parametrize('copy, shielded, user', [
    (STALE, {}, 'cinder'),
    (STALE, {'cinder': 'west'}, 'cinder'),
    (STALE, None, 'nova'),
    (STALE, None, None),
    (dataclasses.replace(STALE, cluster=None), None, 'cinder'),
    (dataclasses.replace(STALE, skip=SkipReason.OTHER_HOST), None, 'cinder'),
    (dataclasses.replace(STALE, disk=dataclasses.replace(
        STALE.disk, own_conf='/x.conf')), None, 'cinder'),
    (sample.unreadable(1)[0], None, 'cinder'),
])
def test_what_no_shield_covers(copy, shielded, user):
    assert applied(copy, shielded, user) == copy
