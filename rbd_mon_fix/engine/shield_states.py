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

"""The states of the sections that cephx users of a host have."""

from __future__ import annotations

import dataclasses
import enum
from typing import Iterable, Iterator, Mapping, Optional

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.shield import Override
from rbd_mon_fix.model.shield import ShieldPlan

_CUT_OFF = ("The run that wrote it was cut off; 'shield refresh' proves the "
            'section, or removes it.')


class ShieldState(str, enum.Enum):
    """The state of the section of a cephx user."""

    SHIELDED = 'shielded'
    OUTDATED = 'outdated'
    MISSING = 'missing'
    BARRED = 'barred'
    NOT_PROVEN = 'not proven'


@dataclasses.dataclass(frozen=True)
class ShieldedUser:
    """A cephx user of this host and its section.

    :param user: None for disks without a cephx user
    :param fsid: the cluster of the section; None without a section
    :param addrs: the addresses in the section; empty without a section
    :param note: the reason if it is barred or not proven, or ''
    """

    user: Optional[str]
    state: ShieldState
    fsid: Optional[str]
    addrs: tuple[MonAddr, ...]
    note: str

    @property
    def fine(self) -> bool:
        """Return whether this user needs no action."""
        return self.state is ShieldState.SHIELDED


def users(plan: ShieldPlan, now: Iterable[Override],
          failures: Mapping[str, str]) -> Iterator[ShieldedUser]:
    """Yield the users of a host with the sections that they have now.

    :param plan: the sections that all users should have
    :param failures: QEMU's error for each user that was not proven
    """
    has = {each.user: each for each in now}
    right = {each.user: each for each in plan.overrides}
    barred = {each.user or '': each for each in plan.barred}
    for name in sorted({*barred, *right}):
        section = has.get(name)
        state, note = ShieldState.SHIELDED, ''
        if name in failures:
            state, note = ShieldState.NOT_PROVEN, failures[name]
        elif section and not section.is_proven:
            state, note = ShieldState.NOT_PROVEN, _CUT_OFF
        elif name in barred:
            state, note = ShieldState.BARRED, barred[name].detail
        elif section is None:
            state = ShieldState.MISSING
        elif section != right[name]:
            state = ShieldState.OUTDATED
        yield ShieldedUser(
            name or None, state, section.fsid if section else None,
            section.addrs if section else (), note)
