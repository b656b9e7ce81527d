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

"""The operations that Nova allows in each state.

The states are those of ``check_instance_state`` in nova/compute/api.py. An
operation that leaves a server off, or hands its addresses on, goes on with the
way back, as its user would.
"""

from __future__ import annotations

import dataclasses
from typing import Optional

from rbd_mon_fix.model import plan
from tests.lab.matrix import kinds
from tests.lab.matrix import steps

WITH_ATTACHMENTS = ('active', 'paused', 'stopped', 'resized', 'shelved')


@dataclasses.dataclass(frozen=True)
class Operation:
    """An operation.

    :param states: in which it is tried
    :param predicted_by: rbd-mon-fix's name of it; None if rbd-mon-fix says
        that it never fails
    :param runs: whether the guest runs afterwards; None if as before
    :param booted: whether it is one of servers that boot from a volume; None
        if it is one of all
    """

    name: str
    states: tuple[str, ...]
    steps: tuple[steps.Step, ...]
    predicted_by: Optional[plan.Operation] = None
    runs: Optional[bool] = True
    booted: Optional[bool] = None

    def is_of(self, kind: kinds.Kind) -> bool:
        """Return whether servers with a kind of disk have the operation."""
        if steps.needs_volume(self.steps, kind) or self.booted not in (
                None, kind.booted):
            return False
        if not kind.booted:
            return True
        # A rescue is always one with stable devices; Cinder alone takes the
        # snapshot; a new root needs API 2.93.
        return self.name not in ('rescue with stable devices, unrescue',
                                 'snapshot', 'rebuild', 'rebuild (stopped)')


OPERATIONS = (
    Operation('start', ('stopped',), (steps.START,), plan.Operation.START),
    Operation('stop, start', ('active', 'error'), (steps.STOP, steps.START),
              plan.Operation.START),
    Operation('soft reboot', ('active',), (steps.SOFT_REBOOT,),
              plan.Operation.SOFT_REBOOT),
    Operation('hard reboot', (
        'active', 'stopped', 'paused', 'suspended',
        'suspended-without-image', 'error'), (steps.HARD_REBOOT,),
        plan.Operation.HARD_REBOOT),
    Operation('pause, unpause', ('active',), (steps.PAUSE, steps.UNPAUSE)),
    Operation('unpause', ('paused',), (steps.UNPAUSE,)),
    Operation('suspend, resume', ('active',), (steps.SUSPEND, steps.RESUME),
              plan.Operation.SUSPEND),
    Operation('resume', ('suspended', 'suspended-without-image'),
              (steps.RESUME,), plan.Operation.RESUME),
    Operation('rescue, unrescue', ('active', 'stopped', 'error'),
              (steps.RESCUE, steps.UNRESCUE), plan.Operation.RESCUE),
    Operation('rescue with stable devices, unrescue',
              ('active', 'stopped', 'error'),
              (steps.RESCUE_STABLE, steps.UNRESCUE), plan.Operation.RESCUE),
    Operation('unrescue', ('rescued',), (steps.UNRESCUE,),
              plan.Operation.UNRESCUE),
    Operation('snapshot', ('active', 'paused', 'stopped', 'suspended'),
              (steps.SNAPSHOT,), plan.Operation.SNAPSHOT, runs=None),
    Operation('resize', ('active', 'stopped'), (steps.RESIZE,), runs=None),
    Operation('confirm', ('resized',), (steps.CONFIRM,)),
    Operation('revert', ('resized',), (steps.REVERT,),
              plan.Operation.REVERT),
    Operation('revert, start', ('resized-stopped',), (
        dataclasses.replace(steps.REVERT, becomes='stopped'), steps.START),
        plan.Operation.REVERT),
    Operation('rebuild', ('active', 'error'), (steps.rebuild('active'),)),
    Operation('rebuild (stopped)', ('stopped',),
              (steps.rebuild('stopped'),), runs=False),
    Operation('shelve, unshelve', ('active', 'stopped', 'paused',
                                   'suspended'),
              (steps.SHELVE, steps.UNSHELVE), plan.Operation.START,
              booted=False),
    Operation('shelve, unshelve', ('active', 'stopped', 'paused',
                                   'suspended'),
              (steps.SHELVE_BOOTED, steps.UNSHELVE), booted=True),
    Operation('unshelve', ('shelved', 'offloaded'), (steps.UNSHELVE,),
              plan.Operation.START),
    Operation('offload, unshelve', ('shelved',),
              (steps.OFFLOAD, steps.UNSHELVE)),
    Operation('delete, restore', ('active', 'stopped'),
              (steps.DELETE, steps.RESTORE), plan.Operation.START),
    Operation('restore', ('soft-deleted',), (steps.RESTORE,),
              plan.Operation.START),
    Operation('attach', WITH_ATTACHMENTS, (steps.ATTACH,), runs=None),
    Operation('detach', WITH_ATTACHMENTS, (steps.DETACH,), runs=None),
)

# What Nova allows too, and why it is not tried.
NOT_TRIED = {
    'live migration, evacuation': 'needs a second host',
    'swap of a volume': 'Nova refuses it for rbd (driver.py, swap_volume: '
                        '"Swap only supports host devices")',
    'backup': 'a snapshot that Nova removes again',
    'snapshot that is not direct': 'Glance of the lab allows direct ones',
    'boot of the host': 'the lab has one host, with everything on it',
    'snapshot of a server that boots from a volume': 'Cinder alone takes it',
    'rebuild of a server that boots from a volume': 'needs API 2.93',
    'deletion in other states': 'restore starts the server as in those here',
}
