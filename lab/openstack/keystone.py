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

"""Keystone: users and catalog."""

from __future__ import annotations

import json
import pathlib
from typing import Any, Mapping

from keystoneauth1 import loading
from keystoneauth1 import session

from lab import services
from lab.openstack import config
from lab.openstack import wsgi

ENVIRONMENT = pathlib.Path('/etc/lab/environment.json')
# Seconds; longer than services wait for each other.
ANSWERS_WITHIN = 120
# The type and URL of each service.
CATALOG = {
    'glance': ('image', config.url(9292)),
    'placement': ('placement', config.url(8778)),
    'neutron': ('network', config.url(9696)),
    'nova': ('compute', config.url(8774, '/v2.1')),
    'cinderv3': ('volumev3', config.url(8776, '/v3/$(project_id)s')),
}


def prepare() -> None:
    """Write the config and the keys, and create the database."""
    config.write('/etc/keystone/keystone.conf', {
        'DEFAULT': {'log_dir': '', 'use_stderr': True},
        'database': {'connection': config.database('keystone')},
        'identity': {'password_hash_rounds': 4},
        'token': {'provider': 'fernet', 'expiration': 86400},
    })
    for setup in ('fernet_setup', 'credential_setup'):
        services.run('keystone-manage', setup, '--keystone-user', 'root',
                     '--keystone-group', 'root')
    services.run('keystone-manage', 'db_sync')
    services.run(
        'keystone-manage', 'bootstrap', '--bootstrap-region-id',
        config.REGION, *(word for kind in ('admin', 'internal', 'public')
                         for word in (f'--bootstrap-{kind}-url',
                                      config.url(5000, '/v3'))),
        environment={'OS_BOOTSTRAP_PASSWORD': config.password()})


def service() -> services.Service:
    """Return the service."""
    return wsgi.service('keystone', 5000, '/v3',
                        program='keystone-wsgi-public',
                        module='keystone.wsgi.api')


def administrator() -> dict[str, str]:
    """Return the environment of the lab's administrator."""
    return {
        'OS_AUTH_TYPE': 'password', 'OS_AUTH_URL': config.url(5000, '/v3'),
        'OS_USERNAME': 'admin', 'OS_PASSWORD': config.password(),
        'OS_PROJECT_NAME': 'admin', 'OS_USER_DOMAIN_NAME': 'Default',
        'OS_PROJECT_DOMAIN_NAME': 'Default', 'OS_REGION_NAME': config.REGION,
        'OS_COMPUTE_API_VERSION': '2.90', 'OS_VOLUME_API_VERSION': '3.70'}


def connect() -> session.Session:
    """Return a session of the lab's administrator."""
    told = {name[3:].lower(): value
            for name, value in administrator().items()
            if name.startswith('OS_') and 'API' not in name
            and name not in ('OS_AUTH_TYPE', 'OS_REGION_NAME')}
    loader: Any = loading.get_plugin_loader('password')
    return session.Session(auth=loader.load_from_options(**told),
                           timeout=ANSWERS_WITHIN)


def register() -> None:
    """Register the services: their user, its roles, the catalog."""
    known = connect()
    if _all(known, 'services', type='compute'):
        return
    domain = _all(known, 'domains', name='Default')[0]['id']
    project = _create(known, 'project', name='service', domain_id=domain)
    user = _create(known, 'user', name=config.USER, domain_id=domain,
                   password=config.password())
    # Keystone's bootstrap creates the role from 2023.2 on.
    if not _all(known, 'roles', name='service'):
        _create(known, 'role', name='service')
    for name in ('admin', 'service'):
        role = _all(known, 'roles', name=name)[0]['id']
        known.put(f'{config.url(5000)}/v3/projects/{project}/users/{user}'
                  f'/roles/{role}')
    for name, (kind, url) in CATALOG.items():
        service_id = _create(known, 'service', name=name, type=kind)
        for interface in ('public', 'internal'):
            _create(known, 'endpoint', service_id=service_id, url=url,
                    interface=interface, region_id=config.REGION)
    ENVIRONMENT.write_text(json.dumps(administrator()))
    ENVIRONMENT.chmod(0o600)


def _create(known: session.Session, kind: str, **fields: str) -> str:
    return known.post(f'{config.url(5000)}/v3/{kind}s',
                      json={kind: fields}).json()[kind]['id']


def _all(known: session.Session, kinds: str,
         **filters: str) -> list[Mapping[str, str]]:
    return known.get(f'{config.url(5000)}/v3/{kinds}',
                     params=filters).json()[kinds]
