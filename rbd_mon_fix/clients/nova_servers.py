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

"""Hosts, servers and locks as Nova's API tells of them."""

from __future__ import annotations

import dataclasses
from typing import Any, Collection, Iterator, Mapping, Optional, Protocol

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.instance import Instance

PAGE = 200

ADMIN = ('Give the user the role "admin" on the project that it logs in to: '
         'only administrators see the servers of all projects and their '
         'hosts, and unlock what others locked.')


class ComputeEndpoint(Protocol):
    """Where Nova's API is spoken; raises errors of ours only."""

    def read(self, path: str, key: str, **params: Any) -> dict[str, Any]:
        """Return an answer, which is an object with that key.

        :raises Gone: there is nothing under that path
        """

    def lock(self, uuid: str, reason: str) -> None:
        """Lock a server; only an API of 2.73 or newer takes a reason.

        :raises Gone: Nova knows no such server
        """

    def unlock(self, uuid: str) -> None:
        """Unlock a server, whoever locked it.

        :raises Gone: Nova knows no such server
        """


@dataclasses.dataclass(frozen=True)
class Lock:
    """Whether a server is locked, and what the one who did it says."""

    locked: bool
    reason: Optional[str] = None


class NovaApi:
    """Nova's API as an administrator sees it.

    All methods raise ConfigError where the credentials, their role or the
    endpoint do not do, and Unreachable where Keystone or Nova do not answer.
    """

    def __init__(self, endpoint: ComputeEndpoint):
        self._endpoint = endpoint

    def hosts(self) -> list[str]:
        """Return the names of all compute hosts, sorted."""
        return sorted({service['host'] for service in self._services()})

    def instances(self, host: str, uuids: Optional[Collection[str]] = None
                  ) -> Iterator[Instance]:
        """Yield the servers on a host, of all projects.

        :param uuids: yield no others than these
        """
        empty = True
        for server in self._servers(host):
            empty = False
            instance = _instance(server)
            # MySQL compares names without regard to case, so the filter does.
            if instance.host != host:
                continue
            if uuids is None or instance.uuid in uuids:
                yield instance
        if empty:
            self._check_cell(host)

    def instance(self, uuid: str) -> Instance:
        """Return one server, wherever it is.

        :raises Gone: Nova knows no such server
        """
        return _instance(self._server(uuid))

    def locked(self, uuid: str) -> Lock:
        """Tell whether a server is locked, and why.

        :raises ConfigError: the API is older than 2.73, too
        :raises Gone: Nova knows no such server
        """
        server = self._server(uuid)
        _check_reached(server)
        if 'locked_reason' not in server:
            raise exceptions.ConfigError(
                "Nova's API is older than microversion 2.73, from which on "
                'locks have a reason; without one a lock of ours cannot be '
                'told from that of somebody else.', 'Run without --lock.')
        return Lock(server['locked'], server['locked_reason'])

    def lock(self, uuid: str, reason: str) -> None:
        """Lock a server; one that is locked already gets the new reason.

        Ask ``locked`` first, which refuses an API that knows no reasons.

        :raises Gone: Nova knows no such server
        """
        self._endpoint.lock(uuid, reason)

    def unlock(self, uuid: str) -> None:
        """Unlock a server, whoever locked it.

        :raises Gone: Nova knows no such server
        """
        self._endpoint.unlock(uuid)

    def _server(self, uuid: str) -> dict[str, Any]:
        try:
            return self._endpoint.read(f'/servers/{uuid}', 'server')['server']
        except exceptions.Gone as error:
            raise exceptions.Gone(f'Nova knows no server {uuid}.') from error

    def _servers(self, host: str) -> Iterator[dict[str, Any]]:
        paging: dict[str, Any] = {'limit': PAGE}
        markers = set()
        while True:
            page = self._endpoint.read('/servers/detail', 'servers',
                                       all_tenants=1, host=host, **paging)
            yield from page['servers']
            if not page['servers'] or not _has_next(page):
                return
            paging['marker'] = page['servers'][-1]['id']
            if paging['marker'] in markers:
                raise exceptions.Unreachable(
                    f"Nova's API repeats itself in the list of servers on "
                    f'{host}.',
                    'Look for a proxy between here and Nova that drops the '
                    'query of a request.')
            markers.add(paging['marker'])

    def _services(self, **filters: str) -> list[dict[str, Any]]:
        return self._endpoint.read('/os-services', 'services',
                                   binary='nova-compute',
                                   **filters)['services']

    def _check_cell(self, host: str) -> None:
        """Find out whether a list is empty only for want of the cell.

        Nova leaves out cells that are down when it lists with a filter
        (nova/api/openstack/compute/servers.py, _is_cell_down_supported), and
        tells of them in the list of services, from 2.69 on.
        """
        if any(service['status'] == 'UNKNOWN'
               for service in self._services(host=host)):
            raise exceptions.Unreachable(
                f'Nova cannot reach the database of the cell of {host}.',
                'Try again when that cell is up.')


def _instance(server: Mapping[str, Any]) -> Instance:
    _check_reached(server)
    if 'OS-EXT-SRV-ATTR:host' not in server:
        raise exceptions.ConfigError(
            "Nova's API does not tell this user which host a server is on.",
            ADMIN)
    return Instance(
        uuid=server['id'],
        host=server['OS-EXT-SRV-ATTR:host'] or '',
        name=server['name'] or '',
        vm_state=server['OS-EXT-STS:vm_state'],
        task_state=server['OS-EXT-STS:task_state'])


def _check_reached(server: Mapping[str, Any]) -> None:
    """Refuse what Nova says of a server in a cell that is down.

    See nova/api/openstack/compute/views/servers.py, _show_from_down_cell.
    """
    if 'OS-EXT-STS:vm_state' not in server:
        raise exceptions.Unreachable(
            f"Nova cannot reach the cell of server {server['id']}.",
            'Try again when that cell is up.')


def _has_next(page: Mapping[str, Any]) -> bool:
    return any(link['rel'] == 'next' for link in page.get('servers_links', ()))
