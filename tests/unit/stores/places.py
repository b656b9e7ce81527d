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

"""The places that stores keep documents in, and the changes others make there.

Each place opens its store through the registry and provides everything the
store needs.
"""

from __future__ import annotations

import contextlib
import json
import threading
from typing import Any, Collection, Iterator, Optional
import uuid as uuid_module
from xml.etree import ElementTree

import sqlalchemy as sa

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.clients import libvirt_events
from rbd_mon_fix.clients import libvirt_objects
from rbd_mon_fix.clients.database import cinder
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.clients.database import instances
from rbd_mon_fix.clients.database import nova
from rbd_mon_fix.clients.database import nova_services
from rbd_mon_fix.clients.libvirt_events import DomainEvent
from rbd_mon_fix.model.instance import Scope
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.store import Store
from rbd_mon_fix.stores import registry
from tests.unit import memory

HOST = memory.HOST
OLD = ('10.0.0.1', '10.0.0.2', 'fd00::3')
# Text that breaks SQL, JSON or XML if it is not escaped.
NOISE = '\u00e4 %s %(x)s :a_new ? \\\\ \'"\' AQBSECRET=='

NOVA = '''
  <metadata>
    <nova:instance xmlns:nova="http://openstack.org/xmlns/libvirt/nova/1.1">
      <nova:name>as Nova calls it</nova:name>
    </nova:instance>
  </metadata>'''


def volume(server: int) -> str:
    return str(uuid_module.UUID(int=0x7000 + server))


def attachment(server: int) -> str:
    return str(uuid_module.UUID(int=0xa000 + server))


def data(server: int, **fields: Any) -> dict[str, Any]:
    return {'name': f'volumes/volume-{volume(server)}', 'hosts': list(OLD),
            'ports': ['6789'] * len(OLD), 'auth_enabled': True,
            'auth_username': 'cinder', 'secret_uuid': 'S',
            'volume_id': volume(server), 'keyring': NOISE, **fields}


class Tables:
    """A database with the tables that we know, and extra columns."""

    def __init__(self, url: str, *tables: sa.Table):
        self.url = url
        self._engine = sa.create_engine(url)
        self._meta = sa.MetaData()
        for table in tables:
            copy = table.to_metadata(self._meta)
            copy.append_column(sa.Column('created_at', sa.DateTime))
            copy.append_column(sa.Column('note', sa.String(255)))
        self._meta.create_all(self._engine)

    def insert(self, table: str, **values: Any) -> None:
        with self._engine.begin() as connection:
            connection.execute(self._meta.tables[table].insert(), [values])

    def update(self, table: str, column: str, value: Any,
               **values: Any) -> None:
        columns = self._meta.tables[table].c
        with self._engine.begin() as connection:
            done = connection.execute(
                self._meta.tables[table].update().values(**values)
                .where(columns[column] == value))
            assert done.rowcount == 1

    def rows(self) -> dict[str, list[dict[str, Any]]]:
        """Return all rows, ordered by the first column."""
        with self._engine.connect() as connection:
            return {name: [dict(row) for row in connection.execute(
                sa.select(table).order_by(*list(table.c)[:1])).mappings()]
                for name, table in self._meta.tables.items()}

    def close(self) -> None:
        self._engine.dispose()


class NovaPlace:
    """A cell's database."""

    def __init__(self, url: str):
        self.tables = Tables(url, instances.INSTANCES, nova.BDM,
                             nova_services.SERVICES,
                             nova_services.COMPUTE_NODES)
        self._cell = nova.Cell(
            engine.Database(url, "Nova's cell database"))
        self.store = self.open()
        self._ids = 0

    def cell(self, host: str) -> nova.Cell:
        return self._cell

    def open(self) -> Store:
        """Return another instance of the store."""
        return registry.SPECS['nova-bdm'].open(self, HOST)

    def add_server(self, server: int, host: Optional[str] = HOST,
                   **fields: Any) -> None:
        self.tables.insert('instances', **{
            'uuid': memory.uuid(server), 'host': host, 'deleted': 0,
            'display_name': f'server-{server}', 'vm_state': 'stopped',
            'task_state': None, **fields})

    def text(self, server: int, **fields: Any) -> str:
        return json.dumps({'driver_volume_type': 'rbd',
                           'data': data(server, **fields)},
                          ensure_ascii=False)

    def add_row(self, server: int, text: Optional[str],
                **fields: Any) -> Locator:
        self._ids += 1
        self.tables.insert('block_device_mapping', **{
            'id': self._ids, 'instance_uuid': memory.uuid(server),
            'volume_id': volume(server), 'deleted': 0,
            'attachment_id': attachment(server), 'device_name': '/dev/vda',
            'destination_type': 'volume', 'connection_info': text,
            'note': 'image', **fields})
        return Locator('nova-bdm', HOST, memory.uuid(server),
                       str(self._ids))

    def add(self, server: int, text: Optional[str] = None) -> Locator:
        self.add_server(server)
        return self.add_row(server, text or self.text(server))

    def scope(self, *servers: int) -> Scope:
        return Scope(HOST, memory.instances(*servers))

    def update(self, where: Locator, **values: Any) -> None:
        self.tables.update('block_device_mapping', 'id', int(where.key),
                           **values)

    def set_text(self, where: Locator, text: str) -> None:
        self.update(where, connection_info=text)

    def remove(self, where: Locator) -> None:
        self.update(where, deleted=int(where.key))

    def everything(self) -> Any:
        return self.tables.rows()

    def close(self) -> None:
        self.tables.close()


