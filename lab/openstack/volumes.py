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

"""Volumes of a user of the lab's cloud."""

from __future__ import annotations

from typing import Any, Callable, Collection

from keystoneauth1 import session as ksa_session

from lab import errors
from lab import network
from lab.openstack import config

_NOBODY = '00000000-0000-0000-0000-000000000000'


class Volumes:
    """The volumes of one project, by Cinder's API.

    :param wait: waits for a condition; gets the error message and the
        condition
    """

    def __init__(self, session: ksa_session.Session,
                 wait: Callable[[str, Callable[[], object]], Any]):
        self._session = session
        self._url = f'{config.url(8776)}/v3/{session.get_project_id()}'
        self._wait = wait

    def create(self, name: str, kind: str = '', image: str = '') -> str:
        """Create a volume and return its ID, without waiting for it.

        :param kind: the volume type; empty for the default
        :param image: the ID of an image to copy to the volume
        """
        fields: dict[str, Any] = {'name': name, 'size': 1,
                                  'volume_type': kind or None}
        if image:
            fields['imageRef'] = image
        return self._ask('post', 'volumes', volume=fields)['volume']['id']

    def create_type(self, backend: str) -> None:
        """Create a volume type with the name of a backend, if missing."""
        known = self._ask('get', 'types')['volume_types']
        if backend not in [one['name'] for one in known]:
            self._ask('post', 'types', volume_type={
                'name': backend,
                'extra_specs': {'volume_backend_name': backend}})

    def wait_for_backends(self, backends: Collection[str]) -> None:
        """Wait until volumes can be created on each backend."""
        def look() -> bool:
            pools = self._ask(
                'get', 'scheduler-stats/get_pools?detail=true')['pools']
            return set(backends) <= {
                pool['capabilities']['volume_backend_name'] for pool in pools
                if pool['capabilities']['backend_state'] == 'up'}

        self._wait(f'backends {", ".join(backends)} are not up', look)

    def backend(self, volume: str) -> str:
        """Return host, backend and pool of a volume."""
        known = self._ask('get', f'volumes/{volume}')['volume']
        return known['os-vol-host-attr:host']

    def settled(self, volume: str, status: str) -> dict[str, Any]:
        """Wait until a volume has a status.

        :raises LabError: the volume gets an error status, or takes too long
        """
        def look() -> Any:
            known = self._ask('get', f'volumes/{volume}')['volume']
            if known['status'].startswith('error'):
                raise errors.LabError(f'volume {volume}: {known["status"]}')
            return known if known['status'] == status else False

        return self._wait(f'volume {volume} is not {status}', look)

    def extend(self, volume: str, size: int) -> None:
        """Make a volume larger, attached or not.

        :param size: GiB
        """
        self._ask('post', f'volumes/{volume}/action',
                  **{'os-extend': {'new_size': size}})
        self._wait(
            f'volume {volume} does not have {size} GiB', lambda: self._ask(
                'get', f'volumes/{volume}')['volume']['size'] == size)

    def fresh_connection(self, volume: str) -> dict[str, Any]:
        """Return the connection info that Cinder gives a new attachment.

        This creates an attachment and deletes it again.
        """
        attachment = self._ask('post', 'attachments', attachment={
            'volume_uuid': volume, 'instance_uuid': _NOBODY, 'connector': {
                'host': 'lab', 'initiator': '', 'ip': network.ADDRESS,
                'platform': 'x86_64', 'os_type': 'linux',
                'multipath': False}})['attachment']
        self._ask('delete', f'attachments/{attachment["id"]}')
        self.settled(volume, 'available')
        return attachment['connection_info']

    def describe(self) -> list[str]:
        """Return a line for each volume."""
        return [f'{one["name"]} {one["id"]} {one["status"]}'
                for one in self._ask('get', 'volumes/detail')['volumes']]

    def _ask(self, verb: str, path: str, **body: Any) -> Any:
        answer = self._session.request(
            f'{self._url}/{path}', verb.upper(),
            headers={'OpenStack-API-Version': 'volume 3.70'},
            json=body or None)
        return answer.json() if answer.content else None
