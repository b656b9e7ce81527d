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

"""Parse monitor addresses in ceph.conf as librados does.

The rules are those of src/mon/MonMap.cc (init_with_ips, init_with_hosts,
_add_ambiguous_addr), src/msg/msg_types.cc (entity_addr_t::parse) and
src/common/addr_parsing.c; ``monmaptool --create --generate`` shows them.
"""

from __future__ import annotations

import dataclasses
import re
import socket
from typing import Any, Iterable, Optional

from rbd_mon_fix.model import monmap
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor

_ADDR = re.compile(
    r'(?:(?P<kind>v1|v2|any):)?'
    r'(?P<open>\[)?'
    r'(?P<host>[0-9]+(?:\.[0-9]+){3}(?![0-9.])|[0-9a-fA-F:]+)(?(open)\])'
    r'(?::(?P<port>[0-9]*))?(?:/[0-9]*)?')


@dataclasses.dataclass(frozen=True)
class EntityAddr:
    """An address and its messenger protocol (entity_addr_t).

    :param kind: ``v1``, ``v2``, or ``any`` if no protocol is given
    :param port: 0 if no port is given
    """

    kind: str
    host: str
    port: int


Vector = tuple[EntityAddr, ...]


def parse(text: str) -> tuple[Monitor, ...]:
    """Parse the value of ``mon_host``, and resolve names.

    :returns: the monitors in the order of the text, without their names
    :raises ValueError: no monitors found; librados would fail too
    """
    vectors = _vectors(text)
    if vectors is None:
        vectors = _vectors(_looked_up(text))
    if not vectors:
        raise ValueError(f'"{text}" names no monitor addresses')
    return monitors(map(_settled, vectors))


def parse_addr(text: str) -> Vector:
    """Parse a ``mon addr``: one address; the default protocol is v1.

    Text after the address is ignored, and names are not resolved
    (init_with_config_file).

    :raises ValueError: the text is not an address
    """
    found = _endpoint(text, 0, 'v1')
    if found is None:
        raise ValueError(f'"{text}" is not an address')
    endpoint = found[0]
    port = endpoint.port or monmap.V1_PORT
    return _settled((dataclasses.replace(endpoint, port=port),))


def monitors(vectors: Iterable[Vector]) -> tuple[Monitor, ...]:
    """Build monitors as librados does; use each address only once."""
    seen: set[EntityAddr] = set()
    built: dict[MonAddr, Monitor] = {}
    for vector in vectors:
        if not seen.isdisjoint(vector):
            continue
        seen.update(vector)
        monitor = _monitor(vector)
        built.setdefault(monitor.addr, monitor)
    return tuple(built.values())


def ambiguous(host: str, port: int) -> Vector:
    """Return the addresses that librados infers without a protocol."""
    if port == 0:
        return (EntityAddr('v2', host, monmap.V2_PORT),
                EntityAddr('v1', host, monmap.V1_PORT))
    kind = 'v1' if port == monmap.V1_PORT else 'v2'
    return (EntityAddr(kind, host, port),)


def _vectors(text: str) -> Optional[list[Vector]]:
    """Parse a list of addresses; return None if it has anything else."""
    vectors = []
    for item in re.split('[ ;]+', text):
        position = 0
        while position < len(item):
            found = _vector(item, position)
            if found is None:
                return None
            vector, position = found
            vectors.append(vector)
            position += item.startswith(',', position)
    return vectors


def _vector(text: str, position: int) -> Optional[tuple[Vector, int]]:
    single = _endpoint(text, position, 'any')
    if single:
        return (single[0],), single[1]
    if not text.startswith('[', position):
        return None
    vector: list[EntityAddr] = []
    while not vector or text.startswith(',', position):
        found = _endpoint(text, position + 1, 'v2')
        if found is None:
            return None
        vector.append(found[0])
        position = found[1]
    if not text.startswith(']', position):
        return None
    return tuple(vector), position + 1


def _endpoint(text: str, position: int,
              default: str) -> Optional[tuple[EntityAddr, int]]:
    match = _ADDR.match(text, position)
    if not match or not _is_address(match['host']):
        return None
    port = int(match['port'] or 0)
    if port > 65535:
        return None
    endpoint = EntityAddr(match['kind'] or default, match['host'], port)
    return endpoint, match.end()


def _is_address(host: str) -> bool:
    family = socket.AF_INET6 if ':' in host else socket.AF_INET
    try:
        socket.inet_pton(family, host)
    except OSError:
        return False
    return True


def _looked_up(text: str) -> str:
    """Replace names with addresses, as librados does (resolve_addrs)."""
    tokens = [token for token in re.split('[,; ]+', text) if token]
    return ','.join(_look_up(token) for token in tokens)


def _look_up(token: str) -> str:
    host, port = token, ''
    if token.count(':') == 1:
        host, port = token.split(':')
    elif ']:' in token:
        host, port = token.split(']:', 1)
        host += ']'
    if host.startswith('[') and host.endswith(']'):
        host = host[1:-1]
    try:
        answer = socket.getaddrinfo(
            host.encode(), port or None, type=socket.SOCK_STREAM,
            proto=socket.IPPROTO_TCP)
    except (OSError, ValueError) as e:
        raise ValueError(f'cannot look up "{token}": {e}') from e
    return ','.join(_numeric(entry[4], port) for entry in answer)


def _numeric(sockaddr: Any, port: str) -> str:
    host, service = socket.getnameinfo(
        sockaddr, socket.NI_NUMERICHOST | socket.NI_NUMERICSERV)
    host = f'[{host}]' if ':' in host else host
    return f'{host}:{service}' if port else host


def _settled(vector: Vector) -> Vector:
    """Fill in a missing kind and port."""
    if len(vector) > 1:
        if not all(endpoint.port for endpoint in vector):
            raise ValueError('an address in brackets has no port')
        return vector
    only = vector[0]
    if only.kind == 'any':
        return ambiguous(only.host, only.port)
    default = monmap.V1_PORT if only.kind == 'v1' else monmap.V2_PORT
    return (dataclasses.replace(only, port=only.port or default),)


def _monitor(vector: Vector) -> Monitor:
    addrs = tuple(MonAddr.of(endpoint.host, endpoint.port)
                  for endpoint in vector)
    legacy = [addr for addr, endpoint in zip(addrs, vector)
              if endpoint.kind == 'v1']
    return Monitor('', legacy[0] if legacy else addrs[0], addrs)
