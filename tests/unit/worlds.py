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

"""Small deployments: real config files and databases, in-memory libvirts."""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import pathlib
from typing import Any, Callable, Iterator, Optional, Sequence
import weakref

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.clients import nova_servers
from rbd_mon_fix.conf import options
from rbd_mon_fix.engine import context
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import scan
from rbd_mon_fix.engine import selection
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import Plan
from tests import schemas
from tests.unit import memory
from tests.unit.stores import places

FSID = '0b5e1c1d-94d5-4d43-8bd4-2f0bd0f7bb02'
CEPH = f'[global]\nfsid = {FSID}\nmon_host = {memory.NEW}\n'

CINDER = '''\
[DEFAULT]
enabled_backends = rbd

[rbd]
volume_driver = cinder.volume.drivers.rbd.RBDDriver
rbd_ceph_conf = {folder}/ceph.conf
rbd_pool = volumes
rbd_user = cinder
rbd_secret_uuid = S

[database]
{database}
'''

NOVA = '''\
[DEFAULT]
{options}

[database]
{database}
'''


class World:
    """A deployment in a folder, with a separate context for each command.

    ``libvirts`` maps each host to its domains; a host without an entry is
    down. ``shared`` is one libvirt for all hosts. ``options`` are set in each
    config, ``ceph`` in its group [ceph]. Monitors come from ceph.conf, and
    the former ones are stated, because no Ceph runs here.

    :param nova: the place of Nova's rows; None without Nova's database
    :param cinder: the place of Cinder's rows; None without Cinder's database
    :param api: Nova's API; None without credentials
    """

    def __init__(self, folder: pathlib.Path,
                 nova: Optional[places.NovaPlace] = None,
                 cinder: Optional[places.CinderPlace] = None,
                 api: Optional[Api] = None):
        self.folder = folder
        self.nova = nova
        self.cinder = cinder
        self.api = api
        self.libvirts: dict[str, places.DomainPlace] = {}
        self.shared: Optional[places.DomainPlace] = None
        self.options: dict[str, Any] = {}
        self.ceph: dict[str, Any] = {}
        (folder / 'ceph.conf').write_text(CEPH)
        self.write_nova_conf()
        (folder / 'cinder.conf').write_text(CINDER.format(
            folder=folder, database=_connection(cinder)))

    def write_nova_conf(self, **options: str) -> None:
        """Write a nova.conf with additional options in [DEFAULT]."""
        (self.folder / 'nova.conf').write_text(NOVA.format(
            options=_lines(options), database=_connection(self.nova)))

    def add(self, server: int, host: str = 'cmp1', **fields: Any) -> None:
        """Add a server with one volume to every place of this deployment."""
        if self.nova:
            self.nova.add_server(server, host, **fields)
            self.nova.add_row(server, self.nova.text(server))
        if self.cinder:
            self.cinder.add(server)
            self.cinder.tables.insert(
                'volumes', id=places.volume(server),
                host='ctl@rbd#volumes', deleted=False)
        self.domains(host).add(server)

    def add_plain(self, server: int, host: str = 'cmp1',
                  secret: str = 'S') -> None:
        """Add a guest that Nova does not know."""
        domains = self.domains(host)
        domains.add(server, domains.text(server, nova=False).replace(
            "uuid='S'", f"uuid='{secret}'"))

    def domains(self, host: str = 'cmp1') -> places.DomainPlace:
        """Return the libvirt of a host."""
        return self.libvirts.setdefault(host, places.DomainPlace(host))

    @property
    def journal(self) -> pathlib.Path:
        """Return the folder of the journal."""
        return self.folder / 'journal'

    def conf(self, command: Optional[argparse.Namespace] = None,
             **overrides: Any) -> cfg.ConfigOpts:
        """Return the config of one command."""
        conf = options.load(self._own_files(), {
            'journal_dir': str(self.journal), 'offline': True,
            'former_monitors': [f'{FSID} {memory.OLD},[fd00::3]:6789'],
            'libvirt_uri': ('test:///one' if self.shared
                            else 'libvirt://{host}/'),
            'nova_config_file': self._file('nova.conf', self.nova),
            'cinder_config_file': self._file(
                'cinder.conf', self.nova or self.cinder or self.api),
            **self.options, **overrides})
        conf.set_override('conf', str(self.folder / 'ceph.conf'), 'ceph')
        for name, value in self.ceph.items():
            conf.set_override(name, value, 'ceph')
        conf.set_override('dir', str(self.folder / 'hooks' / 'qemu.d'),
                          'hook')
        conf.set_override('conf', str(self.folder / 'ceph.conf'), 'shield')
        if command is not None:
            conf.register_opt(cfg.Opt('command', type=lambda word: word))
            conf.set_override('command', command)
        return conf

    def context(self, **overrides: Any) -> engine.Context:
        """Return a context of this deployment."""
        return self.opened(self.conf(**overrides))

    def opened(self, conf: cfg.ConfigOpts) -> engine.Context:
        """Return a context of this deployment for a config."""
        made = context.Context(conf, self.connect)
        if self.api is not None:
            # Functional tests cover the login to Keystone.
            made.__dict__['api'] = self.api
        return made

    def connect(self, uri: str) -> Any:
        """Open the libvirt of a host."""
        if self.shared is not None:
            return self.shared
        host = uri.split('/')[2]
        if host not in self.libvirts:
            raise exceptions.Unreachable(f'No libvirt on {host}.', 'Start.')
        return self.libvirts[host]

    def select(self, *hosts: str, **fields: Any) -> selection.Selection:
        """Return the selection that a request resolves to here."""
        return selection.select(request(*hosts, **fields), self.context())

    def scan(self, *hosts: str, **fields: Any) -> scan.Scan:
        """Return a scan of hosts."""
        opened = self.context()
        return scan.Scan(opened, selection.select(
            request(*hosts, **fields), opened))

    def plan(self, *hosts: str, **fields: Any) -> Plan:
        """Return one plan for everything that a scan finds."""
        return merged(plans(self.scan(*hosts, **fields)))

    def everything(self) -> Any:
        """Return all stored data except the times of writes."""
        rows: dict[str, Any] = {}
        for place in (self.nova, self.cinder):
            rows.update(place.everything() if place else {})
        return ({name: [{**row, 'updated_at': None} for row in table]
                 for name, table in rows.items()},
                {host: place.everything()
                 for host, place in self.libvirts.items()})

    def _own_files(self) -> list[str]:
        if self.api is None:
            return []
        path = self.folder / 'own.conf'
        path.write_text('[nova]\nauth_type = password\n')
        return [str(path)]

    def _file(self, name: str, place: object) -> list[str]:
        return [str(self.folder / name)] if place else ['']


