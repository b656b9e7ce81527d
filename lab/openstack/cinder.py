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

"""Cinder: its API, scheduler, and the service with the RBD driver."""

from __future__ import annotations

import pathlib
from typing import Mapping

from lab import ceph
from lab import guests
from lab import network
from lab import services
from lab.openstack import backing
from lab.openstack import config
from lab.openstack import wsgi

CONF = '/etc/cinder/cinder.conf'
# The name of the backend and of its volume type.
BACKEND = 'ceph'
DAEMONS = ('cinder-scheduler', 'cinder-volume')


def prepare(ceph_conf: pathlib.Path) -> None:
    """Write the config and create the database.

    :param ceph_conf: of the cluster that keeps the volumes
    """
    write_conf({BACKEND: backend(ceph_conf, guests.SECRET)})
    services.run('cinder-manage', '--config-file', CONF, 'db', 'sync')


def backend(ceph_conf: pathlib.Path, secret: str) -> dict[str, object]:
    """Return the options of a backend.

    :param secret: the UUID of libvirt's secret with the cluster's key
    """
    return {
        'volume_driver': 'cinder.volume.drivers.rbd.RBDDriver',
        'rbd_pool': 'volumes', 'rbd_user': ceph.USER,
        'rbd_ceph_conf': ceph_conf, 'rbd_cluster_name': 'ceph',
        'rbd_secret_uuid': secret,
        # Volumes here are thin and stay nearly empty.
        'max_over_subscription_ratio': 1000}


def write_conf(backends: Mapping[str, Mapping[str, object]]) -> None:
    """Write the config.

    :param backends: the options of each backend, by name
    """
    credentials = config.credentials()
    config.write(CONF, {
        'DEFAULT': {
            'transport_url': config.queue(), 'my_ip': network.ADDRESS,
            'use_stderr': True, 'auth_strategy': 'keystone',
            'osapi_volume_listen': network.ADDRESS,
            'osapi_volume_workers': 1, 'report_interval': 5,
            'quota_volumes': -1, 'quota_gigabytes': -1,
            'enabled_backends': ','.join(backends),
            'default_volume_type': BACKEND,
            'glance_api_servers': config.url(9292),
            'rootwrap_config': '/etc/cinder/rootwrap.conf',
            'state_path': '/var/lib/cinder'},
        'database': {'connection': config.database('cinder')},
        'keystone_authtoken': config.authtoken(),
        'service_user': {**credentials, 'send_service_user_token': True},
        'nova': credentials,
        'oslo_concurrency': {'lock_path': '/var/lib/cinder/lock'},
        'cinder_sys_admin': {
            'helper_command': 'privsep-helper --config-file ' + CONF},
        **{name: {'volume_backend_name': name, **options}
           for name, options in backends.items()},
    })


def all_services() -> list[services.Service]:
    """Return Cinder's services."""
    return [
        *(services.Service(name, (name, '--config-file', CONF),
                           backing.reports('cinder', name))
          for name in DAEMONS),
        services.Service(
            'cinder-api', ('cinder-api', '--config-file', CONF),
            lambda: wsgi.answers(8776, '/healthcheck'))]
