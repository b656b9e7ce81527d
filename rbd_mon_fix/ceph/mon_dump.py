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

"""The output of ``ceph mon dump --format=json``."""

from __future__ import annotations

import json
from typing import Any

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap


def parse(text: str) -> tuple[str, MonMap]:
    """Read a monmap as Cinder does, and all other addresses as well.

    The rules are those of ``_get_mon_addrs`` in Cinder's
    volume/drivers/rbd.py.

    :param text: the whole output of the command
    :returns: the fsid, and the monitors in rank order
    :raises Unreachable: the output is not a monmap, so Ceph did not answer
    """
    lines = text.split('\n')
    if lines[0].startswith('dumped monmap epoch'):
        lines = lines[1:]
    try:
        dump = json.loads('\n'.join(lines))
        mons = sorted(dump['mons'], key=lambda mon: int(mon['rank']))
        fsid, monitors = str(dump['fsid']).lower(), _monitors(mons)
    except (ValueError, KeyError, TypeError, AttributeError) as e:
        raise _unusable(f'{type(e).__name__}: {e}') from e
    if not monitors:
        raise _unusable('no monitors')
    return fsid, MonMap(monitors)


def _monitors(mons: list[dict[str, Any]]) -> tuple[Monitor, ...]:
    return tuple(Monitor(str(mon['name']), _addr(mon['addr']), _addrs(mon))
                 for mon in mons)


def _addrs(mon: dict[str, Any]) -> tuple[MonAddr, ...]:
    """Return every endpoint; Ceph before Nautilus has only ``addr``."""
    vector = mon.get('public_addrs', {}).get('addrvec', ())
    addrs = tuple(_addr(entry['addr']) for entry in vector)
    own = _addr(mon['addr'])
    return addrs if own in addrs else (own, *addrs)


def _addr(text: str) -> MonAddr:
    """Read ``host:port/nonce``; in an addrvec the nonce is separate."""
    return MonAddr.parse(text.split('/', 1)[0])


def _unusable(why: str) -> exceptions.Unreachable:
    return exceptions.Unreachable(
        f'"ceph mon dump" printed an unusable monmap: {why}.',
        'Run the command by hand to see its output, or give the right '
        'monitors with --monitors-file.')
