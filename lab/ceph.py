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

"""A real Ceph cluster on one machine, whose monitors can move."""

from __future__ import annotations

import functools
import json
import pathlib
import shutil
import tempfile
from typing import Iterable, Sequence
import uuid

from lab import ceph_files
from lab import clients
from lab import errors
from lab import mons
from lab import services

POOLS = ('vms', 'volumes', 'images')
USER = 'cinder'
MOVED_WITHIN = 120


class Cluster:
    """A cluster: some monitors, a manager, and an OSD with an in-memory store.

    :param conf: the ceph.conf of its programs and clients; clusters on one
        machine have different file names
    :param address: the address of its OSD and its manager
    :param running: starts the daemons
    :param mount_timeout: how long a client looks for a monitor, in seconds
    """

    def __init__(self, conf: pathlib.Path, address: str,
                 running: services.Services, mount_timeout: int = 10):
        self.files = ceph_files.Files(conf, address, mount_timeout)
        self._services = running

    def start(self, first: Sequence[mons.Monitor]) -> None:
        """Create and start the cluster, or start the daemons not running.

        :param first: the monitors of a new cluster
        """
        pathlib.Path('/run/ceph', self.files.conf.stem).mkdir(
            parents=True, exist_ok=True)
        if not (self.files.data / 'made').exists():
            self._make(first)
        self._services.start(*map(self._monitor, self.monitors()))
        self._wait_for_quorum(self.monitors())
        if not (self.files.data / 'made').exists():
            self._make_rest()
        self._services.start(
            self._daemon('mgr', 'x'), self._daemon('osd', '0'))
        services.wait_for(lambda: self.run('ceph', 'tell', 'osd.0', 'version'),
                          MOVED_WITHIN)

    def stop(self) -> None:
        """Stop all daemons, first those that contact monitors to end."""
        for daemon in (self._daemon('osd', '0'), self._daemon('mgr', 'x')):
            self._services.stop(daemon.name)
        self.stop_monitors()

    def stop_monitors(self) -> None:
        """Stop its monitors; ``start`` starts them again."""
        for monitor in self.monitors():
            self._services.stop(self._service('mon', monitor.name))

    def monitors(self) -> tuple[mons.Monitor, ...]:
        """Return the monitors that the cluster should have."""
        return self.files.monitors()

    def move(self, wanted: Sequence[mons.Monitor]) -> None:
        """Replace its monitors as an operator does: add, wait, then remove.

        ceph.conf names the new monitors as soon as they are up. An election
        disconnects clients from their monitor for a moment; a client without
        a monitor would be stranded once the last monitor it knows is gone. So
        would a client that connects to a monitor that is just being removed:
        librados then calls that address forever. Therefore each monitor is
        stopped before it is removed, as Ceph's manual says.
        """
        lost = self.strays()
        gone = [one for one in self.monitors() if one not in wanted]
        new = [one for one in wanted if one not in self.monitors()]
        self._add(new)
        self.files.write_conf(wanted)
        services.wait_for(
            lambda: self.strays() <= lost, MOVED_WITHIN)
        for monitor in gone:
            self._services.stop(self._service('mon', monitor.name))
            services.wait_for(
                functools.partial(self._remove, monitor.name), MOVED_WITHIN)
        self.files.remember(wanted)
        self._wait_for_quorum(wanted)

    def restart(self, monitor: mons.Monitor) -> None:
        """Restart one of its monitors, and wait until it is in the quorum.

        Others may be out of the quorum, before and afterwards.
        """
        self._services.stop(self._service('mon', monitor.name))
        self._services.start(self._monitor(monitor))
        services.wait_for(lambda: monitor.name in self.quorum(),
                          MOVED_WITHIN)

    def share_key(self, other: Cluster) -> None:
        """Give its user the key of another cluster's user."""
        ring = self.files.keyring(f'client.{USER}')
        ring.write_text(other.run('ceph', 'auth', 'get', f'client.{USER}'))
        self.run('ceph', 'auth', 'import', '-i', str(ring))

    def forget(self) -> None:
        """Remove all former epochs of the monmap from the monitors' stores.

        A store that was rebuilt from the OSDs lacks them too.
        """
        last = json.loads(self.run('ceph', 'mon', 'dump', '-f', 'json'))
        self.stop_monitors()
        for monitor in self.monitors():
            store = self.files.data / f'mon.{monitor.name}' / 'store.db'
            for epoch in range(1, last['epoch']):
                services.run('ceph-kvstore-tool', 'rocksdb', str(store), 'rm',
                             'monmap', str(epoch))
        self.start(())

    def strays(self) -> set[int]:
        """Return the clients that have an image open and no monitor."""
        return services.wait_for(
            lambda: clients.strays(self.run), MOVED_WITHIN)

    def known(self) -> set[int]:
        """Return the clients that have a session with a monitor."""
        return services.wait_for(
            lambda: clients.known(self.run), MOVED_WITHIN)

    def client(self, image: str) -> int:
        """Return the client that has an image open and a monitor."""
        return services.wait_for(
            lambda: clients.of_image(self.run, image), MOVED_WITHIN)

    def quorum(self) -> list[str]:
        """Return the names of the monitors in the quorum."""
        return json.loads(self.run(
            'ceph', '--connect-timeout', '10', 'quorum_status'))[
                'quorum_names']

    def run(self, program: str, *words: str, stdin: str = '') -> str:
        """Run one of Ceph's programs as its administrator."""
        return services.run(program, '--conf', str(self.files.conf), *words,
                            stdin=stdin)

    def read(self, image: str, offset: int, length: int) -> str:
        """Return a part of an image; offset and length are in bytes."""
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder, 'copy')
            self.run('rbd', 'export', '--no-progress', image, str(copy))
            with open(copy, 'rb') as data:
                data.seek(offset)
                return data.read(length).decode('ascii')

    def key(self, user: str = USER) -> str:
        """Return a user's cephx key, base64."""
        return self.run('ceph', 'auth', 'print-key', f'client.{user}')

    def _make(self, first: Sequence[mons.Monitor]) -> None:
        self.files.make(first)
        ring = self.files.data / 'keyring'
        admin = self.files.keyring('client.admin')
        services.run('ceph-authtool', '--create-keyring', str(ring),
                     '--gen-key', '-n', 'mon.', '--cap', 'mon', 'allow *')
        services.run(
            'ceph-authtool', '--create-keyring', str(admin), '--gen-key',
            '-n', 'client.admin', *_caps(mon='allow *', osd='allow *',
                                         mgr='allow *'))
        services.run('ceph-authtool', str(ring), '--import-keyring',
                     str(admin))
        monmap = self.files.monmap
        services.run(
            'monmaptool', '--create', '--fsid', self.files.fsid,
            '--set-min-mon-release', _release(), '--enable-all-features',
            *(word for one in first
              for word in ('--addv', one.name, one.addresses)), monmap)
        for monitor in first:
            self._make_monitor(monitor, monmap, ring)

    def _make_rest(self) -> None:
        osd = str(uuid.uuid4())
        self.run('ceph', 'osd', 'new', osd)
        self._make_daemon('osd', '0', mon='allow profile osd',
                          mgr='allow profile osd', osd='allow *')
        self._make_daemon('mgr', 'x', mon='allow profile mgr',
                          osd='allow *')
        self.run('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', osd)
        self._services.start(self._daemon('osd', '0'))
        for pool in POOLS:
            self.run('ceph', 'osd', 'pool', 'create', pool)
            self.run('ceph', 'osd', 'pool', 'application', 'enable', pool,
                     'rbd')
        self.files.keyring(f'client.{USER}').write_text(self.run(
            'ceph', 'auth', 'get-or-create', f'client.{USER}', 'mon',
            'profile rbd', 'mgr', 'profile rbd', 'osd', 'profile rbd'))
        (self.files.data / 'made').touch()

    def _make_daemon(self, kind: str, name: str, **caps: str) -> None:
        data = self.files.data / f'{kind}.{name}'
        data.mkdir()
        words = [word for pair in caps.items() for word in pair]
        (data / 'keyring').write_text(self.run(
            'ceph', 'auth', 'get-or-create', f'{kind}.{name}', *words))

    def _make_monitor(self, monitor: mons.Monitor, monmap: str,
                      ring: pathlib.Path) -> None:
        # A monitor that discovers its earlier removal exits at once.
        shutil.rmtree(self.files.data / f'mon.{monitor.name}',
                      ignore_errors=True)
        self.run('ceph-mon', '--mkfs', '-i', monitor.name, '--monmap', monmap,
                 '--keyring', str(ring))

    def _add(self, new: Sequence[mons.Monitor]) -> None:
        monmap = self.files.monmap
        self.run('ceph', 'mon', 'getmap', '-o', monmap)
        for monitor in new:
            self._make_monitor(monitor, monmap, self.files.data / 'keyring')
            self._services.start(self._monitor(monitor))
        self._wait_for_quorum((*self.monitors(), *new))

    def _remove(self, name: str) -> bool:
        """Remove a monitor, and return whether it is gone.

        If an election happens meanwhile, Ceph reports success but does not
        remove the monitor.
        """
        self.run('ceph', 'mon', 'rm', name)
        told = json.loads(self.run('ceph', 'mon', 'dump', '-f', 'json'))
        return name not in [monitor['name'] for monitor in told['mons']]

    def _wait_for_quorum(self, wanted: Iterable[mons.Monitor]) -> None:
        names = {monitor.name for monitor in wanted}
        try:
            services.wait_for(lambda: set(self.quorum()) == names,
                              MOVED_WITHIN, lambda: bool(self._ended(names)))
        except (TimeoutError, errors.LabError) as error:
            name = min(self._ended(names) or names)
            raise errors.LabError(
                f'no quorum of {", ".join(sorted(names))}; the end of the '
                f'log of {name}:\n'
                f'{self._services.tail(self._service("mon", name))}'
                ) from error

    def _ended(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self._services.process(
            self._service('mon', name)) is None]

    def _monitor(self, monitor: mons.Monitor) -> services.Service:
        return self._daemon('mon', monitor.name, '--public-addrv',
                            monitor.addresses)

    def _daemon(self, kind: str, name: str, *words: str) -> services.Service:
        socket = self.files.socket(kind, name)
        return services.Service(
            self._service(kind, name),
            (f'ceph-{kind}', '-f', '--conf', str(self.files.conf), '-i', name,
             *words),
            lambda: services.run('ceph', '--admin-daemon', socket, 'version'))

    def _service(self, kind: str, name: str) -> str:
        return f'{self.files.conf.stem}-{kind}-{name}'


def _release() -> str:
    """Return the name of Ceph's release, such as ``pacific``."""
    return services.run('ceph', '--version').split('(')[1].split()[-1]


def _caps(**caps: str) -> list[str]:
    return [word for kind, cap in caps.items()
            for word in ('--cap', kind, cap)]
