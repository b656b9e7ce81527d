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

"""Values of a rescue: the disks of a guest in QEMU, and their new monitors."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any, Mapping, Optional

from rbd_mon_fix.model.monmap import MonAddr


class DiskFeature(str, enum.Enum):
    """What a disk has that a rescue has never been tried with."""

    SHAREABLE = 'shareable'
    ENCRYPTED = 'encrypted'
    CHAINED = 'chained'
    SNAPSHOT = 'snapshot'
    SLICED = 'sliced'
    MIRRORED = 'mirrored'
    IOTHREAD = 'iothread'
    NOT_RAW = 'not raw'


@dataclasses.dataclass(frozen=True)
class LiveDisk:
    """A disk in the XML of a running guest.

    :param target: such as ``vda``
    :param alias: the id of the device in QEMU; '' if it has none
    :param number: the number in the names of its nodes; '' if it has none
    :param image: ``pool/image``; None if QEMU itself opens no RBD image
    :param path: the file or device of another disk; '' if it has none
    :param bus: such as ``virtio``; '' if unknown
    :param discard: the option of the driver; None if it is not set
    """

    target: str
    alias: str
    number: str
    image: Optional[str]
    path: str
    bus: str
    discard: Optional[str]
    read_only: bool = False
    features: tuple[DiskFeature, ...] = ()


@dataclasses.dataclass(frozen=True)
class BlockNode:
    """A node of QEMU's graph of block drivers.

    :param source: the options with which QEMU would open it again, without
        the secret; empty if QEMU does not tell them
    """

    name: str
    driver: str
    source: Mapping[str, Any]
    read_only: bool
    detect_zeroes: str
    direct: bool
    no_flush: bool


@dataclasses.dataclass(frozen=True)
class QemuState:
    """What QEMU tells of a guest without a look at its images.

    :param status: of the guest, such as ``running``
    :param work: block jobs, exports and migrations under way
    :param iothreads: the ids of all iothreads
    :param commands: the names of the QMP commands of this QEMU, without those
        that it may not survive
    :param bare: the paths of the devices whose node has no other below it
    """

    status: str
    work: tuple[str, ...]
    iothreads: tuple[str, ...]
    commands: frozenset[str]
    bare: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class BlockGraph:
    """The block devices of a QEMU process, and the nodes below them.

    :param devices: the name of the top node of each device, by its path
    :param nodes: all nodes by name
    :param secrets: the ids of all objects, such as secrets
    """

    devices: Mapping[str, str]
    nodes: Mapping[str, BlockNode]
    secrets: frozenset[str]


@dataclasses.dataclass(frozen=True)
class RequestLook:
    """The requests of the devices at one moment.

    :param completed: the number of completed requests, by device
    :param in_flight: the number of requests that are not completed, by the
        path of the virtio device; only of devices that count them
    :param kinds: virtio-blk or virtio-scsi, by the path of the device
    :param idle: seconds since any request was completed; None if none was
    """

    completed: Mapping[str, int]
    in_flight: Mapping[str, int]
    kinds: Mapping[str, str]
    idle: Optional[float] = None


@dataclasses.dataclass(frozen=True)
class DiskClaim:
    """The cluster of a disk of a guest, as its copies tell.

    :param cluster: None if the copies do not tell, or not all the same
    :param new: the right addresses
    :param note: why the cluster is not known, or ''
    """

    target: str
    image: str
    cluster: Optional[str]
    old: tuple[MonAddr, ...]
    new: tuple[MonAddr, ...]
    note: str = ''


@dataclasses.dataclass(frozen=True)
class DiskMove:
    """A disk to move to a connection with the right monitors.

    :param device: the path of the device in QEMU
    :param top: the raw node below the device
    :param storage: the node that is connected to the old monitors
    :param secret: the id of QEMU's object with the cephx key; None without
        cephx
    :param discard: the option of the raw node; None if it is not set
    """

    claim: DiskClaim
    device: str
    top: BlockNode
    storage: BlockNode
    secret: Optional[str]
    discard: Optional[str]
    number: str


@dataclasses.dataclass(frozen=True)
class Refusal:
    """A reason not to touch a guest.

    :param disk: None if the reason concerns the whole guest
    """

    disk: Optional[str]
    reason: str

    def __str__(self) -> str:
        return f'{self.disk}: {self.reason}' if self.disk else self.reason


@dataclasses.dataclass(frozen=True)
class QmpCommand:
    """A command of QEMU's monitor; it contains no secret."""

    execute: str
    arguments: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        return json.dumps({'execute': self.execute, **(
            {'arguments': self.arguments} if self.arguments else {})})


class RescueKind(str, enum.Enum):
    """A way to connect a stranded guest to its monitors, the best first."""

    LIVE_MIGRATION = 'live-migration'
    SUSPEND = 'suspend'
    IN_PLACE = 'in-place'


@dataclasses.dataclass(frozen=True)
class RescueWay:
    """A way, and what it takes.

    :param commands: to type; for the way in place, those that QEMU would get
    :param refusals: the reasons against it
    :param possible: None if it was not checked
    """

    kind: RescueKind
    commands: tuple[str, ...]
    refusals: tuple[Refusal, ...] = ()
    possible: Optional[bool] = None
