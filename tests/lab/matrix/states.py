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

from tests.lab.matrix import steps


@dataclasses.dataclass(frozen=True)
class State:
    """A state of a server.

    :param steps: from a running server
    :param runs: whether its guest runs
    """

    name: str
    steps: tuple[steps.Step, ...]
    runs: bool = False


STATES = {state.name: state for state in (
    State('active', (), runs=True),
    State('stopped', (steps.STOP,)),
    State('paused', (steps.PAUSE,)),
    State('suspended', (steps.SUSPEND,)),
    State('suspended-without-image', (steps.SUSPEND, steps.FORGET_IMAGE)),
    State('rescued', (steps.RESCUE,), runs=True),
    State('resized', (steps.RESIZE,), runs=True),
    State('resized-stopped', (steps.STOP, steps.RESIZE)),
    State('shelved', (steps.SHELVE,)),
    State('offloaded', (steps.SHELVE, steps.OFFLOAD)),
    State('soft-deleted', (steps.DELETE,)),
    State('error', (steps.FAIL,), runs=True),
)}
