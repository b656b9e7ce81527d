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

"""The cells of the matrix, and those that rbd-mon-fix does not predict."""

from __future__ import annotations

import dataclasses
from typing import Optional

from tests.lab.matrix import kinds
from tests.lab.matrix import operations
from tests.lab.matrix import states

PHASES = ('before', 'after')
STATE_NAMES = tuple(states.STATES)


@dataclasses.dataclass(frozen=True)
class Cell:
    """An operation on a server with a kind of disk, in a state."""

    kind: kinds.Kind
    state: states.State
    operation: operations.Operation

    @property
    def name(self) -> str:
        return f'{self.kind.name}-{self.state.name}-{self.operation.name}'

    @property
    def runs_after(self) -> bool:
        """Return whether the guest runs after the operation."""
        runs = self.operation.runs
        return self.state.runs if runs is None else runs


CELLS = tuple(
    Cell(kind, states.STATES[state], operation)
    for kind in kinds.KINDS for operation in operations.OPERATIONS
    for state in operation.states
    if operation.is_of(kind) and states.STATES[state].is_of(kind))


@dataclasses.dataclass(frozen=True)
class Unpredicted:
    """Cells that rbd-mon-fix does not predict.

    :param phase: before or after the refresh; empty for both
    :param predicted: by ``status``
    :param kinds: of the disk; empty for all
    """

    operation: str
    states: tuple[str, ...]
    predicted: str
    happened: str
    reason: str
    phase: str = ''
    kinds: tuple[str, ...] = ()

    def covers(self, cell: Cell, phase: str, predicted: str,
               happened: str) -> bool:
        """Return whether it explains an outcome."""
        return (self.operation == cell.operation.name
                and cell.state.name in self.states
                and self.phase in ('', phase)
                and cell.kind.name in (self.kinds or (cell.kind.name,))
                and (predicted, happened) == (self.predicted, self.happened))


UNPREDICTED: tuple[Unpredicted, ...] = (
    *(Unpredicted(
        operation, (state,), 'fails', 'works',
        'Whether the server came from another cell is not known; only then '
        'the revert reads nova-bdm', 'before')
        for operation, state in (('revert', 'resized'),
                                 ('revert, start', 'resized-stopped'))),
    Unpredicted(
        'snapshot', ('active', 'paused'), 'fails', 'works',
        'Glance decides whether the snapshot is direct; only if it is not, '
        'Nova suspends the guest and resumes it'),
    Unpredicted(
        'shelve, unshelve', ('suspended',), 'works', 'fails',
        '``status`` says what fails in the state that the server is in: in '
        'this one the hard reboot, and start once the server is shelved',
        'before'),
    Unpredicted(
        'detach', ('active', 'paused', 'resized'), 'works', 'fails',
        'libvirt detaches no CD-ROM from a running guest, whatever the '
        'addresses (qemu_hotplug.c, qemuDomainDetachPrepDisk)',
        kinds=('cdrom',)),
    Unpredicted(
        'detach', ('paused',), 'works', 'fails',
        'A paused guest does not release the device, whatever the addresses '
        '(driver.py, _detach_from_live_with_retry)'),
)


def unpredicted(cell: Cell, phase: str, predicted: str,
                happened: str) -> Optional[Unpredicted]:
    """Return the reason why an outcome was not predicted, if known."""
    for entry in UNPREDICTED:
        if entry.covers(cell, phase, predicted, happened):
            return entry
    return None
