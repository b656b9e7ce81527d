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

"""Monitor addresses as documents spell them."""

from __future__ import annotations

from typing import Any

from rbd_mon_fix.model.monmap import MonAddr


def read(host: Any, port: Any) -> MonAddr:
    """Read the host and the port of a monitor.

    Ceph's monmap may have a monitor without an address: ``0.0.0.0:0/1``,
    ``[::]:0/1`` or ``:/0``. Cinder splits these at the last colon
    (cinder/volume/drivers/rbd.py, ``_get_mon_addrs``), and libvirt prints no
    port 0. All of them are read as the unspecified address with port 0.

    :raises ValueError: host and port are not the address of a monitor
    """
    if host == '' and port in (None, ''):
        return MonAddr.of('0.0.0.0', 0)
    addr = MonAddr.of(host, port)
    if addr.is_placeholder and addr.port is None:
        return MonAddr.of(addr.host, 0)
    return addr


def is_usable(host: str, addr: MonAddr) -> bool:
    """Return whether QEMU can use an address as a document spells it.

    QEMU adds brackets to IPv6 itself, and librados rejects a second pair
    (block/rbd.c, ``qemu_rbd_mon_host``).

    :param host: the host in the document's spelling
    :param addr: the address that was read from it
    """
    return not (host.startswith('[') or addr.is_placeholder)
