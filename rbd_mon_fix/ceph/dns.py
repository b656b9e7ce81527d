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

"""DNS lookups."""

from __future__ import annotations

import dataclasses
import socket
import threading
from typing import Iterable

from oslo_utils import timeutils

from rbd_mon_fix import exceptions


@dataclasses.dataclass(frozen=True)
class Service:
    """One SRV record."""

    target: str
    port: int


def resolve(hosts: Iterable[str],
            timeout: float = 5.0) -> dict[str, frozenset[str]]:
    """Look up host names in parallel.

    :param timeout: seconds for all names together
    :returns: the addresses of each name; empty for a name that does not
        resolve in time
    """
    found: dict[str, frozenset[str]] = {host: frozenset() for host in hosts}
    # Daemon threads: a hanging resolver must not keep the command running.
    threads = [threading.Thread(target=_note, args=(host, found), daemon=True)
               for host in found]
    watch = timeutils.StopWatch(timeout).start()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(watch.leftover())
    return dict(found)


def services(name: str, timeout: float = 5.0) -> tuple[Service, ...]:
    """Look up the SRV records of a name, also in the search domains.

    :param name: for example ``_ceph-mon._tcp``
    :param timeout: seconds
    :raises ConfigError: the lookup fails, or dnspython is not installed
    """
    try:
        from dns import exception
        from dns import resolver
    except ImportError as e:
        raise exceptions.ConfigError(
            f'Cannot look up the SRV records {name} without dnspython.',
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
