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

"""The QMP commands that move the disks of a guest to other connections.

QEMU connects each image again while the guest runs. A raw node then gets the
new connection in place of the old one, which takes milliseconds of a stopped
guest; ``stop`` writes out what librbd has in its cache. Afterwards the same is
done once more, so that the nodes have the names that libvirt knows.
"""

from __future__ import annotations

from typing import Any, Iterator, Mapping, Sequence

from rbd_mon_fix.model.rescue import BlockNode
from rbd_mon_fix.model.rescue import DiskMove
from rbd_mon_fix.model.rescue import QmpCommand

STOP = QmpCommand('stop')
CONTINUE = QmpCommand('cont')
TEMPORARY = 'rbd-mon-fix-'
# The options of an image that QEMU tells (block/rbd.c,
# ``qemu_rbd_strong_runtime_opts``), without snapshot.
OPTIONS = frozenset(('driver', 'pool', 'namespace', 'image', 'conf', 'user'))
SERVER = 'server.'


def temporary(move: DiskMove) -> str:
    """Return the name of a node that has the image for a moment."""
    return f'{TEMPORARY}{move.number}'


def connect(move: DiskMove, name: str) -> QmpCommand:
    """Return the command that connects an image to its new monitors.

    The options are those of libvirt (src/qemu/qemu_block.c,
    ``qemuBlockStorageSourceGetRBDProps`` and
    ``qemuBlockStorageSourceGetBackendProps``).

    :param name: of the new node
    """
    storage = move.storage
    identity: dict[str, Any] = {} if move.secret is None else {
        'auth-client-required': ['cephx', 'none'], 'key-secret': move.secret}
    return QmpCommand('blockdev-add', {
        **{option: value for option, value in storage.source.items()
           if option in OPTIONS}, **identity,
        'server': [{'host': addr.host, 'port': str(addr.port)}
                   for each in move.claim.new for addr in each.endpoints],
        'node-name': name, 'cache': _cache(storage), 'auto-read-only': True,
        'discard': 'unmap'})


def switch(moves: Sequence[DiskMove], names: Mapping[str, str]
           ) -> QmpCommand:
    """Return the command that gives raw nodes other nodes, all or none.

    What it does not name would get its default again.

    :param names: the new node by the target of each disk
    """
    return QmpCommand('blockdev-reopen', {'options': [
        _raw(move, names[move.claim.target]) for move in moves]})


def remove(name: str) -> QmpCommand:
    """Return the command that closes a node."""
    return QmpCommand('blockdev-del', {'node-name': name})


def first(moves: Sequence[DiskMove]) -> dict[str, str]:
    """Return the temporary nodes by the targets of the disks."""
    return {move.claim.target: temporary(move) for move in moves}


def last(moves: Sequence[DiskMove]) -> dict[str, str]:
    """Return the nodes that libvirt knows by the targets of the disks."""
    return {move.claim.target: move.storage.name for move in moves}


def everything(moves: Sequence[DiskMove]) -> Iterator[QmpCommand]:
    """Yield all commands in their order."""
    for names, before in ((first(moves), last(moves)),
                          (last(moves), first(moves))):
        for move in moves:
            yield connect(move, names[move.claim.target])
        yield STOP
        yield switch(moves, names)
        yield CONTINUE
        yield from map(remove, before.values())


def _raw(move: DiskMove, below: str) -> dict[str, Any]:
    top = move.top
    options: dict[str, Any] = {
        'driver': 'raw', 'node-name': top.name, 'read-only': top.read_only,
        'cache': _cache(top), 'detect-zeroes': top.detect_zeroes,
        'file': below}
    if move.discard is not None:
        options['discard'] = move.discard
    return options


def _cache(node: BlockNode) -> dict[str, bool]:
    return {'direct': node.direct, 'no-flush': node.no_flush}
