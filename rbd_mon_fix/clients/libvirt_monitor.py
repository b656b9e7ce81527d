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

"""Commands to the monitor of QEMU, by way of libvirt.

Libvirt marks a domain to which it has passed such a command as tainted
(``VIR_DOMAIN_TAINT_CUSTOM_MONITOR`` in src/qemu/qemu_driver.c).
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from rbd_mon_fix.clients import libvirt_connection
from rbd_mon_fix.clients import libvirt_objects
from rbd_mon_fix.clients import waiting

if TYPE_CHECKING:
    from rbd_mon_fix.model.rescue import QmpCommand

# The connection reports a module that is not installed.
with contextlib.suppress(ImportError):
    import libvirt
    import libvirt_qemu

# Seconds for an answer. QEMU answers in milliseconds, a command that connects
# to a cluster within one second.
LIMIT = 10.0


class Unanswered(libvirt_connection.Declined):
    """A command has not been answered in time; QEMU may carry it out yet."""


class Monitors(libvirt_objects.Objects):
    """A connection that passes commands on to QEMU.

    All methods raise Unreachable when the connection is lost, and Gone if
    the domain does not exist.
    """

    def qmp(self, uuid: str, command: QmpCommand) -> Any:
        """Return QEMU's answer to a command.

        :raises Declined: QEMU or libvirt refuses the command
        :raises Unanswered: nothing has answered within the limit
        """
        try:
            text = waiting.answer(lambda: self._pass(uuid, str(command)),
                                  LIMIT)
        except waiting.Silent:
            raise Unanswered(
                f'QEMU has not answered {command.execute} within '
                f'{LIMIT:.0f} seconds') from None
        answer = json.loads(text)
        if 'error' in answer:
            raise libvirt_connection.Declined(
                f'QEMU refuses {command.execute}: '
                f'{answer["error"]["desc"].rstrip(".")}')
        return answer['return']

    @libvirt_connection.interruptible
    def has_job(self, uuid: str) -> bool:
        """Return whether libvirt saves, migrates or backs up a domain.

        :raises Declined: libvirt refuses the question
        """
        with self._domain_errors():
            kind = self._connection.lookupByUUIDString(uuid).jobInfo()[0]
        return bool(kind != libvirt.VIR_DOMAIN_JOB_NONE)

    def _pass(self, uuid: str, command: str) -> str:
        with self._domain_errors():
            domain = self._connection.lookupByUUIDString(uuid)
            return str(libvirt_qemu.qemuMonitorCommand(domain, command, 0))