def context_of(world: World, *clusters: Cluster) -> engine.Context:
    """Return a context that already knows these clusters."""
    context = world.context()
    context.__dict__['clusters'] = clusters
    return context


def request(*hosts: str, instance: Sequence[str] = (),
            store: Sequence[str] = (), unmanaged: bool = False
            ) -> engine.ScanRequest:
    return engine.ScanRequest(hosts or ('cmp1',), False, tuple(instance),
                              tuple(store), unmanaged)


class Heard(engine.Silence):
    """A listener that records events but keeps no copy.

    ``servers`` are host, number and verdicts of each server; the verdicts
    are None if no change was made. ``phases`` are name, total and steps.

    :param at_end: called with the name of each phase that ends
    """

    def __init__(self, at_end: Callable[[str], object] = lambda what: None):
        self.servers: list[tuple[str, int, Optional[list[str]]]] = []
        self.findings: list[Finding] = []
        self.phases: list[tuple[str, Optional[int], int]] = []
        self._at_end = at_end

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        self.servers.append((
            host, number(instance.uuid), None if outcomes is None else [
                outcomes[copy.locator].verdict.value
                for copy in copies if copy.locator in outcomes]))

    def finding(self, found: Finding) -> None:
        self.findings.append(found)

    @contextlib.contextmanager
    def phase(self, what: str, total: Optional[int], done: int = 0
              ) -> Iterator[Callable[[int], None]]:
        steps = [done]
        yield steps.append
        self.phases.append((what, total, sum(steps)))
        self._at_end(what)


