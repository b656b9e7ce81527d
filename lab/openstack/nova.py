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

"""Nova: its API, conductor, scheduler, and the compute service."""

from __future__ import annotations

import pathlib
import shutil

from lab import ceph
from lab import guests
from lab import hosts
from lab import libvirtd
from lab import network
from lab import services
from lab.openstack import backing
from lab.openstack import config
from lab.openstack import wsgi

CONF = '/etc/nova/nova.conf'
# A compute host has no database password.
COMPUTE_CONF = '/etc/nova/nova-compute.conf'


def prepare(ceph_conf: pathlib.Path) -> None:
    """Write the config, create the databases, and map the cell.

    :param ceph_conf: of the cluster for Nova's own disks
    """
    config.write(CONF, {
        **_common(hosts.FIRST, ceph_conf),
        'database': {'connection': config.database('nova')},
        'api_database': {'connection': config.database('nova_api')}})
    prepare_compute(hosts.FIRST, ceph_conf)
    for words in (('api_db', 'sync'),
                  ('cell_v2', 'map_cell0', '--database_connection',
                   config.database('nova_cell0')),
                  ('db', 'sync')):
        manage(*words)
    if 'cell1' not in manage('cell_v2', 'list_cells'):
        manage('cell_v2', 'create_cell', '--name', 'cell1')


def prepare_compute(host: hosts.Host, ceph_conf: pathlib.Path) -> None:
    """Write the config of a compute host, and create its folder of servers.

    :param ceph_conf: of the cluster for Nova's own disks
    """
    folder = host.path('/etc/nova')
    if not folder.joinpath('nova.conf').exists():
        shutil.copytree('/etc/nova', folder, dirs_exist_ok=True)
    config.write(str(host.path(COMPUTE_CONF)), _common(host, ceph_conf))
    host.path('/var/lib/nova/instances').mkdir(parents=True, exist_ok=True)


def manage(*words: str) -> str:
    """Run nova-manage."""
    return services.run('nova-manage', '--config-file', CONF, *words)


def knows_compute() -> bool:
    """Return whether Nova's database has a compute service."""
    return bool(backing.sql(
        "SELECT 1 FROM nova.services WHERE `binary` = 'nova-compute'"))


def compute_version() -> int:
    """Return the version of the compute services, by Nova's database."""
    return int(backing.sql(
        "SELECT MIN(version) FROM nova.services WHERE `binary` = "
        "'nova-compute' AND deleted = 0"))


def control() -> list[services.Service]:
    """Return the services of a controller."""
    return [_daemon('nova-conductor', CONF), _daemon('nova-scheduler', CONF),
            _api()]


def _api() -> services.Service:
    """Return the API: as a daemon, or as the application of newer releases.

    Nova of older releases loses answers of its message queue under uWSGI.
    """
    if not wsgi.installed('nova-api'):
        return wsgi.service('nova-api', 8774, module='nova.wsgi.osapi_compute')
    return services.Service('nova-api', ('nova-api', '--config-file', CONF),
                            lambda: wsgi.answers(8774))


def compute(host: hosts.Host) -> services.Service:
    """Return the service of a compute host."""
    return host.service(_daemon('nova-compute', COMPUTE_CONF, host.name))


def _daemon(name: str, conf: str, host: str = '') -> services.Service:
    return services.Service(name, (name, '--config-file', conf),
                            backing.reports('nova', name, host))


def _libvirt(host: hosts.Host, ceph_conf: pathlib.Path) -> dict[str, object]:
    return {
        'connection_uri': libvirtd.URI, 'virt_type': 'qemu',
        'cpu_mode': 'none', 'hw_machine_type': 'x86_64=pc',
        'images_type': 'rbd', 'images_rbd_pool': 'vms',
        'images_rbd_ceph_conf': ceph_conf, 'rbd_user': ceph.USER,
        'rbd_secret_uuid': guests.SECRET, 'wait_soft_reboot_seconds': 20,
        'live_migration_scheme': 'tcp',
        'live_migration_inbound_addr': host.address}


def _common(host: hosts.Host, ceph_conf: pathlib.Path) -> config.Sections:
    credentials = config.credentials()
    return {
        'DEFAULT': {
            'transport_url': config.queue(), 'my_ip': host.address,
            'use_stderr': True, 'enabled_apis': 'osapi_compute',
            'osapi_compute_listen': network.ADDRESS,
            'osapi_compute_workers': 1, 'shutdown_timeout': 20,
            'compute_driver': 'libvirt.LibvirtDriver',
            'state_path': '/var/lib/nova', 'report_interval': 5,
            # Nova's default is 16 until 2023.1, then 4.
            'cpu_allocation_ratio': 16},
        'libvirt': _libvirt(host, ceph_conf),
        'api': {'auth_strategy': 'keystone'},
        'keystone_authtoken': config.authtoken(),
        'service_user': {**credentials, 'send_service_user_token': True},
        'cinder': {**credentials, 'os_region_name': config.REGION},
        'glance': {'region_name': config.REGION},
        'neutron': credentials,
        'placement': credentials,
        'conductor': {'workers': 1},
        'scheduler': {'workers': 1},
        'vnc': {'enabled': False},
        'quota': {'instances': -1, 'cores': -1, 'ram': -1},
        'oslo_concurrency': {'lock_path': '/var/lib/nova/lock'},
        # Without sudo: the compute service runs as root.
        'nova_sys_admin': {'helper_command': _helper('nova')},
        'vif_plug_linux_bridge_privileged': {
            'helper_command': _helper('nova')},
        'privsep_osbrick': {'helper_command': _helper('nova')},
    }


def _helper(project: str) -> str:
    return f'privsep-helper --config-file /etc/{project}/{project}.conf'
