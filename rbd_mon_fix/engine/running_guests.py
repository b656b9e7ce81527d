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

"""``guests``: the running guests of this machine and their monitors."""

from __future__ import annotations

import dataclasses
import itertools
from typing import Callable, Iterator, Mapping, Optional, Sequence

from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import judging
from rbd_mon_fix.engine import scan as scans
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.guest import Guest
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy


@dataclasses.dataclass(frozen=True)
class GuestReport:
    """A running guest and its monitors.

    :param name: the name of its server; '' if it is unknown
    :param launched_with: the addresses on the guest's command line
    :param connected_to: None if this user may not see the connections
    :param is_domain: False for a process that is no running domain of this
        libvirt; its state is unknown
    :param lost: the names of the clusters of which it has lost the monitors
    """

    host: str
    guest: Guest
    name: str
    launched_with: tuple[MonAddr, ...]
    connected_to: Optional[tuple[MonAddr, ...]]
    state: GuestState
    is_domain: bool = True
    lost: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class GuestsResult:
    """The running guests of a host.

    :param host: this machine, as Nova names it
    :param guests: guests that have an RBD disk or were launched with one
    :param closed: number of guests whose connections this user may not see
    :param hidden: number of running domains whose process cannot be seen
    :param clusters: the clusters that the config names
    """

    host: str
    guests: tuple[GuestReport, ...]
    closed: int
    hidden: int
    clusters: tuple[Cluster, ...]

    @property
    def stranded(self) -> list[str]:
        """Return the UUIDs of guests that have lost their monitors."""
        return [report.guest.instance for report in self.guests
                if report.guest.instance
                and report.state is GuestState.STRANDED]

    @property
    def not_judged(self) -> int:
        """Return the number of running domains whose state is unknown."""
        return self.hidden + sum(
            report.is_domain and report.state is GuestState.UNKNOWN
            for report in self.guests)


def guests(context: contexts.Context,
           request: selections.ScanRequest,
           hear: Callable[[Sequence[Copy]], object] = lambda copies: None
           ) -> GuestsResult:
    """Examine the QEMU processes of this machine.

    :param hear: called with the copies of each server
    :raises ConfigError: a host is not this machine
    :raises Unreachable: libvirt or a database cannot be reached
    """
    context.begin_search()
    selection = selections.select(request, context)
    context.local_host.require(selection.hosts, 'guests')
    host = selection.hosts[0]
    watch = connectivity.Watch(context, host)
    judge = judging.Judge(context, selection)
    names: dict[str, str] = {}
    for batch in scans.Scan(context, selection).batches():
        names.update((uuid, server.name)
                     for uuid, server in batch.scope.instances.items())
        for _, copies in itertools.groupby(
                judge.judge(batch).plan.copies,
                lambda copy: copy.locator.instance):
            found = list(copies)
            watch.add(found)
            hear(found)
    return examine(context, selection, host, watch, names)


def examine(context: contexts.Context, selection: selections.Selection,
            host: str, watch: connectivity.Watch, names: Mapping[str, str]
            ) -> GuestsResult:
    """Return the guests of this machine, once all copies are recorded.

    :param names: the names of servers by UUID
    :raises Unreachable: libvirt cannot be reached
    """
    seen = {guest.instance for guest in watch.guests}
    return GuestsResult(
        host, tuple(_reports(host, watch, selection, names)),
        sum(guest.peers is None for guest in watch.guests),
        sum(domain.active and domain.uuid not in seen
            for domain in context.hypervisor(host).domains()),
        context.clusters)


def _reports(host: str, watch: connectivity.Watch,
             selection: selections.Selection, names: Mapping[str, str]
             ) -> Iterator[GuestReport]:
    for guest in sorted(watch.guests, key=lambda guest: guest.pid):
        disks = watch.disks(guest)
        if selection.includes(guest.instance or '') and (
                disks or guest.disks):
            yield GuestReport(
                host, guest, names.get(guest.instance or '', ''),
                watch.launched_with(guest),
                watch.connected(guest), watch.state(guest, disks),
                watch.is_domain(guest), watch.lost(guest, disks))
