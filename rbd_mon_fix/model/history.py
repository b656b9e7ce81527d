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

"""The monmap history of a cluster, epoch by epoch.

Ceph's monitors keep every epoch and never trim them: MonmapMonitor inherits
``PaxosService::get_trim_to``, which returns 0 (src/mon/PaxosService.h).
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Iterable, Optional

from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.monmap import MonMap


@dataclasses.dataclass(frozen=True)
class MonEpoch:
    """One epoch of a monmap.

    :param modified: creation time, ISO 8601; '' if it is unknown
    """

    epoch: int
    modified: str
    monmap: MonMap


@dataclasses.dataclass(frozen=True)
class FormerMonitor:
    """A monitor that left the monmap, or moved to other addresses.

    :param name: name in the monmap; '' if only addresses are known
    :param first: the first known epoch with these addresses
    :param last: the last known epoch with these addresses
    :param until: creation time of the next known epoch; '' if it is unknown
    """

    name: str
    addrs: tuple[MonAddr, ...]
    first: int
    last: int
    until: str = ''

    def __str__(self) -> str:
        name = f'mon.{self.name}' if self.name else 'a former monitor'
        return f'{name} until {self.until[:10]}' if self.until else name


@dataclasses.dataclass(frozen=True)
class MonHistory:
    """The known monmap epochs of one cluster.

    :param epochs: sorted by number, the current epoch last
    """

    epochs: tuple[MonEpoch, ...] = ()

    def merged(self, more: Iterable[MonEpoch]) -> MonHistory:
        """Return a history that includes more epochs."""
        known = {each.epoch: each for each in (*self.epochs, *more)}
        return MonHistory(tuple(known[epoch] for epoch in sorted(known)))

    @property
    def span(self) -> Optional[tuple[int, int]]:
        """Return the first and last known epoch; None without any."""
        if not self.epochs:
            return None
        return self.epochs[0].epoch, self.epochs[-1].epoch

    @functools.cached_property
    def former(self) -> tuple[FormerMonitor, ...]:
        """Return the former monitors, latest first."""
        return self.before(self.epochs[-1].monmap) if self.epochs else ()

    def before(self, monmap: MonMap) -> tuple[FormerMonitor, ...]:
        """Return the monitors that are not in a monmap, latest first.

        :param monmap: the present monitors, which may lack names
        """
        present = _places(monmap)
        seen: dict[tuple[str, frozenset[MonAddr]], FormerMonitor] = {}
        for index, each in enumerate(self.epochs):
            for monitor in each.monmap.monitors:
                key = monitor.name, frozenset(monitor.addrs)
                if present.isdisjoint({key, ('', key[1])}):
                    seen[key] = self._former(monitor, index, seen.get(key))
        return tuple(sorted(seen.values(), key=lambda each: -each.last))

    def _former(self, monitor: Monitor, index: int,
                before: Optional[FormerMonitor]) -> FormerMonitor:
        epoch = self.epochs[index].epoch
        after = self.epochs[index + 1:index + 2]
        return FormerMonitor(
            monitor.name, monitor.addrs, before.first if before else epoch,
            epoch, after[0].modified if after else '')


def _places(monmap: MonMap) -> set[tuple[str, frozenset[MonAddr]]]:
    return {(monitor.name, frozenset(monitor.addrs))
            for monitor in monmap.monitors}
