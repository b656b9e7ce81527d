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

"""Lines in the log that count what a command found and did on each host."""

from __future__ import annotations

from typing import Optional, Sequence

from rbd_mon_fix.cli import audit_log
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.summary import Summary


class Hosts:
    """Counts the servers of one host at a time, and writes a line for each.

    :param command: the command that reports them
    """

    def __init__(self, command: str):
        self._command = command
        self._run: Optional[str] = None
        self._host = ''
        self._records = 0
        self._summary = Summary()

    def began(self, run: str) -> None:
        """Write the id of a run in the journal, before its first change."""
        self._run = run
        audit_log.write('run', command=self._command, run=run)

    def server(self, host: str, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Count one server; the servers of a host come in sequence."""
        if host != self._host:
            self.close()
            self._host = host
        self._records += len({copy.locator for copy in copies})
        self._summary.count(copies, outcomes)

    def close(self) -> None:
        """Write the line of the last host, if there was any."""
        found = self._summary
        if found.servers:
            audit_log.write(
                'host', command=self._command, run=self._run, host=self._host,
                servers=found.servers, records=self._records,
                copies=found.copies, stale=found.states[State.STALE],
                drifted=found.states[State.DRIFTED],
                not_judged=found.not_judged, due=found.due,
                **{each.value: found.outcomes[each] for each in Verdict},
                not_made=found.unsettled)
        self._records = 0
        self._summary = Summary()
