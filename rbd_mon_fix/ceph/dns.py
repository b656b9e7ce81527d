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

"""Looks names up in the DNS."""

from __future__ import annotations

import dataclasses
import socket
import threading
import time
from typing import Iterable

from rbd_mon_fix import exceptions


@dataclasses.dataclass(frozen=True)
class Service:
    """One SRV record."""

    target: str
    port: int


def resolve(hosts: Iterable[str],
            timeout: float = 5.0) -> dict[str, frozenset[str]]:
    """Look host names up, all at once.

    :param timeout: seconds for all of them together
    :returns: the addresses of each; none where a name does not resolve, or
        not in time
    """
    found: dict[str, frozenset[str]] = {host: frozenset() for host in hosts}
    # Daemons: a resolver that hangs must not keep the command from ending.
    threads = [threading.Thread(target=_note, args=(host, found), daemon=True)
               for host in found]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + timeout
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(found)


def services(name: str, timeout: float = 5.0) -> tuple[Service, ...]:
    """Look the SRV records of a name up, in the search domains too.

    :param name: such as ``_ceph-mon._tcp``
    :param timeout: seconds
    :raises ConfigError: there are none, or dnspython is not installed
    """
    try:
        from dns import exception
        from dns import resolver
    except ImportError as e:
        raise exceptions.ConfigError(
            f'The SRV records {name} cannot be looked up without dnspython.',
            'Install dnspython, or name the monitors in mon_host.') from e
    try:
        answer = resolver.resolve(
            name, 'SRV', lifetime=timeout, search=True)
    except exception.DNSException as e:
        raise exceptions.ConfigError(
            f'The DNS has no SRV records {name}: {type(e).__name__}.',
            'Name the monitors in mon_host.') from e
    return tuple(Service(record.target.to_text().rstrip('.'), record.port)
                 for record in sorted(answer, key=lambda r: r.priority))


def _note(host: str, found: dict[str, frozenset[str]]) -> None:
    try:
        answer = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (OSError, ValueError):
        return
    found[host] = frozenset(str(entry[4][0]) for entry in answer)
