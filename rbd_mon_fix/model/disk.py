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

"""RBD disks as documents describe them."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple, Optional

from rbd_mon_fix.model.monmap import MonAddr


class Access(NamedTuple):
    """How QEMU opens an image, apart from the addresses."""

    pool: str
    user: Optional[str]
    secret_uuid: Optional[str]


@dataclasses.dataclass(frozen=True)
class RbdDisk:
    """An RBD image as one document describes it.

    :param key: identifies the disk in its document: a target such as ``vda``
    :param image: ``pool/image``, or ``pool/namespace/image``
    :param user: cephx user; None without cephx
    :param secret_uuid: libvirt secret, in lower case; None without cephx, or
        if the document names the secret by its usage
    :param monitors: the addresses, in the document's order
    :param verbatim: the part of the document that holds the addresses, byte
        for byte; opaque outside its kind of document, and free of secrets
    :param volume_id: Cinder's volume, if the document names it
    :param ragged: True if the addresses are readable, but must be corrected
        in any case: Nova, libvirt or QEMU cannot use their spelling, or a
        monitor has no address yet
    :param secret_usage: usage of the libvirt secret, if the document names
        no UUID (libvirt's docs/formatsecret.rst)
    :param own_conf: the ceph.conf that it names, which QEMU then reads
        instead of the default one
    """

    key: str
    image: str
    user: Optional[str]
    secret_uuid: Optional[str]
    monitors: tuple[MonAddr, ...]
    verbatim: str
    volume_id: Optional[str] = None
    ragged: bool = False
    secret_usage: Optional[str] = None
    own_conf: Optional[str] = None

    @property
    def pool(self) -> str:
        """Return the pool of the image."""
        return self.image.split('/', 1)[0]

    @property
    def access(self) -> Access:
        """Return pool, user and secret."""
        return Access(self.pool, self.user, self.secret_uuid)

    def is_own_of(self, instance: str) -> bool:
        """Return whether Nova itself created the image for a server.

        Nova names such images ``<uuid>_disk``, ``<uuid>_disk.swap`` and so
        on (nova/virt/libvirt/imagebackend.py, class Rbd).

        :param instance: UUID of the server
        """
        return self.image.rpartition('/')[2].startswith(f'{instance}_')

    def is_root_of(self, instance: str) -> bool:
        """Return whether the image is the root disk that Nova created.

        Only the root disk has no suffix after ``_disk``.

        :param instance: UUID of the server
        """
        return self.image.rpartition('/')[2] == f'{instance}_disk'


@dataclasses.dataclass(frozen=True)
class UnreadableDisk:
    """An RBD image of a document whose addresses cannot be fixed.

    :param key: identifies the disk in its document
    :param image: ``pool/image``
    :param reason: why the addresses cannot be fixed; no capital or full stop
    """

    key: str
    image: str
    reason: str


def device_of(key: str) -> Optional[str]:
    """Return the device that the key of a disk names, or None."""
    return None if key == 'volume' else key
