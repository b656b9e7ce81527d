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

"""What a user of the lab's cloud does: servers and volumes."""

from __future__ import annotations

import functools
from typing import Any, Callable, Collection, Iterable

from novaclient import client as nova_client
from novaclient.v2 import servers

from lab import errors
from lab import guests
from lab import services
from lab.openstack import cinder
from lab.openstack import config
from lab.openstack import keystone

IMAGE = 'guest'
FLAVOR = 'tiny'
WITHIN = 180
GLANCE = config.url(9292, '/v2/images')
_NOBODY = '00000000-0000-0000-0000-000000000000'


class User:
    """A user, who is also the cloud's administrator."""

    def __init__(self) -> None:
        self._session = keystone.connect()
        self.nova = nova_client.Client(
            '2.90', session=self._session, region_name=config.REGION)
        self.project = self._session.get_project_id()

    def prepare(self) -> None:
        """Make an image of the lab's guest, a flavor and a volume type."""
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
        self.create_type(cinder.BACKEND)

    def wait_for_compute(self) -> None:
        """Wait until servers can be made.

        Nova takes none for a while after its libvirt was away.
        """
        def look() -> bool:
            return all((one.status, one.state) == ('enabled', 'up') for one
                       in self.nova.services.list(binary='nova-compute'))

        self._wait('nova-compute is not up', look)

    def create(self, name: str, volume: str = '') -> servers.Server:
        """Create a server; it is not up yet.

        :param volume: the id of the volume that it boots from, in place of a
            disk of Nova's own
        """
        boot: dict[str, Any] = {'image': self._images()[0]}
        if volume:
            boot = {'image': None, 'block_device_mapping_v2': [{
                'uuid': volume, 'boot_index': 0, 'source_type': 'volume',
                'destination_type': 'volume'}]}
        return self.nova.servers.create(
            name, flavor=self._flavor, nics='none', **boot)

    def settled(self, server: str, status: str) -> servers.Server:
        """Wait until a server is in a status, and nothing is done to it.

        :raises LabError: it gets into another one, or takes too long
        """
        def look() -> Any:
            known = self.nova.servers.get(server)
            busy = getattr(known, 'OS-EXT-STS:task_state')
            if known.status == 'ERROR' != status and not busy:
                raise errors.LabError(self._fault(known))
            return known if known.status == status and not busy else False

        return self._wait(f'server {server} is not {status}', look)

    def idle(self, server: str) -> servers.Server:
        """Wait until nothing is done to a server, and return it."""
        def look() -> Any:
            known = self.nova.servers.get(server)
            return (False if getattr(known, 'OS-EXT-STS:task_state')
                    or known.status == 'BUILD' else known)

        return self._wait(f'server {server} is busy', look)

    def gone(self, servers_: Iterable[str]) -> None:
        """Wait until servers that were deleted are no more."""
        ids = set(servers_)
        self._wait('servers are not deleted', lambda: not ids & {
            one.id for one in self.nova.servers.list()})

    def create_volume(self, name: str, bootable: bool = False,
                      kind: str = '') -> str:
        """Create a volume and return its id; it is not there yet.

        :param bootable: whether the lab's guest is on it
        :param kind: its volume type, unless it is to be the usual one
        """
        fields: dict[str, Any] = {'name': name, 'size': 1,
                                  'volume_type': kind or None}
        if bootable:
            fields['imageRef'] = self._images()[0]
        return self._cinder('post', 'volumes', volume=fields)['volume']['id']

    def create_type(self, backend: str) -> None:
        """Create the volume type of a backend, of its name, once."""
        known = self._cinder('get', 'types')['volume_types']
        if backend not in [one['name'] for one in known]:
            self._cinder('post', 'types', volume_type={
                'name': backend,
                'extra_specs': {'volume_backend_name': backend}})

    def wait_for_backends(self, backends: Collection[str]) -> None:
        """Wait until volumes can be made on each of some backends."""
        def look() -> bool:
            pools = self._cinder(
                'get', 'scheduler-stats/get_pools?detail=true')['pools']
            return set(backends) <= {
                pool['capabilities']['volume_backend_name'] for pool in pools
                if pool['capabilities']['backend_state'] == 'up'}

        self._wait(f'backends {", ".join(backends)} are not up', look)

    def backend(self, volume: str) -> str:
        """Return where a volume is: its host, backend and pool."""
        known = self._cinder('get', f'volumes/{volume}')['volume']
        return known['os-vol-host-attr:host']

    def volume(self, volume: str, status: str) -> dict[str, Any]:
        """Wait until a volume is in a status.

        :raises LabError: it gets into another one, or takes too long
        """
        def look() -> Any:
            known = self._cinder('get', f'volumes/{volume}')['volume']
            if known['status'].startswith('error'):
                raise errors.LabError(f'volume {volume}: {known["status"]}')
            return known if known['status'] == status else False

        return self._wait(f'volume {volume} is not {status}', look)

    def attach(self, server: str, volume: str) -> None:
        """Attach a volume and wait until it is."""
        self.nova.volumes.create_server_volume(server, volume)
        self.volume(volume, 'in-use')

    def detach(self, server: str, volume: str) -> None:
        """Detach a volume and wait until it is."""
        self.nova.volumes.delete_server_volume(server, volume)
        self.volume(volume, 'available')

    def extend(self, volume: str, size: int) -> None:
        """Make a volume larger, attached or not.

        :param size: GiB
        """
        self._cinder('post', f'volumes/{volume}/action',
                     **{'os-extend': {'new_size': size}})
        self._wait(f'volume {volume} has not {size} GiB', lambda: self._cinder(
            'get', f'volumes/{volume}')['volume']['size'] == size)

    def fresh_connection(self, volume: str) -> dict[str, Any]:
        """Return what Cinder hands out for a new attachment of a volume.

        The attachment that is made for it is deleted again.
        """
        attachment = self._cinder('post', 'attachments', attachment={
            'volume_uuid': volume, 'instance_uuid': _NOBODY, 'connector': {
                'host': 'lab', 'initiator': '', 'ip': config.ADDRESS,
                'platform': 'x86_64', 'os_type': 'linux',
                'multipath': False}})['attachment']
        self._cinder('delete', f'attachments/{attachment["id"]}')
        self.volume(volume, 'available')
        return attachment['connection_info']

    def describe(self) -> str:
        """Return a line for each server and volume: for who wonders."""
        return '\n'.join(
            [f'{one.name} {one.id} {one.status} '
             f'{getattr(one, "OS-EXT-STS:task_state")}'
             for one in self.nova.servers.list()]
            + [f'{one["name"]} {one["id"]} {one["status"]}'
               for one in self._cinder('get', 'volumes/detail')['volumes']])

    @functools.cached_property
    def _flavor(self) -> Any:
        return self.nova.flavors.find(name=FLAVOR)

    def _images(self) -> list[str]:
        found = self._session.get(GLANCE, params={'name': IMAGE}).json()
        return [one['id'] for one in found['images']]

    def _cinder(self, verb: str, path: str, **body: Any) -> Any:
        answer = self._session.request(
            f'{config.url(8776)}/v3/{self.project}/{path}', verb.upper(),
            headers={'OpenStack-API-Version': 'volume 3.70'},
            json=body or None)
        return answer.json() if answer.content else None

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
