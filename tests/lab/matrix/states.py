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

"""The states of servers, and how a running server gets there."""

from __future__ import annotations

import dataclasses

from tests.lab.matrix import kinds
from tests.lab.matrix import steps as steps_module


@dataclasses.dataclass(frozen=True)
class State:
    """A state of a server.

    :param steps: from a running server
    :param runs: whether its guest runs
    """

    name: str
    steps: tuple[steps_module.Step, ...]
    runs: bool = False

    def is_of(self, kind: kinds.Kind) -> bool:
        """Return whether servers with a kind of disk get into the state."""
        return not (kind.booted and self.steps == (steps_module.SHELVE,))

    def steps_of(self, kind: kinds.Kind) -> tuple[steps_module.Step, ...]:
        """Return the steps of servers with a kind of disk."""
        if kind.booted and steps_module.SHELVE in self.steps:
            return (steps_module.SHELVE_BOOTED,)
        return self.steps


STATES = {state.name: state for state in (
    State('active', (), runs=True),
    State('stopped', (steps_module.STOP,)),
    State('paused', (steps_module.PAUSE,)),
    State('suspended', (steps_module.SUSPEND,)),
    State('suspended-without-image',
          (steps_module.SUSPEND, steps_module.FORGET_IMAGE)),
    State('rescued', (steps_module.RESCUE,), runs=True),
    State('resized', (steps_module.RESIZE,), runs=True),
    State('resized-stopped', (steps_module.STOP, steps_module.RESIZE)),
    State('shelved', (steps_module.SHELVE,)),
    State('offloaded', (steps_module.SHELVE, steps_module.OFFLOAD)),
    State('soft-deleted', (steps_module.DELETE,)),
    State('error', (steps_module.FAIL,), runs=True),
)}
