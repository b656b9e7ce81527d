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

"""A parser for the output of ``ceph mon dump --format=json``."""

from __future__ import annotations

import dataclasses
import json
from typing import Any
import uuid

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.history import MonEpoch
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap


@dataclasses.dataclass(frozen=True)
class MonDump:
    """The parsed answer of ``ceph mon dump``.

    :param pending: names of monitors without an address yet
    """

    fsid: str
    epoch: MonEpoch
    pending: tuple[str, ...]

    @property
    def monmap(self) -> MonMap:
        """Return the monitors that have an address."""
        return self.epoch.monmap


def parse(text: str) -> MonDump:
    """Parse a monmap as Cinder does, but keep all addresses.

    The rules are those of ``_get_mon_addrs`` in Cinder's
    volume/drivers/rbd.py. The result excludes monitors without an address
    yet, ``0.0.0.0:0/N`` in the monmap (src/mon/MonMap.cc,
    ``set_initial_members``), and names them in ``pending``.

    :param text: the whole output of the command
    :returns: the monitors in rank order
    :raises Unreachable: the output is not a usable monmap
    """
    lines = text.split('\n')
    if lines[0].startswith('dumped monmap epoch'):
        lines = lines[1:]
    try:
        dump = json.loads('\n'.join(lines))
        mons = sorted(dump['mons'], key=lambda mon: int(mon['rank']))
        found = [_monitor(mon) for mon in mons]
        fsid, epoch = _fsid(dump['fsid']), int(dump.get('epoch', 0))
        modified = str(dump.get('modified', ''))
    except (ValueError, OverflowError, KeyError, TypeError,
            AttributeError) as e:
        raise _unusable(f'{type(e).__name__}: {e}') from e
    except RecursionError as e:
        raise _unusable('it is nested too deeply') from e
    monitors = tuple(each for each in found if not each.addr.is_placeholder)
    if not monitors:
        raise _unusable('no monitors')
    return MonDump(fsid, MonEpoch(epoch, modified, MonMap(monitors)),
                   tuple(each.name for each in found
                         if each.addr.is_placeholder))


def _fsid(text: str) -> str:
    """Return the fsid, which becomes part of a file name."""
    try:
        return str(uuid.UUID(text))
    except (ValueError, AttributeError):
        raise ValueError('the fsid is not a UUID') from None


def _monitor(mon: dict[str, Any]) -> Monitor:
    return Monitor(str(mon['name']), _addr(mon['addr']), _addrs(mon))


def _addrs(mon: dict[str, Any]) -> tuple[MonAddr, ...]:
    """Return every endpoint; Ceph before Nautilus has only ``addr``."""
    vector = mon.get('public_addrs', {}).get('addrvec', ())
    addrs = tuple(_addr(entry['addr']) for entry in vector)
    own = _addr(mon['addr'])
    return addrs if own in addrs else (own, *addrs)


def _addr(text: str) -> MonAddr:
    """Parse ``host:port/nonce``; an addrvec member has no nonce."""
    place = text.split('/', 1)[0]
    # Ceph may also print ':/0' for a monitor without an address.
    return MonAddr.parse('0.0.0.0:0' if place in (':', '-') else place)


def _unusable(why: str) -> exceptions.Unreachable:
    return exceptions.Unreachable(
        f'"ceph mon dump" printed an unusable monmap: {why}.',
        'Run the command by hand to see its output, or give the right '
        'monitors with --monitors-file.')
