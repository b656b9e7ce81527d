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

"""The parts of Keystone and Nova's API that the client uses, on loopback.

The answers are shaped after Nova's api_sample_tests (servers-details-resp,
services-list-get-resp, v21-version-get-resp) and checked against the schemas
of Nova's own answers in test_nova_api.py.
"""

from __future__ import annotations

import dataclasses
from http import server as http_server
import json
import re
import threading
from typing import Any, Optional
from urllib import parse
import uuid as uuid_module

PROJECT = '6f70656e737461636b20342065766572'
STAMP = '2026-01-02T03:04:05Z'
USER_DATA = 'IyEvYmluL3NoCmVjaG8gaHVudGVyMgo='
STATUS = {'active': 'ACTIVE', 'stopped': 'SHUTOFF', 'building': 'BUILD',
          'suspended': 'SUSPENDED', 'error': 'ERROR'}


@dataclasses.dataclass
class Server:
    """One server, and whether it is locked."""

    uuid: str
    host: Optional[str]
    name: str = 'a server'
    vm_state: str = 'active'
    task_state: Optional[str] = None
    locked: bool = False
    locked_reason: Optional[str] = None


@dataclasses.dataclass
class Exchange:
    """One request to Nova and its answer."""

    method: str
    path: str
    query: dict[str, str]
    microversion: tuple[int, int]
    body: Any
    status: int
    answer: Any


@dataclasses.dataclass
class Fault:
    """An answer that replaces the right one for a number of requests.

    :param answer: a body; ... to send no answer in time;
        ConnectionResetError to send no answer at all
    :param times: the number of requests; negative for all requests
    """

    path: str
    answer: Any
    status: int = 200
    times: int = -1


@dataclasses.dataclass
class Cloud:
    """The data of both services, for tests to set and to inspect."""

    servers: dict[str, Server] = dataclasses.field(default_factory=dict)
    hosts: list[str] = dataclasses.field(default_factory=list)
    down: set[str] = dataclasses.field(default_factory=set)
    oldest: tuple[int, int] = (2, 1)
    newest: tuple[int, int] = (2, 96)
    max_limit: int = 1000
    repeats: bool = False
    service_type: str = 'compute'
    faults: list[Fault] = dataclasses.field(default_factory=list)
    exchanges: list[Exchange] = dataclasses.field(default_factory=list)
    users: dict[str, tuple[str, str]] = dataclasses.field(
        default_factory=lambda: {'admin': ('Adm1n-Secret', 'admin'),
                                 'demo': ('demo', 'member')})
    tokens: dict[str, str] = dataclasses.field(default_factory=dict)

    def add(self, *servers: Server) -> None:
        self.servers.update((server.uuid, server) for server in servers)

    def fail(self, path: str, status: int, times: int = -1) -> None:
        self.faults.append(Fault(path, {'computeFault': {
            'code': status, 'message': 'out of order'}}, status, times))

    def fault(self, path: str) -> Optional[Fault]:
        for fault in self.faults:
            if re.fullmatch(fault.path, path) and fault.times:
                fault.times -= 1
                return fault
        return None


class Refusal(Exception):
    """An answer that reports an error."""

    def __init__(self, status: int, name: str, message: str):
        super().__init__(message)
        self.status = status
        self.body = {name: {'code': status, 'message': message}}


