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

"""The lists of hosts and ports in a connection_info."""

from __future__ import annotations

import dataclasses
import functools
import json
from typing import Any

from rbd_mon_fix import exceptions
from rbd_mon_fix.documents import mon_addr
from rbd_mon_fix.model.monmap import MonAddr


@dataclasses.dataclass(frozen=True)
class Lists:
    """The lists of hosts and ports, read.

    :param ragged: whether Nova or QEMU could not use them as they are
    :param verbatim: both lists as they are written
    """

    monitors: tuple[MonAddr, ...]
    ragged: bool
    verbatim: str


@functools.lru_cache(maxsize=64)
def spelled(monitors: tuple[MonAddr, ...]) -> str:
    """Return both lists for monitors, as Cinder writes them.

    Both are lists of strings, IPv6 without brackets
    (cinder/volume/drivers/rbd.py, ``_get_mon_addrs``); no port is null.
    """
    return _verbatim(
        json.dumps([monitor.host for monitor in monitors]),
        json.dumps([None if monitor.port is None else str(monitor.port)
                    for monitor in monitors]))


# Thousands of volumes have, or get, the same few lists.
@functools.lru_cache(maxsize=64)
def read(hosts: str, ports: str) -> Lists:
    """Read both lists.

    :raises ValueError: the text is not JSON
    :raises Unreadable: the text does not hold two lists of monitors
    """
    monitors, ragged = _monitors(json.loads(hosts), json.loads(ports))
    return Lists(monitors, ragged, _verbatim(hosts, ports))


def _monitors(hosts: Any, ports: Any) -> tuple[tuple[MonAddr, ...], bool]:
    """Zip hosts and ports as Nova does (virt/libvirt/config.py).

    Also tell whether Nova or QEMU could not use the stored values.
    """
    if not isinstance(hosts, list) or not isinstance(ports, list):
        raise exceptions.Unreadable('hosts or ports is not a list')
    if not hosts or not ports:
        raise exceptions.Unreadable('hosts or ports is empty')
    try:
        monitors = tuple(map(mon_addr.read, hosts, ports))
    except ValueError:
        raise exceptions.Unreadable(
            'a monitor address is invalid') from None
    usable = (len(hosts) == len(ports) and all(map(_is_text, ports))
              and all(map(mon_addr.is_usable, hosts, monitors)))
    return monitors, not usable


def _is_text(port: object) -> bool:
    """Return whether Nova and libvirt accept a port; None is accepted.

    Nova sets an XML attribute to any port but None, and lxml accepts only
    text (virt/libvirt/config.py, ``LibvirtConfigGuestDisk``). libvirt rejects
    an empty port (src/util/virstring.c, ``virStringParsePort``).
    """
    return port is None or isinstance(port, str) and port != ''


def _verbatim(hosts: str, ports: str) -> str:
    return json.dumps([hosts, ports])
