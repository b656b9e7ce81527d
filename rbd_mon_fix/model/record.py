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

"""Documents, their locators, and the records that were read."""

from __future__ import annotations

import dataclasses
import enum
import hashlib
from typing import Mapping, NamedTuple, Optional, Protocol

from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.disk import UnreadableDisk
from rbd_mon_fix.model.monmap import MonAddr


class SkipReason(str, enum.Enum):
    """The reason to skip a record or a disk."""

    BUSY = 'busy'
    OTHER_HOST = 'other-host'
    TRANSIENT = 'transient'
    BLOCK_JOB = 'block-job'
    UNMANAGED = 'unmanaged'
    UNKNOWN_CLUSTER = 'unknown-cluster'
    UNREADABLE = 'unreadable'
    READ_ONLY = 'read-only'
    CONFIG_FILE = 'config-file'
    CHANGED = 'changed'
    GONE = 'gone'


class Document(Protocol):
    """A text that describes RBD disks."""

    @property
    def text(self) -> str:
        """Return the whole text, which may hold secrets."""

    @property
    def disks(self) -> tuple[RbdDisk, ...]:
        """Return the RBD disks in the document's order."""

    @property
    def unreadable(self) -> tuple[UnreadableDisk, ...]:
        """Return the RBD disks whose addresses cannot be fixed."""

    def spell(self, disk: RbdDisk, monitors: tuple[MonAddr, ...]) -> str:
        """Return ``verbatim`` of a disk for other monitors."""

    def edited(self, verbatims: Mapping[str, str]) -> Document:
        """Return a copy with ``verbatim`` of some disks (by key) replaced.

        Everything else stays the same, byte for byte.
        """


class Locator(NamedTuple):
    """The address of one document; a tuple, because those are hashed fast.

    :param store: name of the store
    :param host: compute host of the server
    :param instance: UUID of the server
    :param key: a row id, an attachment id, the UUID of a domain or an RBD
        image, depending on the store
    """

    store: str
    host: str
    instance: str
    key: str


@dataclasses.dataclass(frozen=True)
class Record:
    """A locator and the document that was read there.

    :param document: None if the document cannot be read
    :param unreadable: why the document cannot be read; quotes no content
    :param skip: the store's reason to skip the record, if any
    :param attachment: Cinder's attachment id, if known
    :param volume_id: Cinder's volume, if the record describes one volume
    :param disk: device name, if the document itself has no device names
    :param live: the XML of the running process, if read with the record
    :param path: the file that a person has to change, if it is none of ours
    """

    locator: Locator
    document: Optional[Document]
    unreadable: Optional[str] = None
    skip: Optional[SkipReason] = None
    attachment: Optional[str] = None
    volume_id: Optional[str] = None
    disk: Optional[str] = None
    live: Optional[Document] = None
    path: Optional[str] = None


def fingerprint(document: Document) -> str:
    """Return the SHA-256 of a document, which the journal stores."""
    return hashlib.sha256(document.text.encode()).hexdigest()
