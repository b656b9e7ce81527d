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


"""Places of a domain's XML other than libvirt's persistent definition."""

from __future__ import annotations

import pathlib
import shutil
from typing import Any, Optional

from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.store import Store
from rbd_mon_fix.stores import registry
from tests.unit import memory
from tests.unit.stores import places

# A device attached long ago to the running domain alone.
OLD_DISK = ("<disk type='block'><source dev='/dev/sdx'/>"
            "<target dev='vdx'/></disk>")


class RunningDomainPlace(places.DomainPlace):
    """Persistent XML of running domains, each with one more device."""

    def add(self, server: int, text: Optional[str] = None) -> Locator:
        where = super().add(server, text)
        self.live_texts[where.key] = self.texts[where.key].replace(
            '</devices>', f'{OLD_DISK}</devices>')
        return where

    def remove(self, where: Locator) -> None:
        super().remove(where)
        del self.live_texts[where.key]

    def everything(self) -> Any:
        return {'texts': dict(self.texts), 'live': dict(self.live_texts)}


class ManagedSavePlace(places.DomainPlace):
    """Managed-save images of domains."""

    name = 'managed-save'

    def add(self, server: int, text: Optional[str] = None) -> Locator:
        where = super().add(server)
        self.images[where.key] = text or self.text(server)
        return where

    def set_text(self, where: Locator, text: str) -> None:
        self.images[where.key] = text

    def remove(self, where: Locator) -> None:
        del self.images[where.key]

    def everything(self) -> Any:
        return {'texts': dict(self.texts), 'images': dict(self.images)}


class LiveDomainPlace(places.DomainPlace):
    """Running domains with a different persistent XML."""

    name = 'live-domain'

    def add(self, server: int, text: Optional[str] = None) -> Locator:
        where = super().add(server, self.text(server).replace('vda', 'vdb'))
        self.live_texts[where.key] = text or self.text(server)
        return where

    def set_text(self, where: Locator, text: str) -> None:
        self.live_texts[where.key] = text

    def remove(self, where: Locator) -> None:
        """Stop a domain; libvirt keeps its persistent XML."""
        del self.live_texts[where.key]

    def everything(self) -> Any:
        return {'texts': dict(self.texts), 'live': dict(self.live_texts)}


class UnrescuePlace:
    """A folder with one folder per server."""

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._folder.mkdir()
        self.store = self.open()

    def instances_path(self) -> str:
        return str(self._folder)

    def open(self) -> Store:
        """Return another instance of the store."""
        return registry.SPECS['unrescue'].open(self, places.HOST)

    def text(self, server: int) -> str:
        return places.DomainPlace().text(server)

    def add(self, server: int, text: Optional[str] = None) -> Locator:
        uuid = memory.uuid(server)
        (self._folder / uuid).mkdir()
        (self._folder / uuid / 'disk.info').write_text('{}')
        where = Locator('unrescue', places.HOST, uuid, uuid)
        self.set_text(where, text or self.text(server))
        return where

    def scope(self, *servers: int) -> Scope:
        return Scope(places.HOST, memory.instances(*servers))

    def set_text(self, where: Locator, text: str) -> None:
        (self._folder / where.key / 'unrescue.xml').write_bytes(
            text.encode())

    def remove(self, where: Locator) -> None:
        shutil.rmtree(self._folder / where.key)

    def everything(self) -> Any:
        """Return every file with its content, mode and owner."""
        return {str(path.relative_to(self._folder)): (
            path.read_bytes(), path.stat().st_mode, path.stat().st_uid)
            for path in self._folder.rglob('*') if path.is_file()}

    def close(self) -> None:
        """Do nothing: there is nothing to close."""
