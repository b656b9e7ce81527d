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

"""A ceph.conf as the description of one of Nova's own disks.

The file names no disk: nova-compute opens all of its own disks with it.
"""

from __future__ import annotations

import dataclasses
from typing import Mapping

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import UnreadableDisk
from rbd_mon_fix.model.monmap import MonAddr


@dataclasses.dataclass(frozen=True)
class CephConfText:
    """The text of a ceph.conf, and the disk that is opened with it."""

    text: str = dataclasses.field(repr=False)
    disks: tuple[RbdDisk, ...]
    unreadable: tuple[UnreadableDisk, ...] = ()

    def spell(self, disk: RbdDisk, monitors: tuple[MonAddr, ...]) -> str:
        """Return a ``mon_host`` for other monitors."""
        return ','.join(map(str, monitors))

    def edited(self, verbatims: Mapping[str, str]) -> CephConfText:
        """Return a copy with another ``mon_host``."""
        text = self.text
        for disk in self.disks:
            text = text.replace(disk.verbatim,
                                verbatims.get(disk.key, disk.verbatim))
        return dataclasses.replace(self, text=text)

    def of(self, image: str) -> CephConfText:
        """Return the same text as the description of another image."""
        return dataclasses.replace(self, disks=tuple(
            dataclasses.replace(disk, image=image) for disk in self.disks))
