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

"""Hosts, servers and their locks in Nova's API."""

from __future__ import annotations

import dataclasses
from typing import (
    Collection,
    Iterator,
    Mapping,
    Optional,
    Protocol,
    Sequence,
)

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_answers
from rbd_mon_fix.model.instance import Instance

PAGE = 200

ADMIN = ('Give the user the role "admin" on the project that it logs in to: '
         'only administrators see the servers of all projects and their '
         'hosts, and unlock servers that others locked.')


class ComputeEndpoint(Protocol):
    """Nova's API as paths and JSON; raises only our own errors."""

    def read(self, path: str, key: str,
             **params: object) -> Mapping[str, object]:
        """Return the response, a JSON object with the key.

        :raises Gone: nothing exists under that path
        """

    def lock(self, uuid: str, reason: str) -> None:
        """Lock a server; the reason needs microversion 2.73.

        :raises Gone: the server does not exist
        """

    def unlock(self, uuid: str) -> None:
        """Unlock a server, regardless of who locked it.

        :raises Gone: the server does not exist
        """


@dataclasses.dataclass(frozen=True)
class Lock:
    """Whether a server is locked, and the reason given with the lock."""

    locked: bool
    reason: Optional[str] = None


class NovaApi:
    """Nova's API as an administrator sees it.

    All methods raise ConfigError if credentials, role or endpoint are
    wrong, and Unreachable if Keystone or Nova does not answer.
    """

    def __init__(self, endpoint: ComputeEndpoint):
        self._endpoint = endpoint

    def hosts(self) -> list[str]:
        """Return the names of all compute hosts, sorted."""
        return sorted({service['host'] for service in self._services()})

    def instances(self, host: str, uuids: Optional[Collection[str]] = None
                  ) -> Iterator[Instance]:
        """Yield the servers of all projects on a host.

        :param uuids: the only servers to yield; None for all
        """
        empty = True
        for server in self._servers(host):
            empty = False
            instance = _instance(server)
            # Nova's filter ignores case, as MySQL does.
            if instance.host != host:
                continue
            if uuids is None or instance.uuid in uuids:
                yield instance
        if empty:
            self._check_cell(host)

    def instance(self, uuid: str) -> Instance:
        """Return a server, on any host.

        :raises Gone: the server does not exist
        """
        return _instance(self._server(uuid))

    def locked(self, uuid: str) -> Lock:
        """Return whether a server is locked, and why.

        :raises ConfigError: also if the API is older than 2.73
        :raises Gone: the server does not exist
        """
        server = self._server(uuid)
        _check_reached(server)
        if 'locked_reason' not in server:
            raise exceptions.ConfigError(
                "Nova's API is older than microversion 2.73 and records no "
                'reason for a lock, so this run could not recognize its own '
                'locks.',
                'Run without --lock.')
        return Lock(server['locked'], server['locked_reason'])

    def lock(self, uuid: str, reason: str) -> None:
        """Lock a server, or replace the reason if it is locked already.

        Call ``locked`` first: it refuses an API without reasons.

        :raises Gone: the server does not exist
        """
        self._endpoint.lock(uuid, reason)

    def unlock(self, uuid: str) -> None:
        """Unlock a server, regardless of who locked it.

        :raises Gone: the server does not exist
        """
        self._endpoint.unlock(uuid)

    def _server(self, uuid: str) -> nova_answers.Server:
        try:
            answer = self._endpoint.read(f'/servers/{uuid}', 'server')
        except exceptions.Gone as error:
            raise exceptions.Gone(f'Nova has no server {uuid}.') from error
        return nova_answers.server(answer['server'])

    def _servers(self, host: str) -> Iterator[nova_answers.Server]:
        paging: dict[str, object] = {'limit': PAGE}
        markers = set()
        while True:
            page = self._endpoint.read('/servers/detail', 'servers',
                                       all_tenants=1, host=host, **paging)
            servers = nova_answers.servers(page)
            yield from servers
            if not servers or not nova_answers.has_next(page):
                return
            marker = servers[-1]['id']
            if marker in markers:
                raise exceptions.Unreachable(
                    f"Nova's API repeats a page in the list of servers on "
                    f'{host}.',
                    'Look for a proxy between here and Nova that drops the '
                    'query of a request.')
            markers.add(marker)
            paging['marker'] = marker

    def _services(self, **filters: str) -> Sequence[Mapping[str, str]]:
        answer = self._endpoint.read('/os-services', 'services',
                                     binary='nova-compute', **filters)
        return nova_answers.services(answer)

    def _check_cell(self, host: str) -> None:
        """Raise an error if a list is empty because the cell is down.

        A list with a filter leaves out cells that are down
        (nova/api/openstack/compute/servers.py, _is_cell_down_supported);
        from 2.69 on, the list of services shows them.
        """
        if any(service['status'] == 'UNKNOWN'
               for service in self._services(host=host)):
            raise exceptions.Unreachable(
                f'Nova cannot reach the database of the cell of {host}.',
                'Try again when the cell is up.')


def _instance(server: nova_answers.Server) -> Instance:
    _check_reached(server)
    if 'OS-EXT-SRV-ATTR:host' not in server:
        raise exceptions.ConfigError(
            "Nova's API does not show this user the hosts of servers.",
            ADMIN)
    return Instance(
        uuid=server['id'],
        host=server['OS-EXT-SRV-ATTR:host'] or '',
        name=server['name'] or '',
        vm_state=server['OS-EXT-STS:vm_state'],
        task_state=server['OS-EXT-STS:task_state'])


def _check_reached(server: nova_answers.Server) -> None:
    """Refuse the incomplete response for a server in a cell that is down.

    See nova/api/openstack/compute/views/servers.py, _show_from_down_cell.
    """
    if 'OS-EXT-STS:vm_state' not in server:
        raise exceptions.Unreachable(
            f"Nova cannot reach the cell of server {server['id']}.",
            'Try again when the cell is up.')
