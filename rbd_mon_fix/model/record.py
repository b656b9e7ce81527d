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

"""Documents, where they are kept, and what was read there."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from typing import Mapping, Optional, Protocol

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import UnreadableDisk
from rbd_mon_fix.model.monmap import MonAddr


class SkipReason(str, enum.Enum):
    """Why a record or a disk is left alone."""

    BUSY = 'busy'
    OTHER_HOST = 'other-host'
    TRANSIENT = 'transient'
    BLOCK_JOB = 'block-job'
    UNMANAGED = 'unmanaged'
    UNKNOWN_CLUSTER = 'unknown-cluster'
    UNREADABLE = 'unreadable'
    READ_ONLY = 'read-only'
    CHANGED = 'changed'
    GONE = 'gone'


class Document(Protocol):
    """A text with RBD disks in it."""

    @property
    def text(self) -> str:
        """Return the whole text; it may hold secrets."""

    @property
    def disks(self) -> tuple[RbdDisk, ...]:
        """Return its RBD disks in the document's order."""

    @property
    def unreadable(self) -> tuple[UnreadableDisk, ...]:
        """Return its RBD disks whose addresses cannot be put right."""

    def spell(self, disk: RbdDisk, monitors: tuple[MonAddr, ...]) -> str:
        """Return the words (``verbatim``) for other monitors of a disk."""

    def edited(self, verbatims: Mapping[str, str]) -> Document:
        """Return a copy with the words of some disks (by key) replaced.

        All outside those words stays as it is, byte for byte.
        """


@dataclasses.dataclass(frozen=True)
class Locator:
    """The address of one document.

    :param store: name of the store
    :param host: compute host of the server
    :param instance: UUID of the server
    :param key: what the store needs: row id, attachment id, domain UUID
    """

    store: str
    host: str
    instance: str
    key: str


@dataclasses.dataclass(frozen=True)
class Record:
    """A locator with the document that was read there.

    :param document: None where it cannot be read
    :param unreadable: why it cannot, without a word of the document
    :param skip: a reason that the store knows for leaving it alone
    :param attachment: Cinder's attachment id, where there is one
    :param volume_id: Cinder's volume, where the record is of one volume
    :param disk: device name where the document itself knows none
    :param live: the XML of the running process, where reading the record
        took reading that as well
    """

    locator: Locator
    document: Optional[Document]
    unreadable: Optional[str] = None
    skip: Optional[SkipReason] = None
    attachment: Optional[str] = None
    volume_id: Optional[str] = None
    disk: Optional[str] = None
    live: Optional[Document] = None


def fingerprint(document: Document) -> str:
    """Return the SHA-256 of a document, by which the journal knows it."""
    return hashlib.sha256(document.text.encode()).hexdigest()
