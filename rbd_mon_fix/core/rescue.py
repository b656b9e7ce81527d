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

"""Decide whether the disks of a stranded guest may be moved in place.

Everything that was not tried is a reason to refuse. The facts were measured
with QEMU 7.2 and libvirt 9.0.
"""

from __future__ import annotations

from typing import Iterable, Iterator, Optional, Sequence, Union

from rbd_mon_fix.core import rescue_commands
from rbd_mon_fix.model.rescue import BlockGraph
from rbd_mon_fix.model.rescue import BlockNode
from rbd_mon_fix.model.rescue import DiskClaim
from rbd_mon_fix.model.rescue import DiskFeature
from rbd_mon_fix.model.rescue import DiskMove
from rbd_mon_fix.model.rescue import LiveDisk
from rbd_mon_fix.model.rescue import QemuState
from rbd_mon_fix.model.rescue import Refusal
from rbd_mon_fix.model.rescue import RequestLook

_FEATURES = {
    DiskFeature.SHAREABLE: 'other guests may write to it at the same time.',
    DiskFeature.ENCRYPTED: 'it is encrypted.',
    DiskFeature.CHAINED: 'it has a backing image.',
    DiskFeature.SNAPSHOT: 'it is a snapshot.',
    DiskFeature.SLICED: 'it is a part of an image.',
    DiskFeature.MIRRORED: 'libvirt copies it.',
    DiskFeature.IOTHREAD: 'it has an iothread.',
    DiskFeature.NOT_RAW: 'its format is not raw.'}
# blockdev-reopen is stable since QEMU 6.1.
_NEEDED = ('blockdev-add', 'blockdev-reopen', 'blockdev-del')
# Seconds without a completed request after which a guest is not touched.
IDLE = 60.0
_KRBD = '/dev/rbd'
_OLDER = ('has no raw node, as libvirt 10.1 and newer start guests: nothing '
          'is between the device and the connection that could be kept.')


class _Unfit(Exception):
    """The reason why one disk cannot be moved."""


def of_guest(state: QemuState) -> Iterator[Refusal]:
    """Yield the reasons against touching a guest at all."""
    if state.status != 'running':
        yield Refusal(None, 'QEMU reports that the guest does not run '
                      f'({state.status}); it would have to be continued.')
    missing = [name for name in _NEEDED if name not in state.commands]
    if missing:
        yield Refusal(None, f'This QEMU has no {missing[0]}; QEMU 6.1 and '
                      'newer have it.')
    for name in state.work:
        yield Refusal(None, f'QEMU is busy: {name}.')
    if state.iothreads:
        yield Refusal(None, 'The guest has an iothread: '
                      f'{state.iothreads[0]}.')


def of_nodes(claims: Iterable[DiskClaim], disks: Sequence[LiveDisk],
             state: QemuState) -> Iterator[Refusal]:
    """Yield the disks without a raw node, which no image need tell."""
    wanted = {claim.target for claim in claims}
    for disk in disks:
        if disk.alias and disk.target in wanted and any(
                disk.alias in path.split('/') for path in state.bare):
            yield Refusal(disk.target, f'it {_OLDER}')


def of_disks(claims: Sequence[DiskClaim], disks: Sequence[LiveDisk],
             graph: BlockGraph) -> Iterator[Union[DiskMove, Refusal]]:
    """Yield the move of each disk, or the reason against it.

    :param claims: the RBD disks whose clusters the guest has lost
    :param disks: all disks of the guest
    """
    images = [disk.image for disk in disks]
    known = {disk.target: disk for disk in disks}
    for claim in claims:
        try:
            if images.count(claim.image) > 1:
                raise _Unfit('the guest has its image twice.')
            move = _move(claim, known.get(claim.target), graph)
        except _Unfit as why:
            yield Refusal(claim.target, str(why))
        else:
            yield move
    yield from _others(disks, graph)


def of_xml(claims: Iterable[DiskClaim], disks: Sequence[LiveDisk]
           ) -> Iterator[Refusal]:
    """Yield the reasons that the XML of a guest gives."""
    wanted = {claim.target for claim in claims}
    for disk in disks:
        for feature in disk.features if disk.target in wanted else ():
            yield Refusal(disk.target, _FEATURES[feature])
        if disk.image is None and disk.path.startswith(_KRBD):
            yield Refusal(disk.target, 'the kernel opens the image (krbd), '
                          'which QEMU cannot change.')


def hanging(claims: Iterable[DiskClaim], disks: Sequence[LiveDisk],
            looks: Sequence[RequestLook]) -> Iterator[Refusal]:
    """Yield the disks whose requests may hang.

    QEMU would stand still: ``stop`` waits for them, and a question for the
    nodes reads from each image. A device that QEMU sees without a request in
    flight does not hang, if the guest has completed any request lately. Where
    QEMU does not count them, a request that was completed between two looks
    has to do, except for a disk that is only read.
    """
    idle = looks[-1].idle
    if idle is None or idle > IDLE:
        yield Refusal(None, 'The guest has completed no request in the last '
                      f'{IDLE:.0f} seconds, so nothing tells whether its I/O '
                      'hangs. Write something in the guest, and try again.')
    known = {disk.target: disk for disk in disks}
    for claim in claims:
        disk = known.get(claim.target)
        if disk is not None:
            yield from _hanging(disk, looks)


