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

"""The config files of OpenStack's services: shared settings and a writer."""

from __future__ import annotations

import pathlib
import secrets
from typing import Mapping

from lab import network

PASSWORD = pathlib.Path('/etc/lab/password')
REGION = 'RegionOne'
USER = 'services'

Sections = Mapping[str, Mapping[str, object]]


def password() -> str:
    """Return the password of all users; the first call generates it."""
    if not PASSWORD.exists():
        PASSWORD.parent.mkdir(exist_ok=True)
        PASSWORD.touch(mode=0o600)
        PASSWORD.write_text(secrets.token_hex(12))
    return PASSWORD.read_text()


def database(name: str) -> str:
    """Return the URL of a service's database."""
    return (f'mysql+pymysql://lab:{password()}@{network.ADDRESS}/{name}'
            '?charset=utf8')


def queue() -> str:
    """Return the URL of the message queue."""
    return f'rabbit://guest:guest@{network.ADDRESS}:5672/'


def url(port: int, path: str = '') -> str:
    """Return the URL of a service."""
    return f'http://{network.ADDRESS}:{port}{path}'


def credentials() -> dict[str, object]:
    """Return the credentials of a service, as options of keystoneauth."""
    return {'auth_type': 'password', 'auth_url': url(5000, '/v3'),
            'username': USER, 'password': password(),
            'user_domain_name': 'Default', 'project_domain_name': 'Default',
            'project_name': 'service', 'region_name': REGION}


def authtoken() -> dict[str, object]:
    """Return the options with which a service checks tokens."""
    return {**credentials(), 'www_authenticate_uri': url(5000, '/v3'),
            'service_token_roles_required': True,
            'service_token_roles': 'service'}


def write(path: str, sections: Sections) -> None:
    """Write a config file that only root can read, as it has passwords."""
    lines = []
    for section, options in sections.items():
        lines += [f'[{section}]']
        lines += [f'{name} = {value}' for name, value in options.items()]
    file = pathlib.Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text('\n'.join(lines) + '\n')
