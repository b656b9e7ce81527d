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

"""Monitor addresses: parsing, printing, comparing."""

from __future__ import annotations

import dataclasses
import functools
import ipaddress
import re
from typing import Mapping, NamedTuple, Optional, Sequence

V1_PORT = 6789
V2_PORT = 3300

_UNSPECIFIED = ('0.0.0.0', '::')

_NAME = re.compile(r'[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?')
# The interface after the % of an IPv6 address, which may be any text to
# Python: a quote would end an attribute of XML.
_SCOPE = re.compile(r'[A-Za-z0-9_.:-]+')


class MonAddr(NamedTuple):
    """One monitor endpoint; a tuple, because those are hashed fast.

    :param host: canonical address without brackets, or a name in lower case
    :param port: TCP port; None without a port, which librados reads as both
        default ports (src/mon/MonMap.cc, init_with_hosts)
    """

    host: str
    port: Optional[int]

    @classmethod
    def of(cls, host: str, port: object = None) -> MonAddr:
        """Return the address for a host and a port as documents write them.

        :param host: IPv4, IPv6 with or without brackets, or a name
        :param port: number or decimal text; None or '' for no port
        :raises ValueError: host or port is not valid
        """
        try:
            return _read(host, port)
        except TypeError:  # not hashable, so neither text nor a number
            raise ValueError(
                f'{host!r} and {port!r} are not an address') from None

    @classmethod
    def parse(cls, text: str) -> MonAddr:
        """Parse ``host``, ``host:port``, ``[v6]`` or ``[v6]:port``.

        :raises ValueError: the text is not a valid address
        """
        match = re.fullmatch(r'(\[[^\]]+\]|[^:]+):(\d+)', text)
        if match:
            return cls.of(match.group(1), match.group(2))
        return cls.of(text)

    def __str__(self) -> str:
        host = f'[{self.host}]' if ':' in self.host else self.host
        return host if self.port is None else f'{host}:{self.port}'

    @property
    def endpoints(self) -> tuple[MonAddr, ...]:
        """Return the endpoints that librados tries for this address.

        Without a port, these are both default ports (src/mon/MonMap.cc,
        init_with_hosts).
        """
        if self.port is not None:
            return (self,)
        return MonAddr(self.host, V2_PORT), MonAddr(self.host, V1_PORT)

    @property
    def is_placeholder(self) -> bool:
        """Return whether this stands for a monitor without an address yet.

        Monmaps contain ``0.0.0.0:0/N`` and ``:/0`` as placeholders
        (src/mon/MonMap.cc, ``set_initial_members``); Cinder returns them.
        """
        return self.host in _UNSPECIFIED

    @property
    def is_name(self) -> bool:
        """Return whether the host is a name, not an IP address."""
        return _is_name(self.host)


@dataclasses.dataclass(frozen=True)
class Monitor:
    """One monitor with all its endpoints.

    :param name: the name in the monmap; '' if only addresses are known
    :param addr: the endpoint that Cinder hands out: v1 if it exists, else
        v2 (the field ``addr`` of ``ceph mon dump``)
    :param addrs: every endpoint of the monitor, including ``addr``
    """

    name: str
    addr: MonAddr
    addrs: tuple[MonAddr, ...]

    def __post_init__(self) -> None:
        if self.addr not in self.addrs:
            raise ValueError(f'{self.addr} is not an endpoint of this monitor')


@dataclasses.dataclass(frozen=True)
class MonMap:
    """The monitors of one cluster, in the order in which they are written.

    :param monitors: in rank order; comparisons ignore the order
    """

    monitors: tuple[Monitor, ...]

    @functools.cached_property
    def addrs(self) -> tuple[MonAddr, ...]:
        """Return the address list that Cinder would hand out."""
        return tuple(monitor.addr for monitor in self.monitors)

    def is_current(self, addrs: Sequence[MonAddr]) -> bool:
        """Return whether these are the right addresses, in any order."""
        return tuple(addrs) == self.addrs or (
            len(addrs) == len(self.addrs)
            and sorted(map(str, addrs)) == self._sorted)

    def leads(self, addr: MonAddr,
              names: Mapping[str, frozenset[str]]) -> bool:
        """Return whether an address still leads to one of the monitors.

        :param names: the addresses of host names
        """
        return bool(self.led_to(addr, names))

    def led_to(self, addr: MonAddr, names: Mapping[str, frozenset[str]]
               ) -> list[MonAddr]:
        """Return the monitors' endpoints that an address leads to.

        :param names: the addresses of host names
        """
        hosts = (addr.host, *names.get(addr.host, ()))
        ports = (V1_PORT, V2_PORT) if addr.port is None else (addr.port,)
        return [MonAddr(host, port) for host in hosts for port in ports
                if (host, port) in self._endpoints]

    @functools.cached_property
    def _sorted(self) -> list[str]:
        return sorted(map(str, self.addrs))

    @functools.cached_property
    def _endpoints(self) -> frozenset[tuple[str, Optional[int]]]:
        return frozenset((addr.host, addr.port) for monitor in self.monitors
                         for addr in monitor.addrs)


# A cloud has few monitors, but every document repeats their addresses.
@functools.lru_cache(maxsize=1024, typed=True)
def _read(host: object, port: object) -> MonAddr:
    if not isinstance(host, str):
        raise ValueError(f'{host!r} is not an address or a host name')
    canonical = _canonical(host)
    if canonical in _UNSPECIFIED and str(port) == '0':
        return MonAddr(canonical, 0)
    return MonAddr(canonical, _port(port))


def _canonical(host: str) -> str:
    bare = host[1:-1] if host.startswith('[') and host.endswith(']') else host
    try:
        address, percent, scope = str(
            ipaddress.ip_address(bare)).partition('%')
    except ValueError:
        pass
    else:
        if percent and not _SCOPE.fullmatch(scope):
            raise ValueError(f'{host!r} has an invalid scope')
        return f'{address}{percent}{scope}'
    if bare != host or not _NAME.fullmatch(bare):
        raise ValueError(
            f'{host!r} is not a valid address or host name')
    if re.fullmatch(r'[\d.]+', bare):
        raise ValueError(f'{host!r} is not a valid IPv4 address')
    return bare.lower()


@functools.lru_cache(maxsize=1024)
def _is_name(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return False


def _port(port: object) -> Optional[int]:
    if port is None or port == '':
        return None
    if isinstance(port, bool) or not re.fullmatch(r'[0-9]{1,5}', str(port)):
        raise ValueError(f'{port!r} is not a valid port')
    number = int(str(port))
    if not 0 < number < 65536:
        raise ValueError(f'{port!r} is not a valid port')
    return number
