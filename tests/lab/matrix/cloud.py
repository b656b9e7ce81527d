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

"""The cloud of the matrix: its images, flavors, volume types, servers."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from typing import Any, Sequence

from novaclient import exceptions

from lab import errors
from lab import guests
from lab.openstack import config
from lab.openstack import keystone
from lab.openstack import user as users
from tests.lab.matrix import kinds
from tests.lab.matrix import watch

STABLE = 'matrix-stable-rescue'
GONE_WITHIN = 600


@dataclasses.dataclass(frozen=True)
class Served:
    """A server of the matrix.

    :param domain: its name in libvirt
    """

    id: str
    domain: str
    kind: kinds.Kind


class Cloud:
    """Creates and deletes what the servers of the matrix need."""

    def __init__(self) -> None:
        self.user = users.User()
        # Volumes that are ready to be attached.
        self.spares: list[str] = []
        self._session = keystone.connect()
        self._cinder = (
            f'{config.url(8776)}/v3/{self._session.get_project_id()}')

    @functools.cached_property
    def stable_image(self) -> str:
        """The ID of an image for rescues with stable devices."""
        image = self._session.post(users.GLANCE, json={
            'name': STABLE, 'disk_format': 'raw', 'container_format': 'bare',
            'hw_rescue_device': 'disk', 'hw_rescue_bus': 'virtio'}).json()
        self._session.put(
            f'{users.GLANCE}/{image["id"]}/file',
            data=guests.build_image().read_bytes(),
            headers={'Content-Type': 'application/octet-stream'})
        return image['id']

    def create(self, kind: kinds.Kind, number: int) -> list[Served]:
        """Create servers with a kind of disk, and wait until they run.

        :param number: even, as two of them may get the same volume; Nova
            names them after the kind
        """
        self._make_type(kind)
        self.user.nova.servers.create(
            kind.name, image=None if kind.booted else self.user.image,
            flavor=self._flavor(kind.flavor), nics='none',
            config_drive=kind.config_drive, min_count=number,
            max_count=number, block_device_mapping_v2=[
                self._completed(disk, kind) for disk in kind.disks])
        uuids = watch.built(kind.name, number)
        known = watch.servers()
        those = [Served(uuid, known[uuid].domain, kind) for uuid in uuids]
        if kind.shared:
            self._share(kind, those)
        return those

    def stock(self, number: int) -> None:
        """Create volumes to attach."""
        self.spares = [self.user.volumes.create('spare')
                       for _ in range(number)]
        for volume in self.spares:
            self.user.volumes.settled(volume, 'available')

    def volume_of(self, served: Served) -> str:
        """Return the volume of a server."""
        found, = self.user.nova.volumes.get_server_volumes(served.id)
        return found.volumeId

    def clear(self) -> None:
        """Delete all servers, in whatever state they are."""
        for uuid in watch.servers():
            # One that was deleted softly may just go.
            with contextlib.suppress(exceptions.NotFound):
                self.user.nova.servers.force_delete(uuid)
        left = watch.until(lambda: list(watch.servers()), GONE_WITHIN)
        if left:
            raise errors.LabError(
                f'servers are not deleted:\n{self.user.describe()}')

    def larger(self, flavor: kinds.Flavor) -> Any:
        """Return a flavor with more memory and the same disks."""
        return self._flavor(flavor, '-larger', 17)

    def _share(self, kind: kinds.Kind, those: Sequence[Served]) -> None:
        """Attach a volume to each pair of servers.

        Cinder refuses to attach a volume while it is attached to another
        server, so the servers of a pair must not act at the same time.
        """
        volumes = [self.user.volumes.create('shared', kind.name)
                   for _ in those[::2]]
        for volume in volumes:
            self.user.volumes.settled(volume, 'available')
        for turn in (those[::2], those[1::2]):
            before = watch.servers()
            for served, volume in zip(turn, volumes):
                self.user.nova.volumes.create_server_volume(served.id, volume)
            watch.wait({served.id: functools.partial(
                watch.Seen.ended_after, action=before[served.id].action)
                for served in turn})

    def _flavor(self, flavor: kinds.Flavor, suffix: str = '',
                memory: int = 16) -> Any:
        name = flavor.name + suffix
        for known in self.user.nova.flavors.list():
            if known.name == name:
                return known
        return self.user.nova.flavors.create(
            name, ram=memory, vcpus=1, disk=0, ephemeral=flavor.ephemeral,
            swap=flavor.swap)

    def _completed(self, disk: dict[str, Any],
                   kind: kinds.Kind) -> dict[str, Any]:
        more = {}
        if disk['source_type'] == 'image':
            more['uuid'] = self.user.image
        elif kind.type is not None:
            more['volume_type'] = kind.name
        return {**disk, **more}

    def _make_type(self, kind: kinds.Kind) -> None:
        known = self._session.get(f'{self._cinder}/types').json()
        if kind.type is None or kind.name in [
                one['name'] for one in known['volume_types']]:
            return
        made = self._session.post(f'{self._cinder}/types', json={
            'volume_type': {'name': kind.name, 'extra_specs': kind.type}
        }).json()['volume_type']['id']
        if kind.encrypted:
            self._session.post(
                f'{self._cinder}/types/{made}/encryption', json={
                    'encryption': {
                        'provider': 'luks', 'cipher': 'aes-xts-plain64',
                        'key_size': 256, 'control_location': 'front-end'}})
