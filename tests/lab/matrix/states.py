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
from tests.lab.matrix import steps as each


@dataclasses.dataclass(frozen=True)
class State:
    """A state of a server.

    :param steps: from a running server
    :param runs: whether its guest runs
    """

    name: str
    steps: tuple[each.Step, ...]
    runs: bool = False

    def is_of(self, kind: kinds.Kind) -> bool:
        """Return whether servers with a kind of disk get into the state."""
        return not (kind.booted and self.steps == (each.SHELVE,))

    def steps_of(self, kind: kinds.Kind) -> tuple[each.Step, ...]:
        """Return the steps of servers with a kind of disk."""
        if kind.booted and each.SHELVE in self.steps:
            return (each.SHELVE_BOOTED,)
        return self.steps


STATES = {state.name: state for state in (
    State('active', (), runs=True),
    State('stopped', (each.STOP,)),
    State('paused', (each.PAUSE,)),
    State('suspended', (each.SUSPEND,)),
    State('suspended-without-image', (each.SUSPEND, each.FORGET_IMAGE)),
    State('rescued', (each.RESCUE,), runs=True),
    State('resized', (each.RESIZE,), runs=True),
    State('resized-stopped', (each.STOP, each.RESIZE)),
    State('shelved', (each.SHELVE,)),
    State('offloaded', (each.SHELVE, each.OFFLOAD)),
    State('soft-deleted', (each.DELETE,)),
    State('error', (each.FAIL,), runs=True),
)}
