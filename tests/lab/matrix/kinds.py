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

"""The kinds of disks: how a server with such a disk is created."""

from __future__ import annotations

import dataclasses
from typing import Any, Optional

VOLUME = {'source_type': 'blank', 'destination_type': 'volume',
          'boot_index': -1, 'volume_size': 1, 'delete_on_termination': True}


@dataclasses.dataclass(frozen=True)
class Flavor:
    """A flavor; the root disk is as large as its image."""

    name: str
    ephemeral: int = 0
    swap: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Kind:
    """A kind of disk.

    :param flavor: of its servers
    :param disks: the block device mappings, as in Nova's API, but those of
        Nova's own disks; they lack the image and the volume type
    :param config_drive: whether its servers have a config drive
    :param type: the extra specs of its volume type; None for the default type
    :param encrypted: whether its volume type encrypts
    :param shared: whether two servers each get the same volume, after their
        creation
    """

    name: str
    title: str
    flavor: Flavor = Flavor('matrix')
    disks: tuple[dict[str, Any], ...] = ()
    config_drive: bool = False
    type: Optional[dict[str, str]] = None
    encrypted: bool = False
    shared: bool = False

    @property
    def booted(self) -> bool:
        """Return whether its servers boot from a volume."""
        return any(disk['boot_index'] == 0 for disk in self.disks)

    @property
    def has_volume(self) -> bool:
        """Return whether its servers have a volume besides the root disk."""
        return bool(self.disks) and not self.booted or self.shared


KINDS = (
    Kind('root', "Nova's own root disk"),
    Kind('ephemeral', "Nova's own ephemeral disk",
         Flavor('matrix-ephemeral', ephemeral=1)),
    Kind('swap', "Nova's own swap disk", Flavor('matrix-swap', swap=1)),
    Kind('config-drive', 'config drive', config_drive=True),
    Kind('volume', 'volume', disks=(VOLUME,)),
    Kind('booted', 'boot from volume', disks=({
        **VOLUME, 'source_type': 'image', 'boot_index': 0},)),
    Kind('encrypted', 'encrypted volume (LUKS)', disks=(VOLUME,),
         type={}, encrypted=True),
    Kind('multiattach', 'volume attached to several servers',
         type={'multiattach': '<is> True'}, shared=True),
    Kind('cdrom', 'volume as a CD-ROM', disks=(
        {**VOLUME, 'device_type': 'cdrom', 'disk_bus': 'ide'},)),
)
