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

"""The names and addresses of a cluster's monitors."""

from __future__ import annotations

import dataclasses
import re
from typing import Iterable


@dataclasses.dataclass(frozen=True)
class Monitor:
    """A monitor: its name and all its addresses in Ceph's notation."""

    name: str
    addresses: str


def on(*hosts: str, v1: int = 6789, v2: int = 3300) -> tuple[Monitor, ...]:
    """Return a monitor on each host.

    :param hosts: IP addresses, IPv6 without brackets; a repeated address gets
        the next ports
    :param v1: the port of Ceph's first protocol; 0 for none
    :param v2: the port of Ceph's second protocol
    """
    found = []
    for number, host in enumerate(hosts):
        step = hosts[:number].count(host)
        shown = f'[{host}]' if ':' in host else host
        kinds = [f'v2:{shown}:{v2 + step}/0']
        if v1:
            kinds.append(f'v1:{shown}:{v1 + step}/0')
        name = host.replace(':', '-').replace('.', '-').strip('-')
        found.append(Monitor(f'm{name}-{v2 + step}', f'[{",".join(kinds)}]'))
    return tuple(found)


def first_addresses(wanted: Iterable[Monitor]) -> list[tuple[str, int]]:
    """Return the address per monitor that Cinder hands out: v1, or else v2.

    The rule is ``addr`` of ``ceph mon dump``, which the RBD driver of Cinder
    reads (cinder/volume/drivers/rbd.py, _get_mon_addrs).
    """
    chosen = [re.findall(r'v\d:(.+?):(\d+)/0', one.addresses)[-1]
              for one in wanted]
    return [(host.strip('[]'), int(port)) for host, port in chosen]
