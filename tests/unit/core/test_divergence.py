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

"""Running guests whose XML names other monitors than the next start's."""

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.core import divergence
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from tests.unit import memory

OLD, NEW = memory.addrs(memory.OLD), memory.addrs(memory.NEW)
TURNED = NEW[::-1]
WHERE = memory.locator('domain', 1)
GUEST = Instance(WHERE.instance, memory.HOST, 'web', 'active', managed=False)


def copy(live, found=NEW, key='vda', state=State.CURRENT, **fields):
    """Return the copy of a disk in the persistent XML."""
    return dataclasses.replace(Copy(
        WHERE, GUEST, RbdDisk(key, 'vms/x', None, None, found, ''), key,
        'ceph', NEW, state, live=live), **fields)


def stale(live):
    return copy(live, OLD, state=State.STALE)


def outcome(verdict):
    return {WHERE: Outcome(WHERE, verdict)}


FIXED, FAILED = outcome(Verdict.FIXED), outcome(Verdict.FAILED)


@pytest.mark.parametrize('found, outcomes, expected', [
    (copy(None), None, False),  # it does not run
    (copy(NEW), None, False),
    (copy(OLD), None, True),
    # libvirt compares the hosts in their order.
    (copy(TURNED), None, True),
    (stale(OLD), None, False),
    (stale(OLD), FAILED, False),
    (stale(OLD), FIXED, True),
    # The hook has corrected the running guest; refresh does the rest.
    (stale(NEW), None, False),
    (stale(NEW), FIXED, False),
    (stale(NEW), FAILED, False),
    (stale(TURNED), FIXED, True),
    (copy(OLD, NEW, state=State.UNKNOWN_CLUSTER, desired=()), None, True),
    (copy(OLD, key='nvram'), None, False),
    # An image below an overlay.
    (copy(OLD, key='vda/backingStore'), None, False),
    (copy(OLD, disk=None, state=State.UNREADABLE), None, False),
    # Nova defines the domain again after a snapshot.
    (copy(OLD, instance=memory.instances(1)[WHERE.instance]), None, False)])
def test_who_is_apart(found, outcomes, expected):
    told = divergence.finding([found], outcomes)
    assert (told is not None) is expected


def test_one_finding_for_a_guest():
    told = divergence.finding([
        copy(NEW), copy(OLD, key='vdb'), copy(TURNED, key='vdc')], None)
    assert (told.kind, told.host) == (FindingKind.RUNNING_GUEST, memory.HOST)
    assert told.subject == f'guest web ({GUEST.uuid}), vdb, vdc'
    assert (told.monitors, told.desired) == (OLD, NEW)
    assert 'stop and start it before a snapshot' in told.advice
