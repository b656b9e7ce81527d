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

"""Database rows as a running Nova and Cinder leave them."""

from __future__ import annotations

import datetime
import itertools
from typing import Iterable, Iterator, Sequence
import uuid

import sqlalchemy as sa

from tests.cloud import databases as databases_module
from tests.cloud import documents
from tests.cloud import shape

WHEN = datetime.datetime(2024, 2, 29, 12, 34, 56)
CELL0 = '00000000-0000-0000-0000-000000000000'
OWNER = {'user_id': '2f890a88bdae48f3a36180f1bc17e37b',
         'project_id': 'dba6058c9c2149768c6ebb887ddd1463'}
# Nova's numbers (nova/objects/fields.py, InstancePowerState).
POWER_STATES = {'active': 1, 'stopped': 4, 'suspended': 4, 'rescued': 1}
BATCH = 500

Row = dict[str, object]
Tables = dict[str, list[Row]]


def write(databases: databases_module.Databases,
          servers: Sequence[shape.Server]) -> None:
    """Fill the empty schemas with a cloud.

    :param servers: servers unknown to Nova get no rows
    """
    hosts = list(dict.fromkeys(
        (*shape.HOSTS, *(server.host for server in servers))))
    _insert(databases.api, _cells(databases, hosts))
    _insert(databases.cell, _services(hosts))
    managed = [server for server in servers if server.managed]
    volume_type = _default_volume_type(databases.cinder)
    for batch in _batches(managed):
        _insert(databases.api, {'instance_mappings': [
            _instance_mapping(server) for server in batch]})
        _insert(databases.cell, {
            'instances': [_instance(server) for server in batch],
            'block_device_mapping': [row for server in batch
                                     for row in _mappings(server)]})
        pairs = [(server, volume) for server in batch
                 for volume in server.volumes]
        _insert(databases.cinder, {
            'volumes': [_volume(server, volume, volume_type)
                        for server, volume in pairs],
            'volume_attachment': [_attachment(server, volume)
                                  for server, volume in pairs]})
    _delete(databases.cell)


def _delete(url: str) -> None:
    """Mark rows as deleted, as Nova does: set ``deleted`` to the row's id."""
    engine = sa.create_engine(url)
    try:
        with engine.begin() as connection:
            connection.execute(sa.text(
                'UPDATE block_device_mapping SET deleted = id'
                ' WHERE deleted_at IS NOT NULL'))
    finally:
        engine.dispose()


def _insert(url: str, tables: Tables) -> None:
    engine = sa.create_engine(url)
    metadata = sa.MetaData()
    try:
        with engine.begin() as connection:
            metadata.reflect(connection, only=list(tables))
            for name, rows in tables.items():
                if rows:
                    connection.execute(metadata.tables[name].insert(), rows)
    finally:
        engine.dispose()


def _default_volume_type(url: str) -> str:
    """Return the volume type that Cinder's migrations create."""
    engine = sa.create_engine(url)
    try:
        with engine.connect() as connection:
            return connection.execute(
                sa.text('SELECT id FROM volume_types')).scalar_one()
    finally:
        engine.dispose()


def _batches(servers: Iterable[shape.Server],
             ) -> Iterator[list[shape.Server]]:
    rest = iter(servers)
    while batch := list(itertools.islice(rest, BATCH)):
        yield batch


def _cells(databases: databases_module.Databases,
           hosts: Sequence[str]) -> Tables:
    """Return the rows of ``nova-manage cell_v2`` map_cell0 and create_cell."""
    return {
        'cell_mappings': [
            {'id': 1, 'created_at': WHEN, 'uuid': CELL0, 'name': 'cell0',
             'transport_url': 'none:///', 'disabled': False,
             'database_connection': databases.cell0},
            {'id': 2, 'created_at': WHEN, 'uuid': _uuid('cell'),
             'name': 'cell1', 'disabled': False,
             'transport_url': 'rabbit://nova:sesame@127.0.0.1:5672/',
             'database_connection': databases.cell}],
        'host_mappings': [{'created_at': WHEN, 'cell_id': 2, 'host': host}
                          for host in hosts]}


