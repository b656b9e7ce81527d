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

"""The compute hosts of the lab: its first one, and a second one inside it.

The second host has processes, mounts, a network and a name of its own, in
namespaces of the lab's machine. The folders in which hosts differ are its
own; it shares all others with the first host.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys

from lab import errors
from lab import network
from lab import services

# /run is empty whenever the host starts.
OWN = ('/etc/libvirt', '/etc/nova', '/etc/rbd-mon-fix', '/run',
       '/var/cache/libvirt', '/var/lib/libvirt', '/var/lib/nova',
       '/var/lib/rbd-mon-fix', '/var/log/libvirt')
_REPOSITORY = pathlib.Path(__file__).resolve().parents[1]


class Host:
    """The first host: the lab's machine itself."""

    name = network.HOSTNAME
    address = network.ADDRESS

    def path(self, path: str) -> pathlib.Path:
        """Return where the first host sees a file in an own folder."""
        return pathlib.Path(path)

    def enter(self) -> tuple[str, ...]:
        """Return the words in front of a command that runs on this host."""
        return ()

    def service(self, service: services.Service) -> services.Service:
        """Return a service as one of this host."""
        return service

    def run(self, *command: str, stdin: str = '') -> str:
        """Run a command on this host and return its output."""
        return services.run(*self.enter(), *command, stdin=stdin)


class Second(Host):
    """The second host.

    :param running: the services of the lab; the host is one of them
    """

    name = network.SECOND_HOSTNAME
    address = network.SECOND_ADDRESS
    folder = pathlib.Path('/var/lib/lab', network.SECOND_HOSTNAME)

    def __init__(self, running: services.Services):
        self._running = running

    def made(self) -> bool:
        """Return whether the lab has this host, running or not."""
        return self.folder.exists()

    def start(self) -> None:
        """Start the host, unless it is running; its files stay.

        :raises LabError: it does not come up
        """
        for path in OWN:
            self.path(path).mkdir(parents=True, exist_ok=True)
        self._running.start(services.Service(
            self.name,
            ('unshare', '--mount', '--pid', '--net', '--uts', '--ipc',
             '--fork', '--kill-child', '--propagation', 'private',
             sys.executable, '-m', 'lab.second'),
            # Its first process sets the name last.
            lambda: self.run('uname', '-n').strip() == self.name,
            {'PYTHONPATH': str(_REPOSITORY)}, forks=True))

    def power_off(self) -> None:
        """Kill all of its processes; its files stay."""
        first = self._running.process(self.name)
        if first is not None:
            first.kill()
            first.wait(services.STOPPED_WITHIN)

    def path(self, path: str) -> pathlib.Path:
        """Return where the first host sees a file in an own folder."""
        return self.folder / path[1:]

    def enter(self) -> tuple[str, ...]:
        """Return the words in front of a command that runs on this host.

        :raises LabError: the host is not up
        """
        first = self._running.process(self.name)
        if first is None:
            raise errors.LabError(
                f'host {self.name} is not up: run lab/up --hosts 2')
        return ('nsenter', '--target', str(first.pid), '--mount', '--pid',
                '--net', '--uts', '--ipc', '--')

    def service(self, service: services.Service) -> services.Service:
        """Return a service as one of this host, with a name of its own."""
        return dataclasses.replace(
            service, name=f'{service.name}-{self.name}',
            command=(*self.enter(), *service.command), forks=True)


FIRST = Host()
