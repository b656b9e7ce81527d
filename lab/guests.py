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

"""Guests without Nova, as on a plain libvirt host."""

from __future__ import annotations

import pathlib
import re
from typing import Iterable, Optional
import uuid
from xml.etree import ElementTree

from lab import ceph
from lab import libvirtd
from lab import services

SOURCE = pathlib.Path(__file__).with_name('guest.S')
IMAGE = pathlib.Path('/var/lib/lab/guest.img')
IMAGE_SIZE = 1 << 20
POOL = 'vms'
SECRET = '5d2b4c1a-7e0f-4a6e-9d3c-8b1f0e2a6c47'
PIDS = pathlib.Path('/run/libvirt/qemu')
CONSOLES = pathlib.Path('/var/lib/lab/consoles')
COUNTS_WITHIN = 120
# QEMU's error message when it cannot reach a monitor.
UNREACHED = 'error connecting: Connection timed out'

DOMAIN = '''\
<domain type='qemu'>
  <name>{name}</name>
  <uuid>{uuid}</uuid>
  <memory unit='MiB'>16</memory>
  <os><type machine='pc'>hvm</type><boot dev='hd'/></os>
  <features><acpi/></features>
  <devices>
    <disk type='network' device='disk'>
      <driver name='qemu' type='raw' cache='writeback'/>
      <auth username='{user}'>
        <secret type='ceph' uuid='{secret}'/>
      </auth>
      <source protocol='rbd' name='{pool}/{name}'>
{hosts}
      </source>
      <target dev='vda' bus='virtio'/>
    </disk>
    <serial type='file'>
      <source path='{console}' append='on'/>
    </serial>
  </devices>
</domain>
'''


def build_image() -> pathlib.Path:
    """Assemble the guest's program into an image, and return its path."""
    if not IMAGE.exists():
        IMAGE.parent.mkdir(exist_ok=True)
        object_file = str(IMAGE.with_suffix('.o'))
        services.run('as', '--32', '-o', object_file, str(SOURCE))
        services.run('objcopy', '-O', 'binary', object_file, str(IMAGE))
        with open(IMAGE, 'r+b') as image:
            image.truncate(IMAGE_SIZE)
    return IMAGE


class Guest:
    """A guest with one disk, an image in a cluster.

    :param secret: the UUID of libvirt's secret with the user's key
    :param user: the cephx user
    """

    def __init__(self, cluster: ceph.Cluster, name: str,
                 secret: str = SECRET, user: str = ceph.USER):
        self.cluster = cluster
        self.name = name
        self._secret = secret
        self._user = user

    @property
    def console(self) -> pathlib.Path:
        """The file with the output of its serial port."""
        return CONSOLES / self.name

    @property
    def image(self) -> str:
        """Its image, as Ceph's programs and the census name it."""
        return f'{POOL}/{self.name}'

    @property
    def uuid(self) -> str:
        """Its UUID, which depends only on its name."""
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, self.name))

    @property
    def pid(self) -> int:
        """The pid of its QEMU process."""
        return int(PIDS.joinpath(f'{self.name}.pid').read_text())

    def make(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Create the image and define the guest, unless it is already defined.

        :param hosts: the monitors in its XML
        """
        if self.name in libvirtd.virsh('list', '--all', '--name').split():
            return
        CONSOLES.mkdir(parents=True, exist_ok=True)
        if self.name not in self.cluster.run('rbd', 'ls', POOL).split():
            self.cluster.run('rbd', 'import', str(build_image()), self.image)
        self.define(hosts)

    def define(self, hosts: Iterable[tuple[str, int]]) -> None:
        """Define the guest, or replace its definition.

        :param hosts: the monitors in its XML
        """
        libvirtd.virsh('define', '/dev/stdin', stdin=DOMAIN.format(
            name=self.name, uuid=self.uuid, user=self._user,
            secret=self._secret, pool=POOL, console=self.console,
            hosts='\n'.join(f"        <host name='{host}' port='{port}'/>"
                            for host, port in hosts)))

    def start(self) -> None:
        """Start the guest, unless it is running, and wait until it counts."""
        if not self.runs():
            libvirtd.virsh('start', self.name)
        self.wait_until_counting()

    def runs(self) -> bool:
        """Return whether it is running."""
        return self.name in libvirtd.virsh('list', '--name').split()

    def stop(self) -> None:
        """Destroy it, if it is running."""
        if self.runs():
            libvirtd.virsh('destroy', self.name)

    def remove(self) -> None:
        """Undefine the guest; its image stays.

        An image cannot be removed for half a minute after one of its clients
        was killed.
        """
        self.stop()
        if self.name in libvirtd.virsh('list', '--all', '--name').split():
            libvirtd.virsh('undefine', '--managed-save', self.name)

    def xml(self) -> str:
        """Return its persistent XML, with which libvirt starts it."""
        return libvirtd.virsh('dumpxml', '--inactive', self.name)

    def hosts(self) -> list[tuple[str, int]]:
        """Return the monitors in its persistent XML."""
        found = ElementTree.fromstring(self.xml())
        return [(host.attrib['name'], int(host.attrib['port']))
                for host in found.iterfind('devices/disk/source/host')]

    def wait_until_counting(self) -> None:
        """Wait until the guest has written to its disk at least twice."""
        now = count(self.console)
        services.wait_for(lambda: (count(self.console) or 0) >= 2
                          and count(self.console) != now, COUNTS_WITHIN)

    def written(self) -> str:
        """Return the count that the guest has written to its image."""
        return self.cluster.read(self.image, 512, 8)


def count(console: pathlib.Path) -> Optional[int]:
    """Return the last count of a guest; None before its first."""
    return counted(console)[-1] if counted(console) else None


def counted(console: pathlib.Path) -> list[Optional[int]]:
    """Return all counts of a guest; None for a count not written to disk."""
    told = console.read_text(errors='replace') if console.exists() else ''
    return [None if first == 'E' else int(first + rest, 16) for first, rest
            in re.findall(r'([0-9a-fE])([0-9a-f]{7})\r?\n', told)]
