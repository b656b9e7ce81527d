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

"""What was found and what is to be done about it, as values."""

from __future__ import annotations

import dataclasses
import enum
from typing import Mapping, Optional

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Document
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason


class State(str, enum.Enum):
    """How the addresses of one copy compare with the right ones."""

    CURRENT = 'current'
    DRIFTED = 'drifted'
    STALE = 'stale'
    UNKNOWN_CLUSTER = 'unknown-cluster'
    UNREADABLE = 'unreadable'


class Operation(str, enum.Enum):
    """What an operator does with a server, in the order of reports."""

    START = 'start'
    HARD_REBOOT = 'hard-reboot'
    SOFT_REBOOT = 'soft-reboot'
    RESUME = 'resume'
    UNRESCUE = 'unrescue'
    LIVE_MIGRATE = 'live-migrate'


class Verdict(str, enum.Enum):
    """What became of a change."""

    FIXED = 'fixed'
    CONFLICT = 'conflict'
    FAILED = 'failed'
    UNVERIFIED = 'unverified'


@dataclasses.dataclass(frozen=True)
class Copy:
    """One disk in one record, judged; a row of every report.

    :param disk: None where the record cannot be read
    :param cluster: name of the disk's cluster; None where it is unknown
    :param desired: the right addresses; empty where they are unknown
    :param note: one clear sentence to a skip, where there is more to say
    """

    locator: Locator
    instance: Instance
    disk: Optional[RbdDisk]
    device: Optional[str]
    cluster: Optional[str]
    desired: tuple[MonAddr, ...]
    state: State
    skip: Optional[SkipReason] = None
    breaks: tuple[Operation, ...] = ()
    note: str = ''

    @property
    def wrong(self) -> bool:
        """Tell whether its addresses have to be put right."""
        return self.state in (State.DRIFTED, State.STALE)

    @property
    def due(self) -> bool:
        """Tell whether it is to be changed."""
        return self.wrong and self.skip is None


@dataclasses.dataclass(frozen=True)
class Edit:
    """One disk, old to new: as addresses, and in the document's words.

    :param user: cephx user of the disk; None without cephx, or unknown
    :param secret_uuid: its libvirt secret, likewise
    """

    disk: str
    image: str
    cluster: str
    old: tuple[MonAddr, ...]
    new: tuple[MonAddr, ...]
    old_verbatim: str
    new_verbatim: str
    user: Optional[str] = None
    secret_uuid: Optional[str] = None

    @property
    def pool(self) -> str:
        """Return the pool of the image."""
        return self.image.split('/', 1)[0]

    def inverse(self) -> Edit:
        """Return the edit that takes this one back."""
        return dataclasses.replace(
            self, old=self.new, new=self.old,
            old_verbatim=self.new_verbatim, new_verbatim=self.old_verbatim)


@dataclasses.dataclass(frozen=True)
class Change:
    """All edits of one record, and the document that they make of it."""

    record: Record
    document: Document
    edits: tuple[Edit, ...]

    @property
    def locator(self) -> Locator:
        """Return where the change is to be made."""
        return self.record.locator


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of a change, and why where it is not fixed."""

    locator: Locator
    verdict: Verdict
    reason: str = ''


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that was found in a batch, and all that is to be changed."""

    copies: tuple[Copy, ...]
    changes: tuple[Change, ...]


# What became of changes, by place; None where none was made.
Outcomes = Optional[Mapping[Locator, Outcome]]


def outcome_of(copy: Copy, outcomes: Outcomes) -> Optional[Outcome]:
    """Return what became of a copy; None where nothing was to be done.

    The outcome is that of a document, in which other disks may have been
    right all along.
    """
    if not outcomes or not copy.due:
        return None
    return outcomes.get(copy.locator)
