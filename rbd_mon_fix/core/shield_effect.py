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

"""The effect of a shield on the copies of its host.

QEMU processes that start on the host ignore the lists of shielded users. A
process that starts on another host reads the ceph.conf there.
"""

from __future__ import annotations

import dataclasses
from typing import Callable, Iterable, Iterator, Mapping, Optional

from rbd_mon_fix.core import shielding
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.shield import Override

# These start QEMU on the host that the server is on, or write a copy that only
# this host reads (core/readers.py tells where). MIGRATE is the way back of a
# migration that was cut off on its first host. Any other operation is taken to
# start QEMU elsewhere.
HERE = frozenset({
    Operation.START, Operation.HARD_REBOOT, Operation.SOFT_REBOOT,
    Operation.RESUME, Operation.UNRESCUE, Operation.RESCUE, Operation.SUSPEND,
    Operation.SNAPSHOT, Operation.MIGRATE})

UserOf = Callable[[Copy], Optional[str]]


def clusters_of_users(overrides: Iterable[Override],
                      clusters: Iterable[Cluster]) -> Mapping[str, str]:
    """Return the users that a ceph.conf shields, each with its cluster.

    :param overrides: the sections of the ceph.conf
    :param clusters: the clusters that the config names
    """
    right = {each.fsid: each for each in clusters if each.fsid}
    return {each.user: right[each.fsid].name for each in overrides
            if each.is_proven and each.fsid in right
            and each.addrs == shielding.addresses(right[each.fsid].monmap)}


def applied(plan: Plan, shielded: Mapping[str, str],
            user_of: UserOf) -> Plan:
    """Return a plan of a shielded host that takes the shield into account.

    What is planned stays: the shield is no excuse.

    :param shielded: the shielded users, each with its cluster
    :param user_of: returns the user of a copy's disk
    """
    return dataclasses.replace(plan, copies=tuple(
        _copies(plan.copies, shielded, user_of)))


def _copies(copies: Iterable[Copy], shielded: Mapping[str, str],
            user_of: UserOf) -> Iterator[Copy]:
    for copy in copies:
        if _is_covered(copy, shielded, user_of):
            yield dataclasses.replace(
                copy, shielded=copy.wrong, breaks=_elsewhere(copy.breaks),
                breaks_after=_elsewhere(copy.breaks_after))
        else:
            yield copy


def _is_covered(copy: Copy, shielded: Mapping[str, str],
                user_of: UserOf) -> bool:
    """Return whether QEMU on the host ignores the addresses of a copy.

    It reads another ceph.conf for a disk that names one.
    """
    if (copy.disk is None or copy.disk.own_conf or copy.cluster is None
            or not copy.counts):
        return False
    user = user_of(copy)
    return user is not None and shielded.get(user) == copy.cluster


def _elsewhere(operations: Iterable[Operation]) -> tuple[Operation, ...]:
    return tuple(each for each in operations if each not in HERE)
