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

"""Wait for Nova, by its database: one query sees all servers.

Asking Nova's API for a hundred servers every second would keep the lab from
its work.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Callable, Iterable, Mapping, TypeVar

from lab import errors
from lab.openstack import backing

Left = TypeVar('Left')
# Seconds in which nothing changed.
STUCK_AFTER = 240
EVERY = 0.5
# The newest action of each server, and how its events ended.
QUERY = '''
SELECT i.uuid, i.id, i.vm_state, COALESCE(i.task_state, '-'),
       COALESCE(a.id, 0), COUNT(e.id),
       SUM(e.id IS NOT NULL AND e.finish_time IS NULL),
       COALESCE(SUM(e.result = 'Error'), 0)
FROM nova.instances i
LEFT JOIN nova.instance_actions a ON a.id = (
    SELECT MAX(id) FROM nova.instance_actions
    WHERE instance_uuid = i.uuid)
LEFT JOIN nova.instance_actions_events e ON e.action_id = a.id
WHERE i.deleted = 0 GROUP BY i.uuid
'''


@dataclasses.dataclass(frozen=True)
class Seen:
    """A server in Nova's database.

    :param number: the ID of its row
    :param task: '-' for none
    :param action: the number of its newest action
    :param events: how many events the action has
    :param unfinished: how many of these have not ended
    :param failed: how many of these failed
    """

    number: int
    state: str
    task: str
    action: int
    events: int
    unfinished: int
    failed: int

    @property
    def domain(self) -> str:
        """Return its name in libvirt."""
        return f'instance-{self.number:08x}'

    @property
    def idle(self) -> bool:
        """Return whether Nova does nothing with it."""
        return self.task == '-' and not self.unfinished

    def ended_after(self, action: int) -> bool:
        """Return whether an action after another one has ended."""
        return self.action > action and self.events > 0 and self.idle


def servers() -> dict[str, Seen]:
    """Return all servers by their UUIDs."""
    found = {}
    for line in backing.sql(QUERY).splitlines():
        uuid, number, state, task, *counts = line.split('\t')
        found[uuid] = Seen(int(number), state, task, *map(int, counts))
    return found


def wait(those: Mapping[str, Callable[[Seen], bool]]) -> dict[str, Seen]:
    """Wait until each server fulfills its condition.

    :param those: the conditions by UUID
    :raises LabError: nothing has changed for minutes
    """
    before: dict[str, Seen] = {}
    changed = time.monotonic()
    while True:
        now = servers()
        late = [uuid for uuid, done in those.items()
                if uuid not in now or not done(now[uuid])]
        if not late:
            return {uuid: now[uuid] for uuid in those}
        if now != before:
            before, changed = now, time.monotonic()
        if time.monotonic() - changed > STUCK_AFTER:
            raise errors.LabError(
                f'nothing has changed for {STUCK_AFTER} seconds, and Nova '
                f'works on:\n{_shown(late, now)}')
        time.sleep(EVERY)


def built(name: str, number: int) -> list[str]:
    """Wait until servers with a name prefix are built; return their UUIDs.

    :raises LabError: one of them cannot be built
    """
    def named() -> list[str]:
        return backing.sql(
            'SELECT uuid FROM nova.instances WHERE deleted = 0 AND '
            f"display_name LIKE '{name}-%'").split()

    start = time.monotonic()
    while len(named()) < number:
        if time.monotonic() - start > STUCK_AFTER:
            raise errors.LabError(
                f'{len(named())} of {number} servers are scheduled after '
                f'{STUCK_AFTER} seconds')
        time.sleep(EVERY)
    now = wait({uuid: lambda seen: seen.idle and seen.state != 'building'
                for uuid in named()})
    wrong = [uuid for uuid, seen in now.items() if seen.state != 'active']
    if wrong:
        raise errors.LabError(f'not built:\n{_shown(wrong, now)}')
    return list(now)


def _shown(those: Iterable[str], now: Mapping[str, Seen]) -> str:
    return '\n'.join(f'{uuid} {now.get(uuid, "gone")}' for uuid in those)


def until(left: Callable[[], list[Left]], within: float) -> list[Left]:
    """Wait until nothing is left, and return what is left in the end.

    :param within: seconds
    """
    start = time.monotonic()
    while left() and time.monotonic() - start < within:
        time.sleep(EVERY)
    return left()
