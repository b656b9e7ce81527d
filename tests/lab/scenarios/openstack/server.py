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

"""A server as observed on its host, not as Nova reports it."""

from __future__ import annotations

import json
import pathlib
from typing import Any
from xml.etree import ElementTree

from lab import errors
from lab import guests
from lab import hosts
from lab import inside
from lab import libvirtd
from lab import services
from lab.openstack import backing
from lab.openstack import user as users

INSTANCES = pathlib.Path('/var/lib/nova/instances')
WITHIN = 180
# The first bytes of each volume.
PATTERN = '0x5a'


class Server:
    """A server of the lab's user.

    :param volume: the volume attached in addition to its boot disk, or else
        the volume that it boots from
    :param on: the host that it is on; whoever moves it to another host sets
        this attribute
    """

    def __init__(self, known: Any, volume: str = '',
                 on: hosts.Host = hosts.FIRST):
        # Sessions are not thread-safe, and threads may share servers.
        self.user = users.User()
        self.id: str = known.id
        self.name: str = known.name
        self.volume = volume
        self.on = on
        self.domain: str = getattr(
            self.user.nova.servers.get(known.id),
            'OS-EXT-SRV-ATTR:instance_name')

    @property
    def console(self) -> pathlib.Path:
        """The output of its serial port; a start of the server clears it."""
        return self.on.path(f'{INSTANCES}/{self.id}/console.log')

    @property
    def pid(self) -> int:
        """The pid of its QEMU process."""
        file = self.on.path(f'{guests.PIDS}/{self.domain}.pid')
        return int(file.read_text())

    @property
    def status(self) -> str:
        return self.user.nova.servers.get(self.id).status

    def act(self, action: str, *words: str) -> str:
        """Run one of Nova's actions on it, wait, and return the result.

        :returns: 'Success' or 'Error', as in Nova's log of actions
        """
        done = len(self._actions(action))
        getattr(self.user.nova.servers, action)(self.id, *words)
        self.user.idle(self.id)
        return self.ended(action, done)

    def ended(self, action: str, done: int) -> str:
        """Wait for an action and return its result.

        :param done: the number of earlier actions of this kind
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
        """Make its volume larger, and return the result.

        :param size: GiB
        """
        done = len(self._actions('extend_volume'))
        self.user.volumes.extend(self.volume, size)
        return self.ended('extend_volume', done)

    def has_domain(self) -> bool:
        return self.domain in self._virsh(
            'list', '--all', '--name').split()

    def xml(self) -> str:
        """Return its persistent definition, which libvirt uses at a start."""
        return self._virsh('dumpxml', '--inactive', self.domain)

    def hosts(self, target: str = 'vda') -> list[str]:
        """Return the monitors of a disk in its persistent definition."""
        disk = self._disks('--inactive')[target]
        return [f'{host.get("name")}:{host.get("port")}'
                for host in disk.iter('host')]

    def images(self, *options: str) -> dict[str, str]:
        """Return the image of each disk that it runs with, keyed by target.

        :param options: of ``virsh dumpxml``: ``--inactive`` for the disks of
            the next start
        """
        return {target: disk.find('source').get('name')
                for target, disk in self._disks(*options).items()}

    def _disks(self, *options: str) -> dict[str, ElementTree.Element]:
        xml = self._virsh('dumpxml', *options, self.domain)
        return {disk.find('target').get('dev'): disk
                for disk in ElementTree.fromstring(xml).iter('disk')}

    def counts(self) -> None:
        """Wait until it writes to its disk.

        :raises Exception: it does not write
        """
        now = guests.count(self.console)
        services.wait_for(
            lambda: (guests.count(self.console) or 0) >= 2
            and guests.count(self.console) != now, WITHIN)

    def reads(self, target: str = 'vdb') -> bool:
        """Return whether its QEMU can read the pattern on one of its volumes.

        QEMU exports the disk over NBD and reads it on behalf of the client.
        """
        index = self._disks()[target].find('source').get('index')
        # From libvirt 10.1 on, a raw disk has no format node.
        nodes = [node['node-name'] for node in self._ask(
            'query-named-block-nodes', flat=True)]
        node = next(name for name in (f'libvirt-{index}-format',
                                      f'libvirt-{index}-storage')
                    if name in nodes)
        socket = f'/run/{self.domain}.nbd'
        self._ask('nbd-server-start', addr={
            'type': 'unix', 'data': {'path': socket}})
        try:
            self._ask('block-export-add', type='nbd', id='look', name='look',
                      **{'node-name': node})
            return reads_pattern(f'nbd+unix:///look?socket={socket}', self.on)
        finally:
            self._ask('nbd-server-stop')

    def connection_info(self) -> dict[str, Any]:
        """Return the connection info of its volume in Nova's database."""
        return json.loads(self.documents()['nova-bdm', self.volume])

    def attachment(self) -> dict[str, Any]:
        """Return the connection info of its volume in Cinder's database."""
        return json.loads(self.documents()['cinder-attachment', self.volume])

    def documents(self) -> dict[tuple[str, str], str]:
        """Return all documents of its volumes in the databases.

        The keys are rbd-mon-fix's name of the store, and the volume.
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
        """Return the entries of one action in Nova's log, newest first."""
        return [one for one in self.user.nova.instance_action.list(self.id)
                if one.action == action]

    def _virsh(self, *words: str) -> str:
        return libvirtd.virsh(*words, on=self.on)

    def _ask(self, command: str, **arguments: Any) -> Any:
        told = self._virsh(
            'qemu-monitor-command', self.domain,
            json.dumps({'execute': command, 'arguments': arguments}))
        if 'error' in json.loads(told):
            raise errors.LabError(f'{command}: {told}')
        return json.loads(told)['return']


def write_pattern(volume: str, conf: pathlib.Path = inside.CONF) -> None:
    """Write a pattern to a volume, for ``reads_pattern`` to find.

    :param conf: of the cluster that holds the volume
    """
    _io('-c', f'write -P {PATTERN} 0 4k',
        f'rbd:volumes/volume-{volume}:id=cinder:conf={conf}')


def reads_pattern(disk: str, on: hosts.Host = hosts.FIRST) -> bool:
    """Return whether a disk of a host holds the pattern."""
    return 'failed' not in _io(
        '--read-only', '-c', f'read -P {PATTERN} 0 4k', disk, on=on)


def _io(*words: str, on: hosts.Host = hosts.FIRST) -> str:
    told = on.run('qemu-io', '-f', 'raw', *words)
    if '4096/4096' not in told:
        raise errors.LabError(f'qemu-io {" ".join(words)}: {told}')
    return told
