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

"""A QEMU whose monitor answers as a real one did (QEMU 7.2, libvirt 9.0).

The samples were captured from a guest with four disks: on virtio-blk, one with
``iotune``; a CD-ROM; and one on virtio-scsi.
"""

from __future__ import annotations

import copy
import json
import pathlib
from typing import Any, Callable, Mapping, Optional

from rbd_mon_fix.clients import libvirt
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.rescue import DiskClaim
from rbd_mon_fix.model.rescue import QmpCommand

SAMPLES = pathlib.Path(__file__).parent / 'samples'
ANSWERS = json.loads((SAMPLES / 'qmp-answers.json').read_text())
XML = (SAMPLES / 'domain-in-qemu.xml').read_text()
BLOCKDEVS = [json.loads(line) for line in
             (SAMPLES / 'qemu-blockdev.txt').read_text().splitlines()]
OLD, NEW = MonAddr('10.0.0.1', 6789), MonAddr('10.1.0.1', 6789)
# The number in the names of the nodes, by target.
DISKS = {'vda': ('4', 'vms/web'), 'vdb': ('3', 'vms/data'),
         'hda': ('2', 'vms/cd'), 'sda': ('1', 'vms/sc')}
VDA = '/machine/peripheral/virtio-disk0/virtio-backend'


def claims() -> list[DiskClaim]:
    return [DiskClaim(target, image, 'ceph', (OLD,), (NEW,))
            for target, (_, image) in DISKS.items()]


class FakeQemu:
    """A QEMU process.

    ``answers`` are those of the queries; ``sent`` the commands that changed
    something. ``wrong`` is called before each of these with its number, and
    may raise.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Any] = copy.deepcopy(ANSWERS)
        self.sent: list[QmpCommand] = []
        self.wrong: Callable[[int], object] = lambda number: None
        # Called after each command with its number.
        self.then: Callable[[int], object] = lambda number: None
        self.below = {f'libvirt-{number}-format': f'libvirt-{number}-storage'
                      for number, _ in DISKS.values()}

    def __call__(self, command: QmpCommand) -> Any:
        name = command.execute.replace('-', '_')
        handler: Optional[Callable[[Mapping[str, Any]], None]] = getattr(
            self, f'_{name}', None)
        if handler is None:
            return copy.deepcopy(self.answers[command.execute])
        number = len(self.sent)
        self.sent.append(command)
        self.wrong(number)
        handler(json.loads(json.dumps(command.arguments)))
        self.then(number)
        return {}

    @property
    def nodes(self) -> dict[str, Any]:
        return {each['node-name']: each for each in
                self.answers['query-named-block-nodes']}

    @property
    def is_running(self) -> bool:
        return self.answers['query-status']['status'] == 'running'

    def connected(self) -> dict[str, str]:
        """Return the monitor of each disk, by the name of its image."""
        return {json.loads(self.nodes[name]['file'][5:])['image']: json.loads(
            self.nodes[name]['file'][5:])['server.0.host']
            for name in self.below.values()}

    def set(self, **status: str) -> None:
        self.answers['query-status'].update(status)

    def _stop(self, told: Mapping[str, Any]) -> None:
        self.set(status='paused')

    def _cont(self, told: Mapping[str, Any]) -> None:
        self.set(status='running')

    def _blockdev_add(self, told: Mapping[str, Any]) -> None:
        name = told['node-name']
        if name in self.nodes:
            raise refused(f'Duplicate nodes with node-name={name!r}')
        assert told['key-secret'] in {
            each['name'] for each in self.answers['qom-list']}
        old = ANSWERS['query-named-block-nodes'][1]
        assert old['drv'] == 'rbd'
        server = {f'server.{number}.{key}': value
                  for number, each in enumerate(told['server'])
                  for key, value in each.items()}
        self.answers['query-named-block-nodes'].append({
            **old, 'node-name': name, 'cache': told['cache'],
            'file': 'json:' + json.dumps({
                'driver': 'rbd', 'pool': told['pool'],
                'image': told['image'], 'user': told['user'], **server})})

    def _blockdev_reopen(self, told: Mapping[str, Any]) -> None:
        for options in told['options']:
            if options['file'] not in self.nodes:
                raise refused(f'Cannot find device={options["file"]!r}')
        for options in told['options']:
            name = options['node-name']
            self.below[name] = options['file']
            self.nodes[name]['file'] = 'json:' + json.dumps({
                'driver': 'raw', 'file': json.loads(
                    self.nodes[options['file']]['file'][5:])})

    def _blockdev_del(self, told: Mapping[str, Any]) -> None:
        name = told['node-name']
        if name not in self.nodes:
            raise refused(f'Failed to find node with node-name={name!r}')
        if name in self.below.values():
            raise refused(f'Node {name!r} is busy: node is used')
        self.answers['query-named-block-nodes'] = [
            node for known, node in self.nodes.items() if known != name]


def as_newer(qemu: FakeQemu) -> None:
    """Let it be QEMU 11.1 with a guest that libvirt 12.8 started.

    Such a QEMU ended at the command that has no answer here.
    """
    qemu.answers['query-version']['qemu'].update(major=11, minor=1, micro=3)
    for each in qemu.answers['query-blockstats']:
        each['node-name'] = each.pop('parent')['node-name']
    del qemu.answers['x-query-virtio-status']


def refused(words: str) -> libvirt.Declined:
    return libvirt.Declined(f'QEMU refuses it: {words}')