def _hanging(disk: LiveDisk, looks: Sequence[RequestLook]
             ) -> Iterator[Refusal]:
    device = next((path for path in looks[0].completed
                   if disk.alias in path.split('/')), '')
    paths = _counted(device, disk.bus, looks[0])
    if paths:
        if not all(any(look.in_flight.get(path) == 0 for look in looks)
                   for path in paths):
            yield Refusal(disk.target, 'it had requests in flight the whole '
                          'time, so its I/O may hang.')
    elif not disk.read_only and not _moved(device, looks):
        yield Refusal(disk.target, (
            'it completed no request, and this QEMU does not tell whether its '
            'I/O hangs. Write something on it in the guest, and try again '
            'meanwhile.'))


def _moved(device: str, looks: Sequence[RequestLook]) -> bool:
    return len({look.completed.get(device) for look in looks}) > 1


def _counted(device: str, bus: str, look: RequestLook) -> list[str]:
    """Return the virtio devices that count the requests of a disk."""
    if bus == 'scsi':
        return [path for path, kind in look.kinds.items()
                if kind == 'virtio-scsi']
    return [path for path in look.in_flight if path == device]


def _move(claim: DiskClaim, disk: Optional[LiveDisk],
          graph: BlockGraph) -> DiskMove:
    if claim.cluster is None or not claim.new:
        raise _Unfit(claim.note or 'its cluster is not known.')
    if any(addr.is_placeholder or addr.is_name for addr in claim.new):
        raise _Unfit('a right monitor has no address, or a name instead.')
    if disk is None or disk.image != claim.image:
        raise _Unfit('the running guest has no such disk any more.')
    device, top, storage = _chain(disk, graph)
    _check_source(storage, claim)
    return DiskMove(claim, device, top, storage, _secret(storage, graph),
                    disk.discard, disk.number)


def _chain(disk: LiveDisk, graph: BlockGraph
           ) -> tuple[str, BlockNode, BlockNode]:
    """Return a device, its raw node, and the node with the connection."""
    found = [path for path in graph.devices
             if disk.alias and disk.alias in path.split('/')]
    if len(found) != 1:
        raise _Unfit('QEMU shows no block device for it.')
    top = graph.nodes.get(graph.devices[found[0]])
    storage = graph.nodes.get(_storage(disk))
    if top is None:
        raise _Unfit('QEMU shows no node for it.')
    if top.driver == 'rbd':
        raise _Unfit(f'it {_OLDER}')
    if top.driver != 'raw':
        raise _Unfit(f'a filter is in front of it ({top.driver}).')
    if storage is None or storage.driver != 'rbd' or (
            top.source.get('file') != storage.source or not storage.source):
        raise _Unfit('QEMU shows other nodes for it than libvirt makes.')
    return found[0], top, storage


def _storage(disk: LiveDisk) -> str:
    """Return the name of the node that libvirt connects for a disk."""
    return f'libvirt-{disk.number}-storage'


def _check_source(storage: BlockNode, claim: DiskClaim) -> None:
    source = storage.source
    for option in source:
        if option not in rescue_commands.OPTIONS and not option.startswith(
                rescue_commands.SERVER):
            raise _Unfit(f'QEMU opened it with the option {option}.')
    parts = [source.get(name) for name in ('pool', 'namespace', 'image')]
    if '/'.join(part for part in parts if part) != claim.image:
        raise _Unfit('QEMU has opened another image for it.')


def _secret(storage: BlockNode, graph: BlockGraph) -> Optional[str]:
    """Return the id of the object with the key.

    See libvirt's src/qemu/qemu_alias.c, ``qemuAliasForSecret``.
    """
    if 'user' not in storage.source:
        return None
    name = f'{storage.name}-auth-secret'
    found = [each for each in graph.secrets
             if each.startswith(name) and each[len(name):].isdigit()]
    if len(found) != 1:
        raise _Unfit('QEMU has no object with its key any more.')
    return found[0]


def _others(disks: Sequence[LiveDisk], graph: BlockGraph
            ) -> Iterator[Refusal]:
    """Yield the RBD images of a guest that cannot be moved along."""
    known = {_storage(disk) for disk in disks if disk.image}
    for name, node in sorted(graph.nodes.items()):
        if name.startswith(rescue_commands.TEMPORARY):
            yield Refusal(None, f'An earlier rescue left the node {name}.')
        elif node.driver == 'rbd' and name not in known:
            yield Refusal(None, f'The RBD image of node {name} belongs to no '
                          'disk, such as that of firmware variables.')
