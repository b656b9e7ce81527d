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

"""A server, as who looks at its host sees it: not as Nova tells."""

from __future__ import annotations

import json
import pathlib
from typing import Any
from xml.etree import ElementTree

from lab import errors
from lab import guests
from lab import inside
from lab import libvirtd
from lab import services
from lab.openstack import backing
from lab.openstack import user as users

INSTANCES = pathlib.Path('/var/lib/nova/instances')
WITHIN = 60
# What stands on the first bytes of each volume.
PATTERN = '0x5a'


class Server:
    """A server of the lab's user.

    :param volume: the volume that it was given, beside the disk that it
        boots from, or else the one that it boots from
    """

    def __init__(self, known: Any, volume: str = ''):
        # Sessions are not for two threads, and servers may be in several.
        self.user = users.User()
        self.id: str = known.id
        self.name: str = known.name
        self.volume = volume
        self.domain: str = getattr(
            self.user.nova.servers.get(known.id),
            'OS-EXT-SRV-ATTR:instance_name')

    @property
    def console(self) -> pathlib.Path:
        """What it prints on its serial port; a start begins it anew."""
        return INSTANCES / self.id / 'console.log'

    @property
    def pid(self) -> int:
        """Its QEMU process."""
        return int(guests.PIDS.joinpath(f'{self.domain}.pid').read_text())

    @property
    def status(self) -> str:
        return self.user.nova.servers.get(self.id).status

    def act(self, action: str, *words: str) -> str:
        """Do an action of Nova's with it, wait, and return how that ended.

        :returns: 'Success' or 'Error', as Nova's log of actions has it
        """
        done = len(self._actions(action))
        getattr(self.user.nova.servers, action)(self.id, *words)
        self.user.idle(self.id)
        return self.ended(action, done)

    def ended(self, action: str, done: int) -> str:
        """Wait for an action, and return how it ended.

        :param done: how many of them there had been
        """
        def look() -> object:
            actions = self._actions(action)
            if len(actions) <= done:
                return False
            told = self.user.nova.instance_action.get(
                self.id, actions[0].request_id)
            results = [event['result'] for event in told.events]
            return results[0] if results and all(results) else False

        return str(services.wait_for(look, WITHIN))

    def extend(self, size: int) -> str:
        """Make its volume larger, and return how that ended.

        :param size: GiB
        """
        done = len(self._actions('extend_volume'))
        self.user.volumes.extend(self.volume, size)
        return self.ended('extend_volume', done)

    def has_domain(self) -> bool:
        return self.domain in libvirtd.virsh(
            'list', '--all', '--name').split()

    def xml(self) -> str:
        """Return its definition, which the next start of libvirt takes."""
        return libvirtd.virsh('dumpxml', '--inactive', self.domain)

    def hosts(self, target: str = 'vda') -> list[str]:
        """Return the monitors that its definition names for a disk."""
        disk = self._disks('--inactive')[target]
        return [f'{host.get("name")}:{host.get("port")}'
                for host in disk.iter('host')]

    def images(self, *options: str) -> dict[str, str]:
        """Return the image of each disk that it runs with, by its target.

        :param options: of ``virsh dumpxml``: ``--inactive`` for those that
            it will start with
        """
        return {target: disk.find('source').get('name')
                for target, disk in self._disks(*options).items()}

    def _disks(self, *options: str) -> dict[str, ElementTree.Element]:
        xml = libvirtd.virsh('dumpxml', *options, self.domain)
        return {disk.find('target').get('dev'): disk
                for disk in ElementTree.fromstring(xml).iter('disk')}

    def counts(self) -> None:
        """Wait until it writes to its disk.

        :raises Exception: it does not
        """
        now = guests.count(self.console)
        services.wait_for(
            lambda: (guests.count(self.console) or 0) >= 2
            and guests.count(self.console) != now, WITHIN)

    def reads(self, target: str = 'vdb') -> bool:
        """Return whether its QEMU reads what stands on a volume of it.

        QEMU is asked to hand the disk out, and reads it for who looks.
        """
        index = self._disks()[target].find('source').get('index')
        node = f'libvirt-{index}-format'
        socket = f'/run/{self.domain}.nbd'
        self._ask('nbd-server-start', addr={
            'type': 'unix', 'data': {'path': socket}})
        try:
            self._ask('block-export-add', type='nbd', id='look', name='look',
                      **{'node-name': node})
            return reads_pattern(f'nbd+unix:///look?socket={socket}')
        finally:
            self._ask('nbd-server-stop')

    def connection_info(self) -> dict[str, Any]:
        """Return what Nova's database has of its volume."""
        return json.loads(self.documents()['nova-bdm', self.volume])

    def attachment(self) -> dict[str, Any]:
        """Return what Cinder's database has of its volume."""
        return json.loads(self.documents()['cinder-attachment', self.volume])

    def documents(self) -> dict[tuple[str, str], str]:
        """Return all that the databases have of its volumes.

        By the store, in the words of rbd-mon-fix, and the volume.
        """
        found = {}
        for store, table in (('nova-bdm', 'nova.block_device_mapping'),
                             ('cinder-attachment',
                              'cinder.volume_attachment')):
            for line in backing.sql(
                    f'SELECT volume_id, connection_info FROM {table} WHERE '
                    f"instance_uuid = '{self.id}' AND deleted = 0 AND "
                    'volume_id IS NOT NULL').splitlines():
                volume, document = line.split('\t')
                found[store, volume] = document
        return found

    def _actions(self, action: str) -> list[Any]:
        """Return Nova's log of an action of it, the last one first."""
        return [one for one in self.user.nova.instance_action.list(self.id)
                if one.action == action]

    def _ask(self, command: str, **arguments: Any) -> None:
        told = libvirtd.virsh(
            'qemu-monitor-command', self.domain,
            json.dumps({'execute': command, 'arguments': arguments}))
        if 'error' in json.loads(told):
            raise errors.LabError(f'{command}: {told}')


def write_pattern(volume: str, conf: pathlib.Path = inside.CONF) -> None:
    """Write to a volume what is looked for later.

    :param conf: of the cluster that keeps it
    """
    _io('-c', f'write -P {PATTERN} 0 4k',
        f'rbd:volumes/volume-{volume}:id=cinder:conf={conf}')


def reads_pattern(disk: str) -> bool:
    """Return whether what is looked for stands on a disk."""
    return 'failed' not in _io(
        '--read-only', '-c', f'read -P {PATTERN} 0 4k', disk)


def _io(*words: str) -> str:
    told = services.run('qemu-io', '-f', 'raw', *words)
    if '4096/4096' not in told:
        raise errors.LabError(f'qemu-io {" ".join(words)}: {told}')
    return told
