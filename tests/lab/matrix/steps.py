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

"""The steps that states and operations consist of: one call to Nova each."""

from __future__ import annotations

import dataclasses
from typing import Callable

from lab import libvirtd
from tests.lab.matrix import cloud as clouds
from tests.lab.matrix import kinds

Call = Callable[[clouds.Cloud, clouds.Served], object]


@dataclasses.dataclass(frozen=True)
class Step:
    """A step.

    :param becomes: the state of the server after the step, as in
        nova/compute/vm_states.py; empty if it stays as it is
    :param recorded: whether Nova records the step among the server's actions
    """

    call: Call
    becomes: str = ''
    recorded: bool = True


def _nova(method: str, becomes: str, *words: object) -> Step:
    return Step(lambda cloud, served: getattr(
        cloud.user.nova.servers, method)(served.id, *words), becomes)


START = _nova('start', 'active')
STOP = _nova('stop', 'stopped')
SOFT_REBOOT = _nova('reboot', 'active', 'SOFT')
HARD_REBOOT = _nova('reboot', 'active', 'HARD')
PAUSE = _nova('pause', 'paused')
UNPAUSE = _nova('unpause', 'active')
SUSPEND = _nova('suspend', 'suspended')
RESUME = _nova('resume', 'active')
UNRESCUE = _nova('unrescue', 'active')
SNAPSHOT = _nova('create_image', '', 'matrix')
CONFIRM = _nova('confirm_resize', 'active')
REVERT = _nova('revert_resize', 'active')
SHELVE = _nova('shelve', 'shelved')
# Nova offloads a server that boots from a volume at once
# (nova/compute/api.py, shelve).
SHELVE_BOOTED = dataclasses.replace(SHELVE, becomes='shelved_offloaded')
OFFLOAD = _nova('shelve_offload', 'shelved_offloaded')
UNSHELVE = _nova('unshelve', 'active')
DELETE = _nova('delete', 'soft-delete')
RESTORE = _nova('restore', 'active')
# The guest goes on running.
FAIL = dataclasses.replace(
    _nova('reset_state', 'error', 'error'), recorded=False)
RESIZE = Step(lambda cloud, served: cloud.user.nova.servers.resize(
    served.id, cloud.larger(served.kind.flavor)), 'resized')
# Nova rescues a server that boots from a volume only with an image that asks
# for stable devices.
RESCUE = Step(lambda cloud, served: _rescue(
    cloud, served, stable=served.kind.booted), 'rescued')
RESCUE_STABLE = Step(lambda cloud, served: _rescue(
    cloud, served, stable=True), 'rescued')
ATTACH = Step(lambda cloud, served: cloud.user.nova.volumes
              .create_server_volume(served.id, cloud.spares.pop()))
DETACH = Step(lambda cloud, served: cloud.user.nova.volumes
              .delete_server_volume(served.id, cloud.volume_of(served)))
FORGET_IMAGE = Step(lambda cloud, served: libvirtd.virsh(
    'managedsave-remove', served.domain), recorded=False)


def rebuild(becomes: str) -> Step:
    """Return a rebuild, which leaves a stopped server stopped."""
    return Step(lambda cloud, served: cloud.user.nova.servers.rebuild(
        served.id, cloud.user.image), becomes)


def _rescue(cloud: clouds.Cloud, served: clouds.Served,
            stable: bool) -> None:
    cloud.user.nova.servers.rescue(
        served.id, image=cloud.stable_image if stable else None)


def spares_needed(steps: tuple[Step, ...]) -> int:
    """Return how many new volumes some steps need."""
    return steps.count(ATTACH)


def needs_volume(steps: tuple[Step, ...], kind: kinds.Kind) -> bool:
    """Return whether a kind lacks a volume that some steps need."""
    return DETACH in steps and not kind.has_volume
