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

"""Any content as the answers of Nova's API or of Keystone.

The client is the real one, with novaclient, keystoneauth and requests; the
answers replace only the network.
"""

from __future__ import annotations

import functools
import io
import json
import re
import types
from typing import Any, Callable
from unittest import mock
from urllib import parse

from keystoneauth1 import loading
from oslo_config import cfg
import requests
from requests import adapters

from rbd_mon_fix.clients import nova_api
from rbd_mon_fix.conf import nova_api as options
from tests.functional import nova_api_server as shapes

HOST = 'cmp1'
UUID = '6f70656e-7374-4163-8b20-342065766572'
_STATUS = re.compile(rb'([2345]\d\d)\n')
URL = 'http://cloud.example'

Answer = Callable[[requests.PreparedRequest], 'tuple[int, bytes]']


def version() -> dict[str, Any]:
    """Return what Nova says of its version."""
    return shapes.Handler.version(types.SimpleNamespace(
        server=types.SimpleNamespace(cloud=shapes.Cloud(), url=URL)))


def server(**fields: Any) -> dict[str, Any]:
    """Return a server as Nova shows it."""
    return {**shapes.detail(shapes.Server(UUID, HOST), (2, 73)), **fields}


def nova(content: bytes) -> object:
    """Read a content as every answer of Nova's API.

    It may begin with a line that is the status.
    """
    status, body = _split(content)

    def answer(request: requests.PreparedRequest) -> tuple[int, bytes]:
        return ((status, body) if _path(request).startswith('/compute')
                else _identity(request))
    return _read(answer)


def keystone(content: bytes) -> object:
    """Read a content as every answer of Keystone."""
    status, body = _split(content)

    def answer(request: requests.PreparedRequest) -> tuple[int, bytes]:
        if _path(request).startswith('/compute'):
            return 200, json.dumps({'version': version()}).encode()
        return status, body
    return _read(answer, connect_only=True)


def _read(answer: Answer, connect_only: bool = False) -> object:
    def send(self: object, request: requests.PreparedRequest,
             **settings: object) -> requests.Response:
        made = requests.Response()
        made.status_code, body = answer(request)
        made.raw = io.BytesIO(body)
        made.request, made.url = request, str(request.url)
        made.headers.update({'Content-Type': 'application/json',
                             'X-Subject-Token': 'a token'})
        return made

    with mock.patch.object(adapters.HTTPAdapter, 'send', send):
        api = nova_api.connect(_conf(), environ={})
        if connect_only:
            return None
        found = [*api.instances(HOST), api.instance(UUID)]
        for each in found:
            ' '.join((each.uuid, each.host, each.name, each.vm_state,
                      each.task_state or '')).encode()
        hosts = api.hosts()
        ' '.join(hosts).encode()
        lock = api.locked(UUID)
        (lock.reason or '').encode()
        return found, hosts, lock


def _path(request: requests.PreparedRequest) -> str:
    return parse.urlsplit(str(request.url)).path


def _split(content: bytes) -> tuple[int, bytes]:
    found = _STATUS.match(content)
    return ((int(found[1]), content[found.end():]) if found
            else (200, content))


def identity() -> dict[str, Any]:
    """Return answers of Keystone, for its versions and for a token."""
    here = {'region': 'here', 'region_id': 'here', 'interface': 'public',
            'url': f'{URL}/compute/v2.1', 'id': 'e'}
    return {
        'version': {'id': 'v3.14', 'status': 'stable', 'links': [
            {'rel': 'self', 'href': f'{URL}/identity/v3/'}]},
        'token': {'methods': ['password'], 'issued_at': shapes.STAMP,
                  'expires_at': '2099-01-01T00:00:00.000000Z',
                  'roles': [{'id': 'r', 'name': 'admin'}],
                  'catalog': [{'type': 'compute', 'name': 'nova', 'id': 's',
                               'endpoints': [here]}]}}


def _identity(request: requests.PreparedRequest) -> tuple[int, bytes]:
    return 200, json.dumps(identity()).encode()


@functools.lru_cache(maxsize=None)
def _conf() -> cfg.ConfigOpts:
    conf = cfg.ConfigOpts()
    options.register(conf)
    conf([], default_config_files=[], default_config_dirs=[])
    conf.set_override('auth_type', 'password', options.GROUP)
    conf.register_opts(loading.get_auth_plugin_conf_options('password'),
                       group=options.GROUP)
    for name, value in (
            ('auth_url', f'{URL}/identity'), ('username', 'admin'),
            ('password', 'x'), ('project_name', 'admin'),
            ('user_domain_id', 'default'), ('project_domain_id', 'default'),
            ('connect_retries', 0), ('status_code_retries', 0)):
        conf.set_override(name, value, options.GROUP)
    return conf