class CinderPlace:
    """Cinder's database."""

    def __init__(self, url: str):
        self.tables = Tables(url, cinder.VOLUMES, cinder.ATTACHMENTS)
        self._volumes = cinder.Cinder(
            engine.Database(url, "Cinder's database"))
        self.store = self.open()

    def volumes(self) -> cinder.Cinder:
        return self._volumes

    def open(self) -> Store:
        """Return another instance of the store."""
        return registry.SPECS['cinder-attachment'].open(self, HOST)

    def text(self, server: int, **fields: Any) -> str:
        return json.dumps({**data(server, **fields),
                           'driver_volume_type': 'rbd'}, ensure_ascii=False)

    def add_row(self, server: int, text: Optional[str],
                **fields: Any) -> Locator:
        values = {
            'id': attachment(server), 'volume_id': volume(server),
            'instance_uuid': memory.uuid(server), 'deleted': False,
            'connection_info': text, **fields}
        self.tables.insert('volume_attachment', **values)
        return Locator('cinder-attachment', HOST, memory.uuid(server),
                       values['id'])

    def add(self, server: int, text: Optional[str] = None) -> Locator:
        return self.add_row(server, text or self.text(server))

    def scope(self, *servers: int) -> Scope:
        return Scope(HOST, memory.instances(*servers), before=tuple(
            Record(Locator('nova-bdm', HOST, memory.uuid(server), ''), None,
                   attachment=attachment(server), volume_id=volume(server))
            for server in servers))

    def update(self, where: Locator, **values: Any) -> None:
        self.tables.update('volume_attachment', 'id', where.key, **values)

    def set_text(self, where: Locator, text: str) -> None:
        self.update(where, connection_info=text)

    def remove(self, where: Locator) -> None:
        self.update(where, deleted=True)

    def everything(self) -> Any:
        return self.tables.rows()

    def close(self) -> None:
        self.tables.close()


class Watch(libvirt_events.DomainWatch):
    """A watch whose events arrive at once."""

    folder: Optional[str] = None

    def __init__(self) -> None:
        super().__init__(None, lambda: None, self.folder)

    def catch_up(self, defined: Collection[str]) -> None:
        """Do nothing: there is nothing to wait for."""


