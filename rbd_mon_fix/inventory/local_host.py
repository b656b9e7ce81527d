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

"""Whether a compute host is the machine that this runs on."""

from __future__ import annotations

import socket
from typing import Iterable

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts


def is_here(site: contexts.Context, host: str) -> bool:
    """Tell whether a compute host, as Nova names it, is this machine.

    Nova takes the host name where nova.conf sets none (nova/conf/netconf.py,
    ``host``); where that is the full name, the first part is compared.
    """
    if site.nova is not None and site.nova.host:
        return host == site.nova.host
    return host.split('.')[0] == socket.gethostname().split('.')[0]


def require(site: contexts.Context, hosts: Iterable[str],
            command: str) -> None:
    """Refuse hosts that are not this machine.

    :raises ConfigError: one is not
    """
    for host in hosts:
        if not is_here(site, host):
            raise exceptions.ConfigError(
                f'{command} looks at the machine that it runs on, and this '
                f'is not {host}.',
                f'Run it on {host}, or correct --host: it has to be host of '
                'nova.conf there, or the host name.')
