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

"""A ceph.conf, and servers with disks that Nova created itself."""

from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, Optional

from rbd_mon_fix.conf import nova as nova_conf
from rbd_mon_fix.engine import own_disks
from rbd_mon_fix.model.disk import RbdDisk
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.store import Store
from rbd_mon_fix.stores import registry
from tests.unit import memory
from tests.unit.stores import places

NOVA = nova_conf.NovaConf(
    host=None, instances_path='', images_type='rbd', images_rbd_pool='vms',
    images_rbd_ceph_conf='', rbd_user='cinder', rbd_secret_uuid='S',
    connection_uri='', database_connection=None,
    api_database_connection=None)


@dataclasses.dataclass(frozen=True)
class Domain:
    """The disks of a domain."""

    disks: tuple[RbdDisk, ...]
    text: str = ''
    unreadable: tuple[()] = ()


def disk(image: str) -> RbdDisk:
    return RbdDisk('vda', image, 'cinder', 'S', memory.addrs(memory.OLD), '')


class CephConfPlace:
    """A ceph.conf in a folder, for all servers that were added."""

    def __init__(self, folder: pathlib.Path):
        self.path = folder / 'ceph.conf'
        self.images: dict[str, tuple[str, ...]] = {}
        self.store = self.open()

    def ceph_conf(self) -> own_disks.OwnDisks:
        return own_disks.OwnDisks(dataclasses.replace(
            NOVA, images_rbd_ceph_conf=str(self.path)))

    def open(self) -> Store:
        """Return another instance of the store."""
        return registry.SPECS['ceph-conf'].open(self, places.HOST)

    def text(self, server: int) -> str:
        hosts = ','.join(f'[{host}]:6789' if ':' in host else f'{host}:6789'
                         for host in places.OLD)
        return f'[global]\nmon_host = {hosts}\n# {places.NOISE}\n'

    def add(self, server: int, text: Optional[str] = None) -> Locator:
        uuid = memory.uuid(server)
        image = f'vms/{uuid}_disk'
        self.images[uuid] = (f'vms/{uuid}_disk.config', image)
        where = Locator('ceph-conf', places.HOST, uuid, image)
        self.set_text(where, text or self.text(server))
        return where

    def scope(self, *servers: int) -> Scope:
        """Return servers, each with a volume next to its own disks."""
        return Scope(places.HOST, memory.instances(*servers), before=tuple(
            Record(Locator('domain', places.HOST, uuid, uuid), Domain(tuple(
                map(disk, ('volumes/volume-1',
                           *self.images.get(uuid, ()))))))
            for uuid in map(memory.uuid, servers)))

    def set_text(self, where: Locator, text: str) -> None:
        self.path.write_text(text)

    def remove(self, where: Locator) -> None:
        self.path.unlink()

    def everything(self) -> Any:
        return self.path.read_text()

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