class DomainPlace:
    """The domains of an in-memory libvirt; the place is its own hypervisor.

    ``texts`` maps UUIDs to persistent XML, ``live_texts`` to the XML of
    running domains, ``images`` to the XML of domains with a managed-save
    image. A running domain without persistent XML is transient; domains in
    ``paused`` are paused.
    tests/functional/test_domain_place.py compares it with real libvirt.
    """

    name = 'domain'

    def __init__(self, host: str = HOST) -> None:
        self.host = host
        self.texts: dict[str, str] = {}
        self.live_texts: dict[str, str] = {}
        self.images: dict[str, str] = {}
        self.paused: set[str] = set()
        self.watches: list[Watch] = []
        self.store = self.open()
        self._lock = threading.Lock()

    def hypervisor(self, host: str) -> DomainPlace:
        return self

    def open(self) -> Store:
        """Return another instance of the store."""
        return registry.SPECS[self.name].open(self, HOST)

    def locator(self, server: int) -> Locator:
        uuid = memory.uuid(server)
        return Locator(self.name, HOST, uuid, uuid)

    def text(self, server: int, nova: bool = True) -> str:
        hosts = ''.join(f"\n        <host name='{host}' port='6789'/>"
                        for host in OLD)
        noise = NOISE.replace('"', '&quot;')
        return f'''\
<domain type='kvm'>
  <name>instance-{server}</name>
  <uuid>{memory.uuid(server)}</uuid>{NOVA if nova else ''}
  <description>{noise}</description>
  <devices>
    <disk type='network' device='disk'>
      <auth username='cinder'>
        <secret type='ceph' uuid='S'/>
      </auth>
      <source protocol='rbd' name='volumes/volume-{volume(server)}'>{hosts}
      </source>
      <target dev='vda' bus='virtio'/>
      <serial>{volume(server)}</serial>
    </disk>
  </devices>
</domain>
'''

    def add(self, server: int, text: Optional[str] = None) -> Locator:
        where = self.locator(server)
        self.texts[where.key] = text or self.text(server)
        return where

    def scope(self, *servers: int) -> Scope:
        return Scope(HOST, memory.instances(*servers))

    def set_text(self, where: Locator, text: str) -> None:
        self.texts[where.key] = text

    def remove(self, where: Locator) -> None:
        self.undefine(where.key)

    def undefine(self, uuid: str) -> None:
        del self.texts[uuid]
        self.tell(uuid, DomainEvent.UNDEFINED)

    def tell(self, uuid: str, event: DomainEvent) -> None:
        for watch in self.watches:
            watch.note(uuid, event)

    def everything(self) -> Any:
        return dict(self.texts)

    def close(self) -> None:
        """Do nothing: there is nothing to close."""

    # The interface of a hypervisor.

    def hostname(self) -> str:
        return self.host

    def domains(self) -> list[libvirt.Domain]:
        return [libvirt.Domain(
            uuid, _parse(text).findtext('name', ''), uuid in self.texts,
            uuid in self.live_texts, uuid in self.paused,
            uuid in self.images)
            for uuid, text in {**self.live_texts, **self.texts}.items()]

    def running(self) -> set[str]:
        return set(self.live_texts)

    def saved(self) -> set[str]:
        return set(self.images)

    def inactive_xml(self, uuid: str) -> str:
        self._look_up(uuid)
        return self.texts.get(uuid) or self.live_texts[uuid]

    def live_xml(self, uuid: str) -> str:
        self._look_up(uuid)
        return self.live_texts.get(uuid) or self.texts[uuid]

    def persistent(self, uuid: str) -> bool:
        self._look_up(uuid)
        return uuid in self.texts

    def active(self, uuid: str) -> bool:
        self._look_up(uuid)
        return uuid in self.live_texts

    def has_block_job(self, uuid: str, device: str) -> bool:
        self._look_up(uuid)
        return False

    def at_work(self, uuid: str) -> bool:
        self._look_up(uuid)
        return False

    def managed_save_xml(self, uuid: str) -> str:
        self._look_up(uuid)
        if uuid not in self.images:
            raise exceptions.Gone('The domain has no managed-save image.')
        return self.images[uuid]

    def define_managed_save(self, uuid: str, xml: str) -> None:
        self._look_up(uuid)
        if uuid not in self.images:
            raise libvirt.Declined('The domain has no managed-save image.')
        with self._lock:
            self.images[uuid] = xml

    def define(self, xml: str) -> None:
        uuid = _parse(xml).findtext('uuid', '')
        with self._lock:
            self.texts[uuid] = xml
        self.tell(uuid, DomainEvent.DEFINED)

    @contextlib.contextmanager
    def watching(self) -> Iterator[Watch]:
        self.watches.append(Watch())
        yield self.watches[-1]
        self.watches.pop()

    def _look_up(self, uuid: str) -> None:
        if uuid not in self.texts and uuid not in self.live_texts:
            raise exceptions.Gone('Libvirt has no such domain.')

    def concurrently(self, function: Any, items: Any) -> list[Any]:
        return list(map(function, items))

    def domain_by_domain(self, function: Any, uuids: Any,
                         running: Any) -> list[Any]:
        return list(map(function, uuids))

    def rbd_pools(self) -> list[str]:
        return []

    def moments(self) -> Iterator[libvirt_objects.Moment]:
        return iter(())


def _parse(xml: str) -> ElementTree.Element:
    try:
        return ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        raise libvirt.Declined('The XML is not well-formed.') from None
