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

"""The health of hosts, in numbers."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import Counter, Mapping, Optional

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import FindingKind
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.summary import Host
from rbd_mon_fix.model.summary import Summary


class Severity(str, enum.Enum):
    """How bad the state of all hosts together is, for alarms."""

    OK = 'ok'
    WARNING = 'warning'
    CRITICAL = 'critical'
    UNKNOWN = 'unknown'


@dataclasses.dataclass(frozen=True)
class HostHealth:
    """Counts of one host; the counters grow server by server.

    :param copies: by cluster ('' if unknown), store and state; not those
        that servers of other hosts left behind, nor of transient domains
    :param guests: None if this machine is another one
    """

    name: str
    summary: Summary = dataclasses.field(default_factory=Summary)
    copies: Counter[tuple[str, str, State]] = dataclasses.field(
        default_factory=collections.Counter)
    findings: Counter[FindingKind] = dataclasses.field(
        default_factory=collections.Counter)
    guests: Optional[Counter[GuestState]] = None

    @property
    def servers(self) -> Host:
        """Return the counts of servers that are on the host itself."""
        return self.summary.hosts.get(self.name, Host())


@dataclasses.dataclass(frozen=True)
class Health:
    """The health of hosts and their guests.

    :param hosts: the hosts that were reached
    :param unreached: the other hosts
    :param answering: the endpoints that answer; None if none was asked
    :param not_judged: number of running guests whose state is unknown
    :param doubts: why lists of monitors are not certain, in sentences
    """

    summary: Summary
    hosts: Mapping[str, HostHealth]
    unreached: tuple[str, ...]
    clusters: tuple[Cluster, ...]
    answering: Optional[frozenset[MonAddr]]
    not_judged: int
    doubts: tuple[str, ...]

    @property
    def servers(self) -> int:
        """Return the number of servers, each on its host."""
        return sum(host.servers.servers for host in self.hosts.values())

    def copies(self, state: State) -> int:
        """Return the number of copies in a state, without leftovers."""
        return sum(count for host in self.hosts.values()
                   for (_, _, each), count in host.copies.items()
                   if each is state)

    @property
    def servers_lost(self) -> int:
        """Return how many would not come back after a power failure."""
        return sum(host.servers.lost for host in self.hosts.values())

    @property
    def needs_attention(self) -> bool:
        """Return whether anything is wrong or could not be judged."""
        return bool(self.summary.needs_attention or self.not_judged
                    or self.doubts)

    @property
    def severity(self) -> Severity:
        """Return the severity; what is certain outweighs what is not."""
        if (self.servers_lost or self.summary.found[Operation.START]
                or self.summary.stranded):
            return Severity.CRITICAL
        if self.unreached:
            return Severity.UNKNOWN
        return Severity.WARNING if self.needs_attention else Severity.OK
