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

"""Connections to the libvirt of each host, opened when first needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    from rbd_mon_fix.clients import libvirt

Connect = Callable[[str], 'libvirt.Hypervisor']
Check = Callable[[str, 'libvirt.Hypervisor', str], None]


class Libvirts:
    """One connection for each URI; several threads may ask for them.

    :param connect: opens the connection of a URI
    :param check: called once for each host with the URI, its connection and
        the host; raises Unreachable if they do not belong together
    """

    def __init__(self, connect: Connect, check: Check):
        self._connect = connect
        self._check = check
        self._open: dict[str, libvirt.Hypervisor] = {}
        self._checked: set[str] = set()
        # One for each URI: a host that is down keeps no other waiting.
        self._locks: dict[str, threading.Lock] = {}

    def of(self, uri: str, host: str) -> libvirt.Hypervisor:
        """Return the connection of a URI.

        :param host: the compute host that is expected there; empty for any
        :raises Unreachable: libvirt cannot be reached, or belongs to another
            host
        """
        with self._locks.setdefault(uri, threading.Lock()):
            if uri not in self._open:
                self._open[uri] = self._connect(uri)
            if host and host not in self._checked:
                self._check(uri, self._open[uri], host)
                self._checked.add(host)
            return self._open[uri]

    def close(self) -> None:
        """Close all connections.

        A thread that was left behind may still open one.
        """
        for hypervisor in list(self._open.values()):
            hypervisor.close()
