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

"""Values for judged copies, plans, changes and outcomes."""

from __future__ import annotations

import dataclasses
import enum
from typing import Mapping, Optional

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.evidence import Evidence
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.record import Document
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.record import SkipReason


class State(str, enum.Enum):
    """How the addresses of a copy compare with the right ones."""

    CURRENT = 'current'
    DRIFTED = 'drifted'
    STALE = 'stale'
    UNKNOWN_CLUSTER = 'unknown-cluster'
    UNREADABLE = 'unreadable'


_WRONG = (State.DRIFTED, State.STALE)
_NOT_JUDGED = (State.UNKNOWN_CLUSTER, State.UNREADABLE)
# No server starts from what another host's server left behind, and a
# transient domain has no next start.
_OF_NO_SERVER = (SkipReason.OTHER_HOST, SkipReason.TRANSIENT)


class Operation(str, enum.Enum):
    """An operation on a server, in the order of reports."""

    START = 'start'
    HARD_REBOOT = 'hard-reboot'
    SOFT_REBOOT = 'soft-reboot'
    RESUME = 'resume'
    UNRESCUE = 'unrescue'
    RESCUE = 'rescue'
    SUSPEND = 'suspend'
    SNAPSHOT = 'snapshot'
    LIVE_MIGRATE = 'live-migrate'
    MIGRATE = 'migrate'
    REVERT = 'revert'


# Operations that succeed, but hand the stale addresses on to another copy,
# from which nothing starts until refresh has corrected it.
HANDED_ON = frozenset({Operation.SUSPEND})


class Verdict(str, enum.Enum):
    """The result of a change."""

    FIXED = 'fixed'
    CONFLICT = 'conflict'
    FAILED = 'failed'
    UNVERIFIED = 'unverified'


@dataclasses.dataclass(frozen=True)
class Copy:
    """One disk in one record, judged; a row of every report.

    :param disk: None if the record cannot be read
    :param cluster: name of the disk's cluster; None if it is unknown
    :param desired: the right addresses; empty if they are unknown
    :param note: more about a skip, or ''
    :param evidence: what tells the cluster, or why nothing does; None if the
        disk cannot be read
    :param breaks_after: the operations that fail after the copy is changed
    :param restore: in the plan of a rollback, whether the copy gets the
        addresses that it had before the run, right or wrong; None elsewhere
    :param live: the addresses of the same image in the running guest; None
        if the guest does not run, or has another image in its place
    :param shielded: whether the addresses are wrong, but ignored by every
        QEMU that starts on this host
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
    evidence: Optional[Evidence] = None
    breaks_after: tuple[Operation, ...] = ()
    restore: Optional[bool] = None
    live: Optional[tuple[MonAddr, ...]] = None
    shielded: bool = False

    @property
    def wrong(self) -> bool:
        """Return whether the addresses must be fixed."""
        return self.state in _WRONG

    @property
    def counts(self) -> bool:
        """Return whether the copy matters to a server on its host."""
        return self.skip not in _OF_NO_SERVER

    @property
    def not_judged(self) -> bool:
        """Return whether nothing tells if the addresses are right."""
        return self.state in _NOT_JUDGED and self.counts

    @property
    def amiss(self) -> bool:
        """Return whether a person must know of the copy.

        A read-only copy that makes no operation fail goes away by itself, when
        its guest is restarted. A copy that an operation makes of it can be
        corrected before anything starts from there.
        """
        lasting = (self.skip is not SkipReason.READ_ONLY
                   or not HANDED_ON.issuperset(self.breaks))
        return self.not_judged or self.wrong and self.counts and lasting

    @property
    def due(self) -> bool:
        """Return whether the copy is to be changed."""
        wanted = self.wrong if self.restore is None else self.restore
        return wanted and self.skip is None

    @property
    def is_left_alone(self) -> bool:
        """Return whether a reason keeps the copy from being changed."""
        return self.skip is not None and (
            self.restore is not None or self.state is not State.CURRENT)


@dataclasses.dataclass(frozen=True)
class Edit:
    """The old and new monitors of one disk, as addresses and verbatim.

    :param user: cephx user of the disk; None without cephx, or if unknown
    :param secret_uuid: libvirt secret; None without cephx, or if unknown
    :param evidence: what tells the cluster; '' in old journals
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
    evidence: str = ''

    @property
    def pool(self) -> str:
        """Return the pool of the image."""
        return self.image.split('/', 1)[0]

    def inverse(self) -> Edit:
        """Return the edit that reverts this one."""
        return dataclasses.replace(
            self, old=self.new, new=self.old,
            old_verbatim=self.new_verbatim, new_verbatim=self.old_verbatim)


@dataclasses.dataclass(frozen=True)
class Change:
    """All edits of one record, and the edited document.

    :param name: the name of the server; '' if it has none
    """

    record: Record
    document: Document
    edits: tuple[Edit, ...]
    name: str = ''

    @property
    def locator(self) -> Locator:
        """Return the locator of the record."""
        return self.record.locator


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The verdict on a change, with a reason unless it is ``fixed``."""

    locator: Locator
    verdict: Verdict
    reason: str = ''


@dataclasses.dataclass(frozen=True)
class Plan:
    """The copies of a batch, and the changes to make."""

    copies: tuple[Copy, ...]
    changes: tuple[Change, ...]


# The outcomes of changes by locator; None if no change was made.
Outcomes = Optional[Mapping[Locator, Outcome]]


def outcome_of(copy: Copy, outcomes: Outcomes) -> Optional[Outcome]:
    """Return the outcome of a copy; None if no change was due.

    An outcome covers a whole document, which may also have disks that were
    not changed.
    """
    if not outcomes or not copy.due:
        return None
    return outcomes.get(copy.locator)
