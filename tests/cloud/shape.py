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

"""The shape of a throwaway cloud, as values, and the usual cloud."""

from __future__ import annotations

import dataclasses
from typing import Any, Callable, Optional, Sequence
import uuid

HOSTS = ('cmp1', 'cmp2')
NAMESPACE = uuid.UUID('5b9a7832-08f5-4283-aebc-85424f8ccc69')


@dataclasses.dataclass(frozen=True)
class Ceph:
    """A Ceph cluster, its monitors, and its former monitors."""

    name: str
    fsid: str
    secret_uuid: str
    pool: str
    old: tuple[str, ...]
    new: tuple[str, ...]

    @property
    def partly(self) -> tuple[str, ...]:
        """Return addresses of which only the last one still answers."""
        return self.old[:-1] + self.new[-1:]


ALPHA = Ceph(
    'a', '6d0fd8d5-5c9c-4b1e-9fd0-7c1f3a0a5a01',
    'bd341dc4-82ce-4fa7-a378-7a6e331821fb', 'volumes',
    ('192.0.2.11', '192.0.2.12', '192.0.2.13'),
    ('192.0.2.21', '192.0.2.22', '192.0.2.23'))
BETA = Ceph(
    'b', '0b5e1c1d-94d5-4d43-8bd4-2f0bd0f7bb02',
    '7b9d5d7e-31fb-4f0e-a1bb-0d4b8f6f1b02', 'volumes-ssd',
    ('2001:db8::11', '2001:db8::12', '2001:db8::13'),
    ('2001:db8::21', '2001:db8::22', '2001:db8::23'))
NOVA_POOL = 'vms'


@dataclasses.dataclass(frozen=True)
class Volume:
    """A volume of a server.

    :param ceph: its cluster; None for a volume that is not on RBD
    :param monitors: the addresses stored when it was attached
    :param source: of the block device mapping; all but 'volume' boot
    :param alter: turns the connection info that Nova would have saved into
        the one in the row
    :param legacy: attached before Nova used Cinder's attachments
    :param detached: leaves a deleted row, as a detached volume does
    """

    name: str
    ceph: Optional[Ceph]
    monitors: tuple[str, ...]
    source: str = 'volume'
    alter: Callable[[str], Optional[str]] = str
    legacy: bool = False
    detached: bool = False

    @property
    def id(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f'volume {self.name}'))

    @property
    def attachment_id(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f'attachment {self.name}'))


@dataclasses.dataclass(frozen=True)
class Server:
    """A server, or a guest that Nova does not know.

    :param root: monitors of Nova's own rbd disk; empty without such a disk
    :param defined: False if libvirt has no domain
    :param managed: False for a guest created by hand
    """

    name: str
    volumes: tuple[Volume, ...] = ()
    root: tuple[str, ...] = ()
    host: str = HOSTS[0]
    vm_state: str = 'stopped'
    task_state: Optional[str] = None
    defined: bool = True
    managed: bool = True

    @property
    def uuid(self) -> str:
        return str(uuid.uuid5(NAMESPACE, f'server {self.name}'))


def stale(name: str, ceph: Ceph = ALPHA, **more: Any) -> Volume:
    """Return a volume with addresses that no longer answer."""
    return Volume(name, ceph, ceph.old, **more)


def standard() -> tuple[Server, ...]:
    """Return a cloud with one server for each supported case."""
    return (
        Server('stopped', (stale('stopped'),), ALPHA.old),
        Server('active', (stale('active-1'), stale('active-2', BETA)),
               ALPHA.old, vm_state='active'),
        Server('suspended', (stale('suspended'),), vm_state='suspended'),
        Server('busy', (stale('busy'),), task_state='powering-on'),
        Server('from-volume', (stale('root', source='image'),)),
        Server('gone', (stale('gone'),), defined=False),
        Server('iscsi', (Volume('lun', None, ()),)),
        Server('drifted', (Volume('drifted', ALPHA, ALPHA.partly),)),
        Server('current', (Volume('current', ALPHA, ALPHA.new),), ALPHA.new,
               vm_state='active'),
        Server('legacy', (stale('legacy', legacy=True),)),
        Server('detached', (stale('detached', detached=True),)),
        Server('keyring', (stale('keyring', alter=_with_keyring),)),
        Server('no-info', (stale('no-info', alter=lambda text: None),)),
        Server('null-info', (stale('null-info', alter=lambda text: 'null'),)),
        Server('empty-info', (stale('empty', alter=lambda text: '{}'),)),
        Server('broken', (stale('broken', alter=lambda text: text[:-9]),)),
        Server('no-hosts', (stale('no-hosts', alter=_without_hosts),)),
        Server('short-ports', (stale('short-ports', alter=_short_of_ports),)),
        Server('elsewhere', (stale('elsewhere'),), host=HOSTS[1],
               vm_state='active'),
        Server('by-hand', root=ALPHA.old[:1], managed=False),
    )


def few() -> tuple[Server, ...]:
    """Return a cloud small enough to take in at a glance, for the demo."""
    names = ('stopped', 'active', 'suspended', 'busy', 'gone', 'drifted',
             'current', 'elsewhere')
    return tuple(server for server in standard() if server.name in names)


def three() -> tuple[Server, ...]:
    """Return a host of three servers: running, stopped and in order."""
    return (
        Server('db-1', (stale('db-1'), stale('db-1-log')), ALPHA.old,
               vm_state='active'),
        Server('web-1', (stale('web-1'),), ALPHA.old),
        Server('app-1', (Volume('app-1', ALPHA, ALPHA.new),), ALPHA.new,
               vm_state='active'))


def fleet(hosts: int) -> Sequence[Server]:
    """Return servers on many hosts, whose libvirt is elsewhere.

    Each host has a server in order and up to four stale ones.
    """
    return [
        Server(name, (Volume(name, ALPHA, ALPHA.old if stale else ALPHA.new),),
               host=f'cmp{host:03}', defined=False)
        for host in range(1, hosts + 1)
        for number, stale in enumerate([False] + [True] * (host % 5))
        for name in [f'web-{host:03}-{number}']]


def many(servers: int, volumes: int = 2) -> Sequence[Server]:
    """Return identical servers, for benchmarks.

    :param volumes: how many each has, in addition to Nova's own disk
    """
    return [Server(f'bulk-{number}',
                   tuple(stale(f'bulk-{number}-{volume}')
                         for volume in range(volumes)), ALPHA.old)
            for number in range(servers)]


def _with_keyring(text: str) -> str:
    return text.replace('"discard": true', '"discard": true, "keyring": '
                        '"[client.cinder]\\nkey = c2VzYW1lLW9wZW4=\\n"')


def _without_hosts(text: str) -> str:
    return _replaced(text, '"hosts"', '[]')


def _short_of_ports(text: str) -> str:
    return _replaced(text, '"ports"', '["6789", "6789"]')


def _replaced(text: str, key: str, value: str) -> str:
    before, _, rest = text.partition(f'{key}: [')
    return f'{before}{key}: {value}{rest.partition("]")[2]}'
