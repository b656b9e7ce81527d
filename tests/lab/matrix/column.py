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

"""One column of the matrix: all cells of a kind of disk.

Each cell has two servers: the operation is tried on one after all monitors
were replaced, and on the other after ``refresh``. All servers of a batch do
the same step at the same time, so that those that wait for dead monitors wait
together.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Callable, Mapping, Sequence

from novaclient import exceptions

from lab import errors
from lab import guests
from lab import inside
from tests.lab.matrix import cells
from tests.lab.matrix import cloud as clouds
from tests.lab.matrix import steps
from tests.lab.matrix import watch
from tests.lab.scenarios import operator as operators
from tests.lab.scenarios.openstack import server

WORKS, FAILS, FELL_BACK = 'works', 'fails', 'falls back'
HOST = ('--host', operators.HOST)
COUNTS_WITHIN = 120
# Cells.
BATCH = 12

Servers = Mapping[cells.Cell, clouds.Served]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The outcome of a cell in a phase.

    :param predicted: by ``status``: 'works' or 'fails'
    :param happened: also 'falls back', for a soft reboot that became a hard
        one
    :param detail: the step that failed, and how
    """

    predicted: str
    happened: str
    detail: str = ''

    @property
    def as_predicted(self) -> bool:
        return (self.predicted == WORKS) == (self.happened == WORKS)


Outcomes = dict[tuple[cells.Cell, str], Outcome]


class Column:
    """Runs the cells of a kind of disk.

    :param keep: gets the outcomes of each batch
    """

    def __init__(self, lab: inside.Lab, cloud: clouds.Cloud,
                 operator: operators.Operator,
                 keep: Callable[[Outcomes], None]):
        self._lab = lab
        self._cloud = cloud
        self._operator = operator
        self._keep = keep
        self._failed: dict[cells.Cell, str] = {}

    def run(self, those: Sequence[cells.Cell]) -> Outcomes:
        """Try all cells, and return what was predicted and what happened.

        More guests than those of a batch would keep the lab from its work.
        """
        outcomes: Outcomes = {}
        for start in range(0, len(those), BATCH):
            found = self._run(those[start:start + BATCH])
            self._keep(found)
            outcomes.update(found)
        return outcomes

    def _run(self, those: Sequence[cells.Cell]) -> Outcomes:
        self._cloud.clear()
        made = self._cloud.create(those[0].kind, 2 * len(those))
        phases = {phase: dict(zip(those, made[number::2]))
                  for number, phase in enumerate(cells.PHASES)}
        for servers in phases.values():
            self._reach_states(servers)
        self._lab.move_monitors(())
        outcomes = self._phase('before', phases['before'])
        self._operator.attempt('refresh', *HOST)
        return {**outcomes, **self._phase('after', phases['after'])}

    def _reach_states(self, servers: Servers) -> None:
        self._failed = {}
        self._perform(servers, lambda cell: cell.state.steps_of(cell.kind))
        self._check_counting({cell: served for cell, served
                              in servers.items() if cell.state.runs})
        if self._failed:
            raise errors.LabError('\n'.join(
                f'{cell.name}: {servers[cell].id} does not get into its '
                f'state: {why}' for cell, why in self._failed.items()))

    def _phase(self, phase: str, servers: Servers) -> Outcomes:
        predicted = self._predictions(servers)
        self._failed = {}
        self._cloud.stock(sum(
            steps.spares_needed(cell.operation.steps) for cell in servers))
        self._perform(servers, lambda cell: cell.operation.steps)
        self._check_counting({
            cell: served for cell, served in servers.items()
            if cell.runs_after and cell not in self._failed})
        return {(cell, phase): self._outcome(cell, served, predicted[cell])
                for cell, served in servers.items()}

    def _predictions(self, servers: Servers) -> dict[cells.Cell, str]:
        """Ask ``status`` once, and return the prediction of each cell."""
        broken: dict[str, set[str]] = {}
        told = self._operator.run('status', *HOST, code=1)
        for record in told['records']:
            broken.setdefault(record['instance'], set()).update(
                record['breaks'])
        return {cell: FAILS if cell.operation.predicted_by in broken.get(
            served.id, ()) else WORKS for cell, served in servers.items()}

    def _perform(self, servers: Servers, steps_of: Callable[
            [cells.Cell], Sequence[steps.Step]]) -> None:
        """Let the servers do their steps, the first of all first."""
        number = 0
        while True:
            step = {cell: steps_of(cell)[number] for cell in servers
                    if number < len(steps_of(cell))
                    and cell not in self._failed}
            if not step:
                return
            self._do(number + 1, step, servers)
            number += 1

    def _do(self, number: int, those: Mapping[cells.Cell, steps.Step],
            servers: Servers) -> None:
        before = watch.servers()
        waiting = {}
        for cell, step in those.items():
            served = servers[cell]
            try:
                step.call(self._cloud, served)
            except exceptions.ClientException as error:
                self._failed[cell] = f'step {number} was refused: {error}'
                continue
            waiting[served.id] = functools.partial(
                watch.Seen.ended_after, action=before[served.id].action
            ) if step.recorded else lambda seen: seen.idle
        now = watch.wait(waiting)
        for cell, step in those.items():
            seen = now.get(servers[cell].id)
            expected = step.becomes or before[servers[cell].id].state
            if seen and ((step.recorded and seen.failed)
                         or seen.state != expected):
                self._failed[cell] = (
                    f'step {number}: {seen.state} instead of {expected}, '
                    f'{seen.failed} events failed')

    def _check_counting(self, servers: Servers) -> None:
        """Check that guests write to their disks."""
        consoles = {cell: server.INSTANCES / served.id / 'console.log'
                    for cell, served in servers.items()}
        first = {cell: guests.count(path)
                 for cell, path in consoles.items()}
        silent = watch.until(lambda: [
            cell for cell, path in consoles.items()
            if guests.count(path) in (None, first[cell])], COUNTS_WITHIN)
        for cell in silent:
            self._failed[cell] = 'the guest does not count'

    def _outcome(self, cell: cells.Cell, served: clouds.Served,
                 predicted: str) -> Outcome:
        why = self._failed.get(cell, '')
        happened = FAILS if why else WORKS
        if (not why and cell.operation.steps == (steps.SOFT_REBOOT,)
                and self._fell_back(served)):
            happened = FELL_BACK
        return Outcome(predicted, happened, why)

    def _fell_back(self, served: clouds.Served) -> bool:
        """Return whether Nova's soft reboot became a hard one."""
        log = self._lab.services.log('nova-compute')
        with open(log, errors='replace') as lines:
            return any('Failed to soft reboot instance' in line
                       and served.id in line for line in lines)
