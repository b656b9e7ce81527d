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

"""Documents as Nova, Cinder and libvirt write them.

The templates were captured on a cloud of OpenStack Zed. Nova saves a
connection info with ``oslo_serialization.jsonutils.dumps``
(nova/virt/block_device.py), which is ``json.dumps`` with its defaults.
"""

from __future__ import annotations

import functools
import json
import pathlib
import string
from typing import Optional

from tests.cloud import shape

PORT = '6789'
USER = 'cinder'
TEMPLATES = pathlib.Path(__file__).parent / 'templates'


def bdm_connection_info(server: shape.Server,
                        volume: shape.Volume) -> Optional[str]:
    """Return the connection info of a row of block_device_mapping."""
    document = json.loads(_template('bdm.json'))
    document.update(instance=server.uuid, volume_id=volume.id,
                    serial=volume.id)
    if volume.ceph is None:
        document['driver_volume_type'] = 'iscsi'
        document['data'] = _iscsi(volume)
    else:
        document['data'].update(_rbd(volume))
    return volume.alter(json.dumps(document))


def attachment_connection_info(volume: shape.Volume) -> str:
    """Return the connection info of a row of volume_attachment."""
    document = json.loads(_template('attachment.json'))
    if volume.ceph is None:
        document = dict(_iscsi(volume), driver_volume_type='iscsi')
    else:
        document.update(_rbd(volume))
    document['attachment_id'] = volume.attachment_id
    return json.dumps(document)


def connector(server: shape.Server) -> str:
    """Return the connector of a row of Cinder's volume_attachment."""
    return json.dumps(dict(json.loads(_template('connector.json')),
                           host=server.host))


def device(server: shape.Server, volume: shape.Volume) -> str:
    """Return the target device of a volume, such as ``vdb``."""
    first = 1 if server.root else 0
    return f'vd{string.ascii_lowercase[first + server.volumes.index(volume)]}'


def domain_xml(server: shape.Server) -> str:
    """Return the XML of a server's domain."""
    metadata = ''
    if server.managed:
        metadata = _filled('metadata.xml', display_name=server.name)
    return _filled('domain.xml', name=f'instance-{server.uuid[:8]}',
                   uuid=server.uuid, metadata=metadata,
                   disks=_root_disk(server) + ''.join(
                       _volume_disk(server, volume)
                       for volume in server.volumes if not volume.detached))


def _root_disk(server: shape.Server) -> str:
    if not server.root:
        return ''
    return _disk(shape.ALPHA, f'{shape.NOVA_POOL}/{server.uuid}_disk',
                 server.root, 'vda', '')


def _volume_disk(server: shape.Server, volume: shape.Volume) -> str:
    target = device(server, volume)
    serial = f'      <serial>{volume.id}</serial>\n'
    if volume.ceph is None:
        return _filled('iscsi.xml', device=target, serial=serial)
    image = f'{volume.ceph.pool}/volume-{volume.id}'
    return _disk(volume.ceph, image, volume.monitors, target, serial)


def _disk(ceph: shape.Ceph, image: str, monitors: tuple[str, ...],
          target: str, serial: str) -> str:
    hosts = ''.join(f"        <host name='{monitor}' port='{PORT}'/>\n"
                    for monitor in monitors)
    return _filled('disk.xml', user=USER, secret_uuid=ceph.secret_uuid,
                   image=image, hosts=hosts, device=target, serial=serial)


def _rbd(volume: shape.Volume) -> dict:
    assert volume.ceph is not None
    return {'name': f'{volume.ceph.pool}/volume-{volume.id}',
            'hosts': list(volume.monitors),
            'ports': [PORT] * len(volume.monitors),
            'auth_username': USER,
            'secret_uuid': volume.ceph.secret_uuid,
            'volume_id': volume.id}


def _iscsi(volume: shape.Volume) -> dict:
    return {'target_discovered': False, 'target_portal': '192.0.2.99:3260',
            'target_iqn': f'iqn.2010-10.org.openstack:volume-{volume.id}',
            'target_lun': 0, 'volume_id': volume.id, 'auth_method': 'CHAP',
            'auth_username': 'chap', 'auth_password': 'sesame',
            'encrypted': False, 'qos_specs': None, 'access_mode': 'rw',
            'cacheable': False, 'device_path': '/dev/sdx'}


@functools.lru_cache(maxsize=None)
def _template(name: str) -> str:
    return (TEMPLATES / name).read_text()


def _filled(template: str, **values: str) -> str:
    return string.Template(_template(template)).substitute(values)
