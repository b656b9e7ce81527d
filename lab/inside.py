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

"""The part of the lab that runs inside its machine: services, by level."""

from __future__ import annotations

import argparse
import os
import pathlib
import sys
import time
from typing import Callable, Sequence

from lab import ceph
from lab import errors
from lab import guests
from lab import hosts
from lab import libvirtd
from lab import mons
from lab import network
from lab import services
from lab import versions

CONF = pathlib.Path('/etc/ceph/ceph.conf')
FIRST = network.monitors(11, 12, 13)
GUESTS = ('plain1', 'plain2')


class Lab:
    """The services in the lab's machine.

    :param folder: the folder of the lab
    """

    def __init__(self, folder: pathlib.Path):
        self.services = services.Services(folder)
        self.cluster = ceph.Cluster(CONF, network.ADDRESS, self.services)
        self.second = hosts.Second(self.services)
        self.guests = [guests.Guest(self.cluster, name) for name in GUESTS]

    def up(self, level: str, wanted: int = 1) -> None:
        """Start the services of a level and of the levels below it.

        :param wanted: the number of compute hosts; a lab with two keeps both
        """
        self._step('Ceph', lambda: self.cluster.start(mons.on(*FIRST)))
        self._step('libvirtd', lambda: libvirtd.start(self.services))
        self._step('guests', self._guests)
        if wanted > 1 or self.second.made():
            self._step(f'host {self.second.name}', self._second)
        if level == 'openstack':
            self._openstack()
        print(versions.table(level))

    def move_monitors(self, addresses: tuple[str, ...]) -> None:
        """Replace all monitors.

        :param addresses: the new IP addresses; empty for the next three
        """
        before = self.cluster.monitors()
        after = mons.on(*(addresses or self._next(before)))
        self._step('monitors', lambda: self.cluster.move(after))
        for word, those in (('before', before), ('after', after)):
            print(f'{word:6}', *(one.addresses for one in those))

    def hosts(self) -> tuple[hosts.Host, ...]:
        """Return the compute hosts."""
        return ((hosts.FIRST, self.second) if self.second.made()
                else (hosts.FIRST,))

    def replace_by(self, name: str, folder: str, words: Sequence[str]) -> None:
        """Replace this process by a command on a host.

        :param folder: the working directory of the command
        :raises LabError: the host is not up
        """
        host, = (one for one in (hosts.FIRST, self.second)
                 if one.name == name)
        command = [*host.enter(), 'env', f'--chdir={folder}', *words]
        os.execvp(command[0], command)

    def _second(self) -> None:
        self.second.start()
        libvirtd.start(self.services, self.second)
        libvirtd.keep_key('client.cinder', guests.SECRET, self.cluster.key(),
                          self.second)

    def _openstack(self) -> None:
        # A lab without OpenStack may lack the libraries that this imports.
        from lab.openstack import cloud
        from lab.openstack import nova
        from lab.openstack import user
        self._step('MariaDB and RabbitMQ',
                   lambda: cloud.start_backing(self.services))
        self._step('configs and databases', lambda: cloud.prepare(CONF))
        if self.second.made():
            nova.prepare_compute(self.second, CONF)
        if not nova.knows_compute():
            # A new nova-compute from 2023.2 on refuses a host with guests
            # (nova/compute/manager.py, _sanity_check_new_host).
            for guest in self.guests:
                guest.remove()
        self._step('OpenStack', lambda: cloud.start(
            self.services, self.hosts()))
        self._step('guests', self._guests)
        self._step('image and flavor', lambda: user.User().prepare())

    def _guests(self) -> None:
        libvirtd.keep_key('client.cinder', guests.SECRET, self.cluster.key())
        hosts = mons.first_addresses(self.cluster.monitors())
        for guest in self.guests:
            guest.make(hosts)
            guest.start()

    def _next(self, before: tuple[mons.Monitor, ...]) -> tuple[str, ...]:
        last = [host.split('.')[-1]
                for host, _ in mons.first_addresses(before)]
        start = max(int(number) for number in last) // 10 * 10 + 10
        start = start if start < 250 else 10
        return network.monitors(start + 1, start + 2, start + 3)

    @staticmethod
    def _step(name: str, act: Callable[[], object]) -> None:
        start = time.monotonic()
        print(f'{name} ... ', end='', flush=True)
        act()
        print(f'{time.monotonic() - start:.0f} s', flush=True)


def main() -> None:
    """Run a command in the lab's machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument('folder', type=pathlib.Path)
    commands = parser.add_subparsers(dest='command', required=True)
    up = commands.add_parser('up')
    up.add_argument('level')
    up.add_argument('hosts', type=int, nargs='?', default=1)
    commands.add_parser('move-monitors').add_argument('addresses', nargs='*')
    on = commands.add_parser('on')
    on.add_argument('host')
    on.add_argument('folder_there')
    on.add_argument('words', nargs=argparse.REMAINDER)
    given = parser.parse_args()
    lab = Lab(given.folder)
    try:
        if given.command == 'up':
            lab.up(given.level, given.hosts)
        elif given.command == 'on':
            lab.replace_by(given.host, given.folder_there, given.words)
        else:
            lab.move_monitors(tuple(given.addresses))
    except errors.LabError as error:
        sys.exit(f'\nlab: {error}')


if __name__ == '__main__':
    main()
