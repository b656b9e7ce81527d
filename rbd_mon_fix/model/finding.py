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

"""Findings: problems that need a person's attention."""

from __future__ import annotations

import dataclasses
import enum

from rbd_mon_fix.model.monmap import MonAddr


class FindingKind(str, enum.Enum):
    """The kind of object that a finding is about."""

    SHARE = 'cephfs-share'
    POOL = 'storage-pool'
    SNAPSHOT = 'snapshot'
    CHECKPOINT = 'checkpoint'
    BLOCK_DEVICE = 'krbd-device'
    VOLUME_MOVE = 'volume-move'
    RUNNING_GUEST = 'running-guest'


@dataclasses.dataclass(frozen=True)
class Finding:
    """A problem that needs a person's attention.

    :param host: the compute host, or the machine that runs this tool
    :param subject: the object, in words
    :param monitors: the addresses in the object
    :param desired: the right addresses; empty if they are unknown
    :param advice: what the operator can do
    """

    kind: FindingKind
    host: str
    subject: str
    monitors: tuple[MonAddr, ...]
    desired: tuple[MonAddr, ...]
    advice: str