def _services(hosts: Sequence[str]) -> Tables:
    return {
        'services': [
            {'created_at': WHEN, 'updated_at': WHEN, 'last_seen_up': WHEN,
             'host': host, 'binary': 'nova-compute', 'topic': 'compute',
             'report_count': 1, 'disabled': False, 'deleted': 0,
             'forced_down': False, 'version': 66, 'uuid': _uuid(host)}
            for host in hosts],
        'compute_nodes': [
            {'created_at': WHEN, 'host': host, 'hypervisor_hostname': host,
             'uuid': _uuid(f'node {host}'), 'mapped': 1, 'deleted': 0,
             'vcpus': 2, 'memory_mb': 4096, 'local_gb': 20, 'vcpus_used': 0,
             'memory_mb_used': 0, 'local_gb_used': 0, 'cpu_info': '{}',
             'hypervisor_type': 'QEMU', 'hypervisor_version': 7002000}
            for host in hosts]}


def _instance_mapping(server: shape.Server) -> Row:
    return {**OWNER, 'created_at': WHEN, 'instance_uuid': server.uuid,
            'cell_id': 2, 'queued_for_delete': False}


def _instance(server: shape.Server) -> Row:
    return {**OWNER, 'created_at': WHEN, 'updated_at': WHEN,
            'launched_at': WHEN, 'uuid': server.uuid, 'host': server.host,
            'node': server.host, 'launched_on': server.host,
            'display_name': server.name, 'hostname': server.name,
            'vm_state': server.vm_state, 'task_state': server.task_state,
            'power_state': POWER_STATES[server.vm_state], 'memory_mb': 64,
            'vcpus': 1, 'root_gb': 1, 'ephemeral_gb': 0, 'deleted': 0,
            'root_device_name': '/dev/vda', 'locked': False, 'cleaned': 0,
            'hidden': False}


def _mappings(server: shape.Server) -> Iterator[Row]:
    if server.root:
        yield {**_mapping(server, 'vda', 'image', 'root'),
               'destination_type': 'local', 'boot_index': 0}
    for volume in server.volumes:
        yield {**_mapping(server, documents.device(server, volume),
                          volume.source, volume.name),
               'volume_id': volume.id, 'volume_size': 1,
               'attachment_id': (None if volume.legacy
                                 else volume.attachment_id),
               'connection_info': documents.bdm_connection_info(
                   server, volume),
               'deleted_at': WHEN if volume.detached else None}


def _mapping(server: shape.Server, device: str, source: str,
             name: str) -> Row:
    """Return a row with every column, as a multi-row statement requires."""
    return {'created_at': WHEN, 'updated_at': WHEN, 'deleted_at': None,
            'deleted': 0, 'uuid': _uuid(f'bdm {server.name} {name}'),
            'instance_uuid': server.uuid, 'device_name': f'/dev/{device}',
            'source_type': source, 'destination_type': 'volume',
            'device_type': 'disk', 'disk_bus': 'virtio',
            'boot_index': None if source == 'volume' else 0,
            'image_id': None if source == 'volume' else _uuid('image'),
            'no_device': False, 'delete_on_termination': False,
            'volume_id': None, 'volume_size': None, 'attachment_id': None,
            'connection_info': None}


def _volume(server: shape.Server, volume: shape.Volume, type_id: str) -> Row:
    backend = (f'ctl@rbd-{volume.ceph.name}#{volume.ceph.pool}'
               if volume.ceph else 'ctl@lvm#lvm')
    return {**OWNER, 'created_at': WHEN, 'id': volume.id, 'deleted': False,
            'host': backend, 'size': 1, 'availability_zone': 'nova',
            'status': 'available' if volume.detached else 'in-use',
            'attach_status': ('detached' if volume.detached else 'attached'),
            'display_name': volume.name, 'volume_type_id': type_id,
            'bootable': volume.source != 'volume', 'multiattach': False,
            'use_quota': True}


def _attachment(server: shape.Server, volume: shape.Volume) -> Row:
    return {'created_at': WHEN, 'updated_at': WHEN, 'attach_time': WHEN,
            'id': volume.attachment_id, 'volume_id': volume.id,
            'deleted': volume.detached,
            'deleted_at': WHEN if volume.detached else None,
            'instance_uuid': server.uuid, 'attached_host': server.host,
            'mountpoint': f'/dev/{documents.device(server, volume)}',
            'attach_mode': 'rw', 'connector': documents.connector(server),
            'attach_status': 'detached' if volume.detached else 'attached',
            'connection_info': documents.attachment_connection_info(volume)}


def _uuid(name: str) -> str:
    return str(uuid.uuid5(shape.NAMESPACE, name))
