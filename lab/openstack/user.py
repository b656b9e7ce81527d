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

"""The actions of a user of the lab's cloud."""

from __future__ import annotations

import functools
from typing import Any, Callable, Iterable

from novaclient import client as nova_client
from novaclient.v2 import servers

from lab import errors
from lab import guests
from lab import network
from lab import services
from lab.openstack import cinder
from lab.openstack import config
from lab.openstack import keystone
from lab.openstack import volumes

IMAGE = 'guest'
FLAVOR = 'tiny'
WITHIN = 180
GLANCE = config.url(9292, '/v2/images')


class User:
    """A user, who is also the cloud's administrator."""

    def __init__(self) -> None:
        self._session = keystone.connect()
        self.nova = nova_client.Client(
            '2.90', session=self._session, region_name=config.REGION)
        self.volumes = volumes.Volumes(self._session, self._wait)

    @property
    def image(self) -> str:
        """The ID of the image with the lab's guest."""
        return self._images()[0]

    def prepare(self) -> None:
        """Create an image of the lab's guest, a flavor and a volume type."""
        if not self._images():
            image = self._session.post(GLANCE, json={
                'name': IMAGE, 'disk_format': 'raw',
                'container_format': 'bare'}).json()
            self._session.put(
                f'{GLANCE}/{image["id"]}/file',
                data=guests.build_image().read_bytes(),
                headers={'Content-Type': 'application/octet-stream'})
        if FLAVOR not in [one.name for one in self.nova.flavors.list()]:
            self.nova.flavors.create(FLAVOR, ram=16, vcpus=1, disk=0)
        self.volumes.create_type(cinder.BACKEND)

    def wait_for_compute(self) -> None:
        """Wait until servers can be created.

        Nova schedules no servers to a host for a while after its libvirt was
        down.
        """
        def look() -> bool:
            return all((one.status, one.state) == ('enabled', 'up') for one
                       in self.nova.services.list(binary='nova-compute'))

        self._wait('nova-compute is not up', look)

    def create(self, name: str, volume: str = '',
               host: str = network.HOSTNAME) -> servers.Server:
        """Create a server, without waiting until it is up.

        :param volume: the ID of the volume that it boots from, instead of one
            of Nova's own disks
        """
        boot: dict[str, Any] = {'image': self.image}
        if volume:
            boot = {'image': None, 'block_device_mapping_v2': [{
                'uuid': volume, 'boot_index': 0, 'source_type': 'volume',
                'destination_type': 'volume'}]}
        return self.nova.servers.create(
            name, flavor=self._flavor, nics='none', host=host, **boot)

    def settled(self, server: str, status: str) -> servers.Server:
        """Wait until a server has a status and no task.

        :raises LabError: the server is in ERROR, or takes too long
        """
        def look() -> Any:
            known = self.nova.servers.get(server)
            busy = getattr(known, 'OS-EXT-STS:task_state')
            if known.status == 'ERROR' != status and not busy:
                raise errors.LabError(self._fault(known))
            return known if known.status == status and not busy else False

        return self._wait(f'server {server} is not {status}', look)

    def idle(self, server: str) -> servers.Server:
        """Wait until a server has no task, and return it."""
        def look() -> Any:
            known = self.nova.servers.get(server)
            return (False if getattr(known, 'OS-EXT-STS:task_state')
                    or known.status == 'BUILD' else known)

        return self._wait(f'server {server} is busy', look)

    def gone(self, servers_: Iterable[str]) -> None:
        """Wait until deleted servers are gone."""
        ids = set(servers_)
        self._wait('servers are not deleted', lambda: not ids & {
            one.id for one in self.nova.servers.list()})

    def attach(self, server: str, volume: str) -> None:
        """Attach a volume and wait until it is attached."""
        self.nova.volumes.create_server_volume(server, volume)
        self.volumes.settled(volume, 'in-use')

    def detach(self, server: str, volume: str) -> None:
        """Detach a volume and wait until it is detached."""
        self.nova.volumes.delete_server_volume(server, volume)
        self.volumes.settled(volume, 'available')

    def describe(self) -> str:
        """Return a line for each server and volume, for error messages."""
        return '\n'.join(
            [f'{one.name} {one.id} {one.status} '
             f'{getattr(one, "OS-EXT-STS:task_state")} '
             f'on {getattr(one, "OS-EXT-SRV-ATTR:host")}'
             for one in self.nova.servers.list()]
            + self.volumes.describe())

    @functools.cached_property
    def _flavor(self) -> Any:
        return self.nova.flavors.find(name=FLAVOR)

    def _images(self) -> list[str]:
        found = self._session.get(GLANCE, params={'name': IMAGE}).json()
        return [one['id'] for one in found['images']]

    def _wait(self, problem: str, look: Callable[[], object]) -> Any:
        def attempt() -> object:
            try:
                return look()
            except errors.LabError as error:
                failed.append(error)
                return True

        failed: list[errors.LabError] = []
        try:
            result = services.wait_for(attempt, WITHIN)
        except TimeoutError as error:
            raise errors.LabError(
                f'{problem} after {WITHIN} seconds:\n{self.describe()}'
            ) from error
        if failed:
            raise failed[0]
        return result

    @staticmethod
    def _fault(known: Any) -> str:
        why = getattr(known, 'fault', {}).get('message', 'no reason given')
        return f'server {known.name} {known.id} is in ERROR: {why}'