class Handler(http_server.BaseHTTPRequestHandler):
    """Both services; Keystone below /identity, Nova below /compute."""

    protocol_version = 'HTTP/1.1'
    server: NovaApiServer

    def do_GET(self) -> None:
        self.dispatch()

    def do_POST(self) -> None:
        self.dispatch()

    def log_message(self, *args: Any) -> None:
        """Log nothing."""

    def dispatch(self) -> None:
        url = parse.urlsplit(self.path)
        length = int(self.headers.get('Content-Length') or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        fault = self.server.cloud.fault(url.path)
        if fault:
            if fault.answer is Ellipsis:
                self.server.closing.wait(30)
            if fault.answer is ConnectionResetError:
                self.close_connection = True
                return
            self.reply(fault.status, fault.answer)
        elif url.path.startswith('/identity'):
            self.identity(url.path, body)
        else:
            self.compute(url.path, dict(parse.parse_qsl(url.query)), body)

    def reply(self, status: int, body: Any, **headers: str) -> None:
        text = body if isinstance(body, str) else (
            '' if body is None else json.dumps(body))
        self.send_response(status)
        self.send_header('Content-Type', 'application/json')
        self.send_header('Content-Length', str(len(text)))
        for key, value in headers.items():
            self.send_header(key.replace('_', '-'), value)
        self.end_headers()
        self.wfile.write(text.encode())

    # Keystone

    def identity(self, path: str, body: Any) -> None:
        if path.endswith('/auth/tokens'):
            self.authenticate(body['auth'])
            return
        version = {'id': 'v3.14', 'status': 'stable', 'updated': STAMP,
                   'links': [{'rel': 'self', 'href':
                              f'{self.server.url}/identity/v3/'}],
                   'media-types': []}
        if path.rstrip('/').endswith('/v3'):
            self.reply(200, {'version': version})
        else:
            self.reply(300, {'versions': {'values': [version]}})

    def authenticate(self, auth: dict[str, Any]) -> None:
        role = self.role_of(auth['identity'])
        if role is None:
            self.reply(401, {'error': {
                'code': 401, 'title': 'Unauthorized', 'message':
                'The request you have made requires authentication.'}})
            return
        token = uuid_module.uuid4().hex
        self.server.cloud.tokens[token] = role
        endpoint = {'id': uuid_module.uuid4().hex, 'interface': 'public',
                    'region': 'here', 'region_id': 'here',
                    'url': f'{self.server.url}/compute/v2.1'}
        service = {'id': uuid_module.uuid4().hex, 'name': 'nova',
                   'type': self.server.cloud.service_type,
                   'endpoints': [endpoint]}
        self.reply(201, {'token': {
            'methods': auth['identity']['methods'], 'issued_at': STAMP,
            'expires_at': '2099-01-01T00:00:00.000000Z',
            'audit_ids': ['x'], 'roles': [{'id': role, 'name': role}],
            'user': {'id': 'u', 'name': 'u', 'domain':
                     {'id': 'default', 'name': 'Default'}},
            'project': {'id': PROJECT, 'name': 'admin', 'domain':
                        {'id': 'default', 'name': 'Default'}},
            'catalog': [service]}}, X_Subject_Token=token)

    def role_of(self, identity: dict[str, Any]) -> Optional[str]:
        cloud = self.server.cloud
        if identity['methods'] == ['token']:
            return cloud.tokens.get(identity['token']['id'])
        user = identity['password']['user']
        password, role = cloud.users.get(user['name'], (None, None))
        known = password == user['password'] and user.get('domain')
        return role if known else None

    # Nova

    def compute(self, path: str, query: dict[str, str], body: Any) -> None:
        wanted = self.headers.get('X-OpenStack-Nova-API-Version', '2.1')
        version = tuple(int(part) for part in wanted.split('.'))
        try:
            status, answer = self.answer(path, query, version, body)
        except Refusal as refusal:
            status, answer = refusal.status, refusal.body
        self.server.cloud.exchanges.append(Exchange(
            self.command, path, query, version, body, status, answer))
        self.reply(status, answer)

    def answer(self, path: str, query: dict[str, str],
               version: tuple[int, ...], body: Any) -> tuple[int, Any]:
        cloud = self.server.cloud
        role = cloud.tokens.get(self.headers.get('X-Auth-Token', ''))
        if role is None:
            raise Refusal(401, 'unauthorized', 'Authentication required')
        parts = path.split('/')[3:]
        if path == '/compute/':
            return 200, {'versions': [self.version()]}
        if not parts:
            return 200, {'version': self.version()}
        if not cloud.oldest <= version <= cloud.newest:
            raise Refusal(406, 'computeFault', 'Version not supported')
        if role != 'admin' and (parts == ['os-services']
                                or 'all_tenants' in query):
            raise Refusal(403, 'forbidden', "Policy doesn't allow it")
        if parts == ['os-services']:
            return 200, {'services': self.services(query, version)}
        if parts == ['servers', 'detail']:
            return 200, self.page(query, version)
        found = cloud.servers.get(parts[1])
        if found is None:
            raise Refusal(404, 'itemNotFound', 'Instance could not be found.')
        if parts[2:] == ['action']:
            self.act(found, body)
            return 202, None
        return 200, {'server': self.show(found, version, role)}

    def version(self) -> dict[str, Any]:
        cloud = self.server.cloud
        media = 'application/vnd.openstack.compute+json;version=2.1'
        return {
            'id': 'v2.1', 'status': 'CURRENT', 'updated': STAMP,
            'version': '{}.{}'.format(*cloud.newest),
            'min_version': '{}.{}'.format(*cloud.oldest),
            'links': [{'rel': 'self',
                       'href': f'{self.server.url}/compute/v2.1/'}],
            'media-types': [{'base': 'application/json', 'type': media}]}

    def services(self, query: dict[str, str],
                 version: tuple[int, ...]) -> list[dict[str, Any]]:
        cloud = self.server.cloud
        return [service(number, host, host in cloud.down, version)
                for number, host in enumerate(cloud.hosts, 1)
                if query.get('host', host) == host
                and (host not in cloud.down or version >= (2, 69))]

    def page(self, query: dict[str, str],
             version: tuple[int, ...]) -> dict[str, Any]:
        cloud = self.server.cloud
        # Case-insensitive, as MySQL's collation is.
        servers = [server for server in cloud.servers.values()
                   if str(server.host).lower() == query['host'].lower()
                   and server.host not in cloud.down]
        uuids = [server.uuid for server in servers]
        marker = None if cloud.repeats else query.get('marker')
        start = uuids.index(marker) + 1 if marker else 0
        limit = min(int(query['limit']), cloud.max_limit)
        chosen = servers[start:start + limit]
        page: dict[str, Any] = {'servers': [
            detail(server, version) for server in chosen]}
        if len(chosen) == limit:
            link = parse.urlencode({**query, 'marker': chosen[-1].uuid})
            page['servers_links'] = [{'rel': 'next', 'href': (
                f'{self.server.url}/compute/v2.1/servers/detail?{link}')}]
        return page

    def show(self, server: Server, version: tuple[int, ...],
             role: str) -> dict[str, Any]:
        if server.host in self.server.cloud.down:
            return from_down_cell(server)
        shown = detail(server, version)
        if version >= (2, 71):
            shown['server_groups'] = []
        if role != 'admin':
            shown = {key: value for key, value in shown.items()
                     if not key.startswith('OS-EXT-SRV-ATTR:')}
        return shown

    def act(self, server: Server, body: dict[str, Any]) -> None:
        if 'lock' in body:
            server.locked = True
            server.locked_reason = (body['lock'] or {}).get('locked_reason')
        elif 'unlock' in body:
            server.locked, server.locked_reason = False, None
        else:
            raise Refusal(400, 'badRequest', 'There is no such action')


def service(number: int, host: str, down: bool,
            version: tuple[int, ...]) -> dict[str, Any]:
    if down:
        return {'binary': 'nova-compute', 'host': host, 'status': 'UNKNOWN'}
    shown = {'binary': 'nova-compute', 'host': host, 'status': 'enabled',
             'disabled_reason': None, 'id': number, 'state': 'up',
             'updated_at': '2026-01-02T03:04:05.000000', 'zone': 'nova'}
    if version >= (2, 11):
        shown['forced_down'] = False
    if version >= (2, 53):
        shown['id'] = str(uuid_module.UUID(int=number))
    return shown


def from_down_cell(server: Server) -> dict[str, Any]:
    return {'id': server.uuid, 'status': 'UNKNOWN', 'tenant_id': PROJECT,
            'created': STAMP, 'links': [], 'image': '', 'user_id': 'u',
            'flavor': FLAVOR, 'OS-EXT-AZ:availability_zone': 'nova',
            'OS-EXT-STS:power_state': 1, 'server_groups': []}


FLAVOR = {'disk': 1, 'ephemeral': 0, 'extra_specs': {}, 'ram': 512,
          'original_name': 'm1.tiny', 'swap': 0, 'vcpus': 1}


def detail(server: Server, version: tuple[int, ...]) -> dict[str, Any]:
    attributes = {'hostname': 'a-server', 'kernel_id': '', 'launch_index': 0,
                  'ramdisk_id': '', 'reservation_id': 'r-1',
                  'root_device_name': '/dev/vda', 'user_data': USER_DATA,
                  'host': server.host, 'hypervisor_hostname': server.host,
                  'instance_name': 'instance-00000001'}
    since = {
        (2, 9): {'locked': server.locked},
        (2, 16): {'host_status': 'UP'},
        (2, 19): {'description': None},
        (2, 26): {'tags': []},
        (2, 47): {'flavor': FLAVOR},
        (2, 63): {'trusted_image_certificates': None},
        (2, 73): {'locked_reason': server.locked_reason},
    }
    shown: dict[str, Any] = {
        'id': server.uuid, 'name': server.name, 'links': [], 'image': '',
        'status': STATUS[server.vm_state], 'tenant_id': PROJECT,
        'user_id': 'u', 'created': STAMP, 'updated': STAMP, 'metadata': {},
        'hostId': '2091634baaccdc4c', 'addresses': {}, 'accessIPv4': '',
        'accessIPv6': '', 'config_drive': '', 'key_name': None,
        'flavor': {'id': '1', 'links': []},
        'OS-DCF:diskConfig': 'AUTO', 'OS-EXT-AZ:availability_zone': 'nova',
        'OS-EXT-STS:vm_state': server.vm_state,
        'OS-EXT-STS:task_state': server.task_state,
        'OS-EXT-STS:power_state': 1,
        'OS-SRV-USG:launched_at': '2026-01-02T03:04:05.000000',
        'OS-SRV-USG:terminated_at': None,
        'security_groups': [{'name': 'default'}],
        'os-extended-volumes:volumes_attached': [
            {'id': server.uuid, 'delete_on_termination': False}],
    }
    shown.update((f'OS-EXT-SRV-ATTR:{key}', value)
                 for key, value in attributes.items())
    for first, fields in since.items():
        if version >= first:
            shown.update(fields)
    return shown


class NovaApiServer(http_server.ThreadingHTTPServer):
    """Both services on a free port of loopback, while the context lasts."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.cloud = Cloud()
        self.closing = threading.Event()
        self.url = f'http://127.0.0.1:{self.server_port}'

    def __enter__(self) -> NovaApiServer:
        self.thread = threading.Thread(
            target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self.shutdown()
        self.thread.join(10)
        self.server_close()
