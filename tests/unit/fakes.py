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

"""A site whose databases are files, and whose libvirts are in memory."""

from __future__ import annotations

import argparse
import dataclasses
import types
from typing import Any, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_servers
from rbd_mon_fix.clients.database import cinder
from rbd_mon_fix.clients.database import engine
from rbd_mon_fix.engine import scan
from rbd_mon_fix.inventory import cells
from rbd_mon_fix.model.cluster import Backend
from rbd_mon_fix.model.instance import Instance
from tests.unit import memory
from tests.unit.stores import places


@dataclasses.dataclass(frozen=True)
class NovaConf:
    """What ``conf.nova.NovaConf`` is to the commands."""

    host: str
    instances_path: str


BACKENDS = (Backend('cinder', 'rbd', 'volumes', 'cinder', 'S'),)


class Site:
    """What ``cli.site.Site`` is to the commands.

    :param nova: the place of Nova's rows; None without its database
    :param cinder: that of Cinder's rows
    :param libvirts: the domains of each host, or one for all
    :param conf: what nova.conf says; None where there is none
    """

    def __init__(self, folder: Any, nova: Optional[places.NovaPlace] = None,
                 cinder: Optional[places.CinderPlace] = None,
                 libvirts: Any = None, api: Any = None,
                 conf: Optional[NovaConf] = None):
        self.conf = types.SimpleNamespace(
            journal_dir=str(folder / 'journal'), command=None,
            hook=types.SimpleNamespace(dir=str(folder / 'hooks')))
        self.cells = cells.Cells(nova.tables.url, None) if nova else None
        self.cinder_database = _cinder(cinder) if cinder else None
        self.nova = conf
        self.own_host = conf.host if conf else None
        self.api = api
        self.libvirts = {} if libvirts is None else libvirts
        self.has_openstack = bool(nova or cinder or api)
        self.clusters = (memory.cluster(backends=BACKENDS),)
        self.answering = None
        self.closed = False

    def libvirt_uri(self, host: str) -> str:
        return f'qemu://{host}/' if isinstance(self.libvirts, dict) else 'one'

    def hypervisor(self, host: str) -> Any:
        if not isinstance(self.libvirts, dict):
            return self.libvirts
        if host not in self.libvirts:
            raise exceptions.Unreachable(f'No libvirt on {host}.', 'Start.')
        return self.libvirts[host]

    def close(self) -> None:
        self.closed = True


def _cinder(place: places.CinderPlace) -> cinder.Cinder:
    return cinder.Cinder(engine.Database(place.tables.url, 'Cinder'))


def command(host: Sequence[str] = (places.HOST,), **fields: Any
            ) -> argparse.Namespace:
    """Return the arguments of a command as the parser gives them."""
    return argparse.Namespace(**{
        'host': list(host), 'all_hosts': False, 'instance': [], 'store': [],
        'unmanaged': False, 'dry_run': False, 'max_changes': None,
        'lock': False, 'verify': False, 'timeout': 5.0, 'parallel': 4,
        'format': 'json', **fields})


def survey_of(site: Any, *host: str, **fields: Any) -> scan.Survey:
    return scan.Survey(site, command(host or (places.HOST,), **fields))


class Api:
    """Nova's API, with servers and their locks in memory."""

    def __init__(self, *servers: Instance):
        self.servers = {each.uuid: each for each in servers}
        self.locks: dict[str, nova_servers.Lock] = {}
        self.calls: list[tuple[str, str]] = []

    def hosts(self) -> list[str]:
        return sorted({each.host for each in self.servers.values()})

    def instances(self, host: str, uuids: Optional[Sequence[str]] = None
                  ) -> list[Instance]:
        return [each for each in self.servers.values() if each.host == host
                and (uuids is None or each.uuid in uuids)]

    def instance(self, uuid: str) -> Instance:
        if uuid not in self.servers:
            raise exceptions.Gone('Nova knows no such server.')
        return self.servers[uuid]

    def locked(self, uuid: str) -> nova_servers.Lock:
        return self.locks.get(uuid, nova_servers.Lock(False))

    def lock(self, uuid: str, reason: str) -> None:
        self.calls.append(('lock', uuid))
        self.locks[uuid] = nova_servers.Lock(True, reason)

    def unlock(self, uuid: str) -> None:
        self.calls.append(('unlock', uuid))
        del self.locks[uuid]
