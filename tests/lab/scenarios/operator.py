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

"""An operator of the lab: runs the installed command, as on any host."""

from __future__ import annotations

import json
import subprocess
from typing import Any, Mapping, Optional, Sequence

from lab import guests
from lab import hosts

HOST = 'lab'
WITHIN = 180


class Operator:
    """Runs ``rbd-mon-fix``, which finds its config in ``/etc``.

    :param environment: the environment of the command; by default that of the
        lab's shell, which has credentials for OpenStack
    :param options: given with each command, such as a config file
    :param on: the host on which the command runs
    """

    def __init__(self, environment: Optional[Mapping[str, str]] = None,
                 options: Sequence[str] = (),
                 on: hosts.Host = hosts.FIRST):
        self._environment = environment
        self._options = options
        self._on = on

    def run(self, *words: str, code: int = 0) -> Any:
        """Run a command and return its JSON output.

        :param words: the command and its arguments; options come first
        :param code: the expected exit code
        """
        return self._run(words, (code,))

    def attempt(self, *words: str) -> Any:
        """Run a command that may have to leave something unchanged."""
        return self._run(words, (0, 4))

    def on(self, command: str, guest: guests.Guest, *words: str,
           code: int = 0) -> Any:
        """Run a command for one guest that Nova does not know."""
        return self.run(command, *chosen(guest), *words, code=code)

    def states(self, guest: guests.Guest, code: int = 0) -> dict[str, str]:
        """Return the ``status`` of a guest's copies, keyed by store."""
        told = self.on('status', guest, code=code)
        return {record['store']: record['state']
                for record in told['records']}

    def judge(self, *those: guests.Guest, code: int = 0
              ) -> list[tuple[str, str]]:
        """Return state and evidence of the persistent XML of each guest."""
        told = self.run('status', *chosen(*those), code=code)
        found = {record['instance']: record for record in told['records']
                 if record['store'] == 'domain'}
        return [(found[guest.uuid]['state'],
                 found[guest.uuid]['evidence']['kind']) for guest in those]

    def opens(self, guest: guests.Guest, code: int = 0) -> dict[str, bool]:
        """Return the ``verify`` result of a guest's copies, keyed by store."""
        told = self.on('verify', guest, code=code)
        return {disk['store']: disk['opened'] for disk in told['disks']}

    def _run(self, words: Sequence[str], codes: Sequence[int]) -> Any:
        done = subprocess.run(
            [*self._on.enter(), 'rbd-mon-fix', *self._options, *words, '-f',
             'json'], text=True, env=self._environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, timeout=WITHIN, check=False)
        assert done.returncode in codes, (
            f'rbd-mon-fix {" ".join(words)} ended with {done.returncode}, '
            f'not {codes}:\n{done.stderr}\n{done.stdout}')
        return json.loads(done.stdout)


def chosen(*those: guests.Guest) -> tuple[str, ...]:
    """Return the options that select guests that Nova does not know."""
    return ('--host', HOST, '--unmanaged', *(
        word for guest in those for word in ('--instance', guest.uuid)))