class Alive:
    """Counts the copies of plans that are still referenced."""

    def __init__(self) -> None:
        self._seen: list[weakref.ref[Copy]] = []
        self.plans = 0
        self.most = 0

    def watch(self, make: Callable[..., Plan]) -> Callable[..., Plan]:
        """Return a wrapper that makes plans and counts the earlier ones."""
        def watched(*args: Any, **kwargs: Any) -> Plan:
            made = make(*args, **kwargs)
            self.most = max(self.most, sum(
                copy() is not None for copy in self._seen))
            self._seen += map(weakref.ref, made.copies)
            self.plans += 1
            return made

        return watched


def number(uuid: str) -> int:
    """Return the number of a server, the inverse of ``memory.uuid``."""
    return int(uuid.split('-')[0], 16)


def plans(looked: scan.Scan) -> Iterator[Plan]:
    judge = judging.Judge(looked.context, looked.selection)
    return (judge.plan(batch) for batch in looked.batches())


def merged(found: Iterator[Plan]) -> Plan:
    every = list(found)
    return Plan(tuple(copy for plan in every for copy in plan.copies),
                tuple(change for plan in every for change in plan.changes))


def command(host: Sequence[str] = (places.HOST,), **fields: Any
            ) -> argparse.Namespace:
    """Return the arguments of a command as the parser returns them."""
    return argparse.Namespace(**{
        'host': list(host), 'all_hosts': False, 'instance': [], 'store': [],
        'unmanaged': False, 'name': 'command', 'dry_run': False,
        'max_changes': None, 'lock': False, 'verify': False, 'timeout': 5.0,
        'plan': None, 'save_plan': None, 'parallel': 4, 'hosts_at_once': 8,
        'last': 0,
        'progress': 'auto', 'from_ceph': False, 'fsid': None, 'mon': [],
        'rescue': None, 'in_place': False,
        'format': 'json', 'column': [], **fields})


def run(world: World, monkeypatch: Any, module: Any, *host: str,
        **fields: Any) -> tuple[int, Any, str]:
    """Run a command and return its exit code, JSON and stderr."""
    conf = world.conf(command(**{'host': host or ('cmp1',), **fields}))
    monkeypatch.setattr(engine, 'Context', lambda conf: world.opened(conf))
    out, err = io.StringIO(), io.StringIO()
    code = module.run(conf, out, err)
    document = json.loads(out.getvalue())
    schemas.check_output(module.__name__.rpartition('.')[2], document,
                         fields.get('action'), bool(fields.get('dry_run')))
    return code, document, err.getvalue()


def _lines(options: dict[str, str]) -> str:
    return '\n'.join(f'{name} = {value}' for name, value in options.items())


def _connection(place: Any) -> str:
    return f'connection = {place.tables.url}' if place else ''


class Api:
    """Nova's API, with its servers and their locks in memory.

    tests/functional/test_api_in_memory.py compares it with the real client.
    """

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
        self.instance(uuid)
        return self.locks.get(uuid, nova_servers.Lock(False))

    def lock(self, uuid: str, reason: str) -> None:
        self.instance(uuid)
        self.calls.append(('lock', uuid))
        self.locks[uuid] = nova_servers.Lock(True, reason)

    def unlock(self, uuid: str) -> None:
        self.instance(uuid)
        self.calls.append(('unlock', uuid))
        self.locks.pop(uuid, None)
