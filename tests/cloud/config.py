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

"""The config files of a throwaway cloud."""

from __future__ import annotations

import json
import pathlib
from typing import Iterable

from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import shape

NOVA = '''\
[DEFAULT]
host = {host}
state_path = {folder}/nova
log_file = {folder}/nova.log
transport_url = rabbit://nova:sesame@127.0.0.1:5672/

[api_database]
connection = {databases.api}

[database]
connection = {databases.cell0}

[libvirt]
connection_uri = {libvirt_uri}
images_type = rbd
images_rbd_pool = {nova_pool}
images_rbd_ceph_conf = {folder}/ceph/{ceph.name}.conf
rbd_user = {user}
rbd_secret_uuid = {ceph.secret_uuid}
'''

CINDER = '''\
[DEFAULT]
state_path = {folder}/cinder
log_file = {folder}/cinder.log
transport_url = rabbit://cinder:sesame@127.0.0.1:5672/
enabled_backends = rbd-a,rbd-b,lvm

[database]
connection = {databases.cinder}

[oslo_concurrency]
lock_path = {folder}/cinder

[backend_defaults]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_user = {user}

[lvm]
volume_driver = cinder.volume.drivers.lvm.LVMVolumeDriver
volume_backend_name = lvm
'''

BACKEND = '''
[rbd-{ceph.name}]
volume_backend_name = rbd-{ceph.name}
rbd_ceph_conf = {folder}/ceph/{ceph.name}.conf
rbd_pool = {ceph.pool}
rbd_secret_uuid = {ceph.secret_uuid}
'''

CEPH = '''\
[global]
fsid = {ceph.fsid}
mon_host = {mon_host}
'''

OURS = '''\
[DEFAULT]
nova_config_file = {folder}/nova.conf
cinder_config_file = {folder}/cinder.conf
libvirt_uri = {libvirt_uri}
journal_dir = {folder}/journal
monitors_file = {folder}/monitors.json
offline = true
'''


def libvirt_uri(folder: pathlib.Path) -> str:
    """Return the URI of the QEMU driver embedded in the process."""
    return f'qemu:///embed?root={folder}/libvirt'


def write(folder: pathlib.Path,
          databases: databases_module.Databases) -> None:
    """Write the configs of Nova, Cinder, both Cephs and rbd-mon-fix.

    No Ceph runs, so a monitors file tells which monitors a cluster has and
    had, as on a compute host that cannot reach Ceph.
    """
    values = {'folder': folder, 'databases': databases, 'ceph': shape.ALPHA,
              'host': shape.HOSTS[0], 'nova_pool': shape.NOVA_POOL,
              'user': documents.USER, 'libvirt_uri': libvirt_uri(folder)}
    for name in ('ceph', 'nova', 'cinder', 'journal'):
        (folder / name).mkdir(parents=True, exist_ok=True)
    clusters = (shape.ALPHA, shape.BETA)
    cinder = CINDER.format(**values) + ''.join(
        BACKEND.format(folder=folder, ceph=ceph) for ceph in clusters)
    (folder / 'nova.conf').write_text(NOVA.format(**values))
    (folder / 'cinder.conf').write_text(cinder)
    (folder / 'rbd-mon-fix.conf').write_text(OURS.format(**values))
    (folder / 'monitors.json').write_text(monitors_file(clusters))
    for ceph in clusters:
        (folder / 'ceph' / f'{ceph.name}.conf').write_text(
            CEPH.format(ceph=ceph, mon_host=_mon_host(ceph)))


def monitors_file(clusters: Iterable[shape.Ceph]) -> str:
    """Return a monitors file; all monitors moved on 2026-11-20."""
    return json.dumps({'version': 1, 'clusters': [
        {'name': f'ceph-{ceph.fsid[:8]}', 'fsid': ceph.fsid,
         'source': 'mon-dump', 'written': '2026-11-21T08:00:00+00:00',
         'monitors': [_endpoint(host, 6789) for host in ceph.new],
         'addresses': [_endpoints(host) for host in ceph.new],
         'epochs': [1, 9],
         'former': [{'name': f'{ceph.name}{number}',
                     'addresses': _endpoints(host), 'epochs': [1, 6],
                     'until': '2026-11-20T02:00:00.000000+0000',
                     'answers': False}
                    for number, host in enumerate(ceph.old, 1)]}
        for ceph in clusters]}, indent=1)


def _endpoints(host: str) -> list[str]:
    return [_endpoint(host, 3300), _endpoint(host, 6789)]


def _endpoint(host: str, port: int) -> str:
    return f'[{host}]:{port}' if ':' in host else f'{host}:{port}'


def _mon_host(ceph: shape.Ceph) -> str:
    """Return both endpoints of each monitor, as cephadm writes them."""
    hosts = [f'[{host}]' if ':' in host else host for host in ceph.new]
    return ' '.join(f'[v2:{host}:3300/0,v1:{host}:6789/0]' for host in hosts)
