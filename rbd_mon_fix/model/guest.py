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

"""Running QEMU processes."""

from __future__ import annotations

import dataclasses
import enum
from typing import Optional

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.monmap import MonAddr


class GuestState(str, enum.Enum):
    """Whether a running guest is connected to the monitors of its disks."""

    FOLLOWING = 'following'
    STRANDED = 'stranded'
    UNKNOWN = 'unknown'


@dataclasses.dataclass(frozen=True)
class Guest:
    """A running QEMU process.

    :param instance: the server's UUID; the guest's name if the command line
        has no UUID; None if the command line has neither
    :param disks: the RBD images on the command line, without those that
        were attached later
    :param peers: the remote ends of the TCP connections; None if they
        cannot be read
    """

    pid: int
    instance: Optional[str]
    disks: tuple[RbdDisk, ...]
    peers: Optional[frozenset[MonAddr]]
