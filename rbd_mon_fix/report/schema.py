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

"""What every machine format tells of one copy: the JSON contract."""

from __future__ import annotations

import enum
from typing import Iterator, Sequence

from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import outcome_of

VERSION = 1

_COLUMNS = ('host', 'instance', 'vm_state', 'task_state', 'store', 'key',
            'disk', 'image', 'cluster', 'monitors', 'desired', 'state',
            'skip', 'breaks', 'reason')


class Kind(str, enum.Enum):
    """What a report is about."""

    STATUS = 'status'
    DRY_RUN = 'dry-run'
    REFRESH = 'refresh'
    ROLLBACK = 'rollback'

    @property
    def tells_outcome(self) -> bool:
        """Tell whether the command is one that writes when it is let."""
        return self is not Kind.STATUS


def columns(kind: Kind) -> tuple[str, ...]:
    """Return the keys of a record, in their order."""
    return (*_COLUMNS, 'outcome') if kind.tells_outcome else _COLUMNS


def rows(kind: Kind, copies: Sequence[Copy],
         outcomes: Outcomes) -> Iterator[dict[str, object]]:
    """Yield the record of each copy.

    :param outcomes: what became of the changes; None where none was made
    """
    for copy in copies:
        outcome = outcome_of(copy, outcomes)
        row = _row(copy)
        row['reason'] = (outcome and outcome.reason) or copy.note or None
        if kind.tells_outcome:
            row['outcome'] = outcome and outcome.verdict.value
        yield row


def finding(found: Finding) -> dict[str, object]:
    """Return an entry of ``findings``."""
    return {'kind': found.kind.value, 'host': found.host,
            'subject': found.subject,
            'monitors': [str(addr) for addr in found.monitors],
            'desired': [str(addr) for addr in found.desired],
            'advice': found.advice}


def _row(copy: Copy) -> dict[str, object]:
    disk = copy.disk
    return {
        'host': copy.locator.host,
        'instance': copy.locator.instance,
        'vm_state': copy.instance.vm_state,
        'task_state': copy.instance.task_state,
        'store': copy.locator.store,
        'key': copy.locator.key,
        'disk': copy.device,
        'image': disk.image if disk else None,
        'cluster': copy.cluster,
        'monitors': [str(addr) for addr in disk.monitors] if disk else [],
        'desired': [str(addr) for addr in copy.desired],
        'state': copy.state.value,
        'skip': copy.skip.value if copy.skip else None,
        'breaks': [operation.value for operation in copy.breaks],
    }
