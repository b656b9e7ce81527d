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

"""What QEMU's monitor (QMP) tells of the block devices of a guest.

The commands and their answers are described in qapi/block-core.json,
qapi/qom.json and qapi/virtio.json of QEMU.
"""

from __future__ import annotations

import json
from typing import Any, Callable, Iterable, Iterator, Mapping

from rbd_mon_fix.model.rescue import BlockGraph
from rbd_mon_fix.model.rescue import BlockNode
from rbd_mon_fix.model.rescue import QemuState
from rbd_mon_fix.model.rescue import QmpCommand
from rbd_mon_fix.model.rescue import RequestLook

# Sends a command, and returns what QEMU answers.
Ask = Callable[[QmpCommand], Any]

_COUNTERS = tuple(
    f'{prefix}{kind}_operations' for prefix in ('', 'failed_', 'invalid_')
    for kind in ('rd', 'wr', 'flush', 'unmap'))
_COUNTING = ('virtio-blk', 'virtio-scsi')
# QEMU 7.2 and newer; the prefix says that the command may change. QEMU 11.1.3
# crashes at "x-query-virtio-status", and its guest with it: an assertion fails
# in qapi/qapi-visit-core.c, visit_start_struct.
_VIRTIO = 'x-query-virtio'
# The newest QEMU that was seen to answer it.
_ANSWERS = (10, 0)


def state(ask: Ask) -> QemuState:
    """Return what QEMU tells of a guest without a look at its images.

    Only commands without the prefix ``x-`` are sent.

    :raises RbdMonFixError: QEMU or libvirt refuses a command
    """
    known = frozenset(each['name'] for each in _answer(ask, 'query-commands'))
    version = _answer(ask, 'query-version')['qemu']
    if (version['major'], version['minor']) > _ANSWERS:
        known -= {_VIRTIO}
    return QemuState(
        _answer(ask, 'query-status')['status'], tuple(_work(ask, known)),
        tuple(each['id'] for each in _answer(ask, 'query-iothreads')), known,
        tuple(each['qdev'] for each in _answer(ask, 'query-blockstats')
              if each.get('qdev') and 'parent' not in each))


def graph(ask: Ask) -> BlockGraph:
    """Return the block devices and nodes of a guest.

    QEMU reads the header of each RBD image for this (block/rbd.c,
    ``qemu_rbd_get_specific_info``), and stands still until an OSD answers.

    :raises RbdMonFixError: QEMU or libvirt refuses a command
    """
    nodes = map(_node, _answer(ask, 'query-named-block-nodes', flat=True))
    return BlockGraph(
        {each['qdev']: each['inserted'].get('node-name', '')
         for each in _answer(ask, 'query-block')
         if each.get('qdev') and each.get('inserted')},
        {node.name: node for node in nodes},
        frozenset(each['name'] for each in _answer(
            ask, 'qom-list', path='/objects')))


def requests(ask: Ask, known: Iterable[str]) -> RequestLook:
    """Return the requests of the block devices at this moment.

    QEMU answers this from its own counters, whatever its images do.

    :param known: the names of the QMP commands of this QEMU
    :raises RbdMonFixError: QEMU or libvirt refuses a command
    """
    kinds = {each['path']: each['name'] for each in _answer(ask, _VIRTIO)
             if each['name'] in _COUNTING} if _VIRTIO in known else {}
    told = [each for each in _answer(ask, 'query-blockstats')
            if each.get('qdev')]
    idle = [each['stats']['idle_time_ns'] / 1e9 for each in told
            if 'idle_time_ns' in each['stats']]
    return RequestLook(
        {each['qdev']: sum(each['stats'].get(name, 0) for name in _COUNTERS)
         for each in told},
        {path: _in_flight(ask, path) for path in kinds}, kinds,
        min(idle, default=None))


def _in_flight(ask: Ask, path: str) -> int:
    """Return the elements of all queues that QEMU took and did not return.

    See ``inuse`` in hw/virtio/virtio.c.
    """
    count = _answer(ask, f'{_VIRTIO}-status', path=path)['num-vqs']
    return sum(_answer(ask, f'{_VIRTIO}-queue-status', path=path,
                       queue=number)['inuse'] for number in range(count))


def _work(ask: Ask, known: Iterable[str]) -> Iterator[str]:
    """Yield the names of jobs, exports and migrations under way."""
    for each in _answer(ask, 'query-jobs'):
        yield f'job {each["id"]} ({each["type"]})'
    if 'query-block-exports' in known:
        for each in _answer(ask, 'query-block-exports'):
            yield f'export {each["id"]} of {each["node-name"]}'
    status = _answer(ask, 'query-migrate').get('status', 'none')
    if status not in ('none', 'completed', 'failed', 'cancelled'):
        yield f'migration ({status})'


def _node(told: Mapping[str, Any]) -> BlockNode:
    cache = told['cache']
    return BlockNode(
        told['node-name'], told['drv'], _source(told.get('file', '')),
        told['ro'], told['detect_zeroes'], cache['direct'],
        cache['no-flush'])


def _source(name: str) -> Mapping[str, Any]:
    """Return the options in the name of a node; empty if it has none.

    QEMU cuts a name after 4095 bytes (block.c, ``bdrv_refresh_filename``).
    """
    if not name.startswith('json:'):
        return {}
    try:
        found = json.loads(name[len('json:'):])
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _answer(ask: Ask, execute: str, **arguments: object) -> Any:
    return ask(QmpCommand(execute, arguments))
