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

"""The single rule for whether a compute host is this machine."""

from __future__ import annotations

import dataclasses
import socket
from typing import Iterable, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.model import host_name


@dataclasses.dataclass(frozen=True)
class LocalHost:
    """The machine running this program, as a compute host.

    :param configured: ``host`` of nova.conf; None if it is not set, and
        Nova uses the host name (nova/conf/netconf.py)
    :param hostname: the host name in the kernel
    """

    configured: Optional[str]
    hostname: str

    @classmethod
    def of(cls, configured: Optional[str]) -> LocalHost:
        """Return this machine.

        :param configured: ``host`` of nova.conf
        """
        return cls(configured, socket.gethostname())

    @property
    def name(self) -> str:
        """Return the name by which Nova knows this machine."""
        return self.configured or self.hostname

    def is_here(self, host: str) -> bool:
        """Return whether a compute host, as Nova names it, is this machine.

        A configured name must match exactly. Otherwise one host name may be
        short and the other full.
        """
        if self.configured:
            return host == self.configured
        return host_name.is_same(host, self.hostname)

    def among(self, hosts: Iterable[str]) -> Optional[str]:
        """Return which of Nova's compute hosts is this machine.

        :returns: None if it is none of them, or could be several
        """
        found = list(filter(self.is_here, hosts))
        if self.name in found:
            return self.name
        return found[0] if len(found) == 1 else None

    def require(self, hosts: Iterable[str], command: str) -> None:
        """Refuse hosts that are not this machine.

        :param command: name of the command, for the message
        :raises ConfigError: a host is another machine
        """
        for host in hosts:
            if not self.is_here(host):
                raise exceptions.ConfigError(
                    f'{command} inspects only the local machine, which is '
                    f'not {host}.',
                    f'Run it on {host}, or correct --host: it must be the '
                    '"host" option in this machine\'s nova.conf, or this '
                    "machine's host name.")
