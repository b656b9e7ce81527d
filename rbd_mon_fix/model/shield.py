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

"""The shield: monitors in a host's ceph.conf that outrank lists in disks.

librados tries ``mon_host_override`` before the list that QEMU was given
(MonMap::build_initial in Ceph's src/mon/MonMap.cc).
"""

from __future__ import annotations

import dataclasses
import enum
from typing import Optional

from rbd_mon_fix.model.monmap import MonAddr


@dataclasses.dataclass(frozen=True)
class Override:
    """The monitors that the clients of one cephx user contact on a host.

    :param user: cephx user without ``client.``
    :param fsid: the cluster that listed the monitors
    :param addrs: the addresses; without a port, both default ports
    :param is_proven: whether QEMU has opened an image with it; if not, the
        run that wrote it is not over, or was killed
    """

    user: str
    fsid: str
    addrs: tuple[MonAddr, ...]
    is_proven: bool = True


class Obstacle(str, enum.Enum):
    """A reason not to write the section of a cephx user."""

    NO_USER = 'no-user'
    UNSAFE_NAME = 'unsafe-name'
    UNREADABLE = 'unreadable'
    UNKNOWN_CLUSTER = 'unknown-cluster'
    SEVERAL_CLUSTERS = 'several-clusters'
    NO_FSID = 'no-fsid'
    OTHER_FSID = 'other-fsid'
    CLAIM = 'claim'
    NO_ANSWER = 'no-answer'
    NAMES = 'names'
    FOREIGN = 'foreign'


@dataclasses.dataclass(frozen=True)
class Barred:
    """A cephx user whose section is not written, and the reason.

    A section that an earlier run wrote and proved stays as it is.

    :param user: None for disks without a cephx user
    :param detail: the reason in a sentence
    """

    user: Optional[str]
    obstacle: Obstacle
    detail: str


@dataclasses.dataclass(frozen=True)
class ShieldPlan:
    """The sections that a ceph.conf should have.

    :param overrides: one for each cephx user, sorted by user
    :param barred: the users whose section must not be written
    """

    overrides: tuple[Override, ...]
    barred: tuple[Barred, ...]
