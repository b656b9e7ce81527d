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

"""Linux's tables of TCP connections in /proc."""

from __future__ import annotations

import ipaddress
import struct
from typing import Iterator

from rbd_mon_fix.model.monmap import MonAddr

# TCP_ESTABLISHED of include/net/tcp_states.h.
_ESTABLISHED = '01'


def established(table: str) -> Iterator[tuple[str, MonAddr]]:
    """Yield the inode and the remote address of each open connection.

    An IPv4 peer of an IPv6 socket is yielded as IPv4. Lines in another
    format are skipped.

    :param table: text of ``/proc/PID/net/tcp`` or ``tcp6`` (kernel,
        Documentation/networking/proc_net_tcp.rst)
    """
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _ESTABLISHED:
            try:
                addr = _addr(fields[2])
            except (ValueError, struct.error):
                continue
            yield fields[9], addr


def _addr(word: str) -> MonAddr:
    """Read ``0100007F:1A85``: words of 32 bits in native byte order.

    :raises ValueError: the word is not an address
    :raises struct.error: the address is not a whole number of words
    """
    digits, port = word.split(':')
    raw = bytes.fromhex(digits)
    count = len(raw) // 4
    packed = struct.pack(f'={count}I', *struct.unpack(f'>{count}I', raw))
    address = ipaddress.ip_address(packed)
    mapped = getattr(address, 'ipv4_mapped', None)
    return MonAddr.of(str(mapped or address), int(port, 16))
