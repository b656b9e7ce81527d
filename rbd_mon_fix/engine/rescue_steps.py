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

"""The steps of a rescue in place: whatever fails, the guest goes on."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import Callable, Iterable, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import rescue_commands as commands
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.rescue import DiskMove
from rbd_mon_fix.qemu import block_graph

# How often a guest is asked to go on; a command has 10 seconds.
_ATTEMPTS = 3

_STOPPED = 'The guest may be stopped: run "virsh resume". '
_NAMES = ('The guest is connected to the right monitors, but not under '
          'the names that libvirt knows: live-migrate it, or stop and start '
          'it, before a disk is detached.')


@dataclasses.dataclass(frozen=True)
class RescueOutcome:
    """How the steps ended.

    :param reason: what failed, and what remains; '' if all is well
    :param paused: seconds for which the guest was stopped
    """

    verdict: Verdict
    reason: str
    paused: float


class Rescue:
    """Moves the disks of one guest.

    :param ask: sends a command to QEMU
    :param reach: opens another way to QEMU, for a guest that must go on
    """

    def __init__(self, ask: block_graph.Ask,
                 reach: Callable[[], block_graph.Ask],
                 moves: Sequence[DiskMove]):
        self._ask = ask
        self._reach = reach
        self._moves = moves
        self._paused = 0.0
        self._is_stopped = False

    def carry_out(self) -> RescueOutcome:
        """Move the disks, and return how it ended.

        Until the guest has its new connections, a failure takes everything
        back. From then on, the guest keeps them.
        """
        first, last = commands.first(self._moves), commands.last(self._moves)
        failure = self._failure(lambda: self._move(first))
        if failure is not None:
            left = self._left(first.values())
            return self._outcome(Verdict.FAILED, failure, (
                f'These nodes remain: {", ".join(left)}.' if left else
                'Nothing remains of it.'))
        failure = self._failure(lambda: self._settle(first, last))
        if failure is not None:
            return self._outcome(Verdict.UNVERIFIED, failure, _NAMES)
        return RescueOutcome(Verdict.FIXED, '', self._paused)

    def _settle(self, first: dict[str, str], last: dict[str, str]) -> None:
        """Give the new connections the names of the old ones."""
        self._close(last.values())
        self._move(last)
        self._close(first.values())

    def _move(self, names: dict[str, str]) -> None:
        """Connect the images, and give the guest the connections."""
        for move in self._moves:
            self._ask(commands.connect(move, names[move.claim.target]))
        begun = time.monotonic()
        self._is_stopped = True
        try:
            self._ask(commands.STOP)
            self._ask(commands.switch(self._moves, names))
        finally:
            self._continue()
            self._paused += time.monotonic() - begun

    def _continue(self) -> None:
        """Let the guest go on.

        :raises RbdMonFixError: no attempt was successful
        """
        failure = self._failure(lambda: self._ask(commands.CONTINUE))
        for _ in range(_ATTEMPTS):
            if failure is None:
                self._is_stopped = False
                return
            failure = self._failure(
                lambda: self._reach()(commands.CONTINUE))
        raise exceptions.RbdMonFixError(
            f'The guest cannot be continued: {failure}')

    def _close(self, names: Iterable[str]) -> None:
        for name in names:
            self._ask(commands.remove(name))

    def _left(self, names: Iterable[str]) -> list[str]:
        """Close nodes as far as possible, and return the others.

        A node that was never made is refused, too.
        """
        for name in names:
            self._failure(functools.partial(self._ask,
                                            commands.remove(name)))
        found: dict[str, object] = {}

        def look() -> None:
            found.update(block_graph.graph(self._ask).nodes)

        if self._failure(look) is not None:
            return list(names)
        return [name for name in names if name in found]

    def _outcome(self, verdict: Verdict,
                 failure: exceptions.RbdMonFixError,
                 rest: str) -> RescueOutcome:
        stopped = _STOPPED if self._is_stopped else ''
        return RescueOutcome(
            verdict, f'{failure.message.rstrip(".")}. {stopped}{rest}',
            self._paused)

    def _failure(self, work: Callable[[], object]
                 ) -> Optional[exceptions.RbdMonFixError]:
        try:
            work()
        except exceptions.RbdMonFixError as error:
            return error
        return None
