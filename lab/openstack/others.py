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

"""Placement, Glance and Neutron, which Nova needs."""

from __future__ import annotations

import dataclasses
import pathlib

from lab import ceph
from lab import network
from lab import services
from lab.openstack import config
from lab.openstack import keystone
from lab.openstack import wsgi

ML2 = '/etc/neutron/plugins/ml2/ml2_conf.ini'


def prepare_placement() -> None:
    """Write Placement's config and create its database."""
    config.write('/etc/placement/placement.conf', {
        'DEFAULT': {'use_stderr': True},
        'placement_database': {'connection': config.database('placement')},
        'api': {'auth_strategy': 'keystone'},
        'keystone_authtoken': config.authtoken(),
    })
    services.run('placement-manage', 'db', 'sync')


def placement() -> services.Service:
    """Return the placement service."""
    return wsgi.service('placement', 8778, program='placement-api',
                        module='placement.wsgi.api')


def prepare_glance(ceph_conf: pathlib.Path) -> None:
    """Write Glance's config and create its database.

    :param ceph_conf: of the cluster that keeps the images
    """
    config.write('/etc/glance/glance-api.conf', {
        'DEFAULT': {'bind_host': network.ADDRESS, 'workers': 0,
                    'use_stderr': True, 'enabled_backends': 'rbd:rbd',
                    # Nova and Cinder clone images whose location they know.
                    'show_image_direct_url': True,
                    'show_multiple_locations': True},
        'database': {'connection': config.database('glance')},
        'glance_store': {'default_backend': 'rbd'},
        'rbd': {'rbd_store_pool': 'images', 'rbd_store_user': ceph.USER,
                'rbd_store_ceph_conf': ceph_conf},
        'keystone_authtoken': config.authtoken(),
        'paste_deploy': {'flavor': 'keystone'},
        # The lab's guest has no partitions, which Glance from 2024.2 on takes
        # for a broken partition table.
        'image_format': {'gpt_safety_checks_nonfatal': 'mbr'},
    })
    services.run('glance-manage', 'db_sync')


def glance() -> services.Service:
    """Return the image service."""
    if not wsgi.installed('glance-wsgi-api'):
        return wsgi.service('glance', 9292, '/healthcheck',
                            module='glance.wsgi.api')
    return services.Service(
        'glance', ('glance-api', '--config-file',
                   '/etc/glance/glance-api.conf'),
        lambda: wsgi.answers(9292, '/healthcheck'))


def prepare_neutron() -> None:
    """Write the config, create the database; no server has a network."""
    config.write('/etc/neutron/neutron.conf', {
        'DEFAULT': {'bind_host': network.ADDRESS, 'core_plugin': 'ml2',
                    # Neutron from 2025.1 on refuses 0.
                    'service_plugins': '', 'api_workers': 1,
                    'rpc_workers': 0, 'use_stderr': True,
                    'transport_url': config.queue(),
                    'notify_nova_on_port_status_changes': False,
                    'notify_nova_on_port_data_changes': False},
        'database': {'connection': config.database('neutron')},
        'keystone_authtoken': config.authtoken(),
        'oslo_concurrency': {'lock_path': '/var/lib/neutron/lock'},
    })
    config.write(ML2, {'ml2': {'type_drivers': 'local',
                               'tenant_network_types': 'local',
                               'mechanism_drivers': ''}})
    services.run('neutron-db-manage', *_neutron_files(), 'upgrade', 'heads')


def neutron() -> services.Service:
    """Return the network service."""
    if wsgi.installed('neutron-server'):
        return services.Service(
            'neutron', ('neutron-server', *_neutron_files()), _has_networks)
    # One process, as each would need the first query.
    return dataclasses.replace(
        wsgi.service('neutron', 9696, module='neutron.wsgi.api', processes=1),
        ready=_has_networks)


def _has_networks() -> None:
    """Return if Neutron answers a query.

    The list of ports, for which Nova asks, works only after a first query of
    another kind (db_base_plugin_v2.py, get_ports).
    """
    keystone.connect().get(config.url(9696, '/v2.0/networks'))


def _neutron_files() -> tuple[str, ...]:
    return ('--config-file', '/etc/neutron/neutron.conf', '--config-file',
            ML2)
