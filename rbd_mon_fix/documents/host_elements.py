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

"""The monitors of an RBD source in XML: its ``host`` elements."""

from __future__ import annotations

import functools
import re
from typing import Mapping, Sequence

from rbd_mon_fix.documents import mon_addr
from rbd_mon_fix.documents import xml_tree
from rbd_mon_fix.model.monmap import MonAddr

_TAG = r'''<host(?:\s+\w+\s*=\s*(?:'[^']*'|"[^"]*"))*\s*'''
_HOST = rf'{_TAG}(?:/>|>\s*</host\s*>)'
HOSTS = re.compile(rf'{_HOST}(?:\s*{_HOST})*'.encode())


class Unfit(Exception):
    """The reason why the monitors of one disk cannot be corrected."""


def monitors(hosts: Sequence[xml_tree.Element]
              ) -> tuple[tuple[MonAddr, ...], bool]:
    """Read hosts; also tell whether QEMU could not use their spelling.

    :raises Unfit: a host is not a monitor
    """
    found = tuple(_monitor(host.attributes) for host in hosts)
    return found, not all(
        mon_addr.is_usable(host.attributes['name'], monitor)
        for host, monitor in zip(hosts, found))


# Thousands of disks get the same few lists.
@functools.lru_cache(maxsize=64)
def parse(text: str) -> tuple[tuple[MonAddr, ...], bool]:
    """Read the text of hosts, as ``monitors`` does.

    :param text: matches ``HOSTS``
    :raises Unfit: a host is not a monitor
    """
    return monitors(
        xml_tree.parse(f'<source>{text}</source>'.encode()).children)


def _monitor(host: Mapping[str, str]) -> MonAddr:
    """Read a host; QEMU's rbd driver supports only TCP.

    libvirt passes no port to QEMU for port 0 (src/qemu/qemu_block.c).
    """
    port = host.get('port')
    transport = host.get('transport', 'tcp')
    if transport != 'tcp':
        raise Unfit(f'a monitor has the transport {transport}, not tcp')
    if not set(host) <= {'name', 'port', 'transport'}:
        raise Unfit('a monitor has unknown attributes')
    try:
        return mon_addr.read(host.get('name'), None if port == '0' else port)
    except ValueError as error:
        raise Unfit(f'invalid monitor address: {error}') from None


def spell(monitor: MonAddr, quote: str) -> str:
    """Return the host element of a monitor, as libvirt writes it."""
    words = f'<host name={quote}{monitor.host}{quote}'
    if monitor.port is not None:
        words += f' port={quote}{monitor.port}{quote}'
    return f'{words}/>'
