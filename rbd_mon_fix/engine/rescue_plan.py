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

"""``guests --rescue``: whether a guest is stranded, and may be moved."""

from __future__ import annotations

import dataclasses
import functools
import time
from typing import Iterator, Optional, Sequence

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.core import guard
from rbd_mon_fix.core import rescue as rules
from rbd_mon_fix.core import rescue_claims
from rbd_mon_fix.core import rescue_commands
from rbd_mon_fix.documents import live_disks
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import running_guests
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.rescue import DiskClaim
from rbd_mon_fix.model.rescue import DiskMove
from rbd_mon_fix.model.rescue import LiveDisk
from rbd_mon_fix.model.rescue import QemuState
from rbd_mon_fix.model.rescue import QmpCommand
from rbd_mon_fix.model.rescue import Refusal
from rbd_mon_fix.qemu import block_graph
from rbd_mon_fix.state import known_clusters

# Seconds between two looks at the connections of a guest, as for the census:
# a client whose monitor has stopped finds another one within three.
APART = 5.0
# Seconds between two looks at its requests.
_PAUSE = 0.25


@dataclasses.dataclass(frozen=True)
class RescueRequest:
    """The guest to rescue, by UUID or by a name that no other guest has.

    :param hosts: this compute host, as Nova names it; empty for this machine
    """

    server: str
    hosts: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class RescuePlan:
    """Whether a guest is stranded, and the moves of its disks.

    :param copies: of its domain, persistent and live
    :param moves: the disks that can be moved; they are moved together
    :param refusals: the reasons against it; without one, it can be done
    """

    report: running_guests.GuestReport
    server: Instance
    clusters: tuple[Cluster, ...]
    copies: tuple[Copy, ...]
    moves: tuple[DiskMove, ...]
    refusals: tuple[Refusal, ...]

    @property
    def is_stranded(self) -> bool:
        """Return whether the guest has lost its monitors."""
        return self.report.state is GuestState.STRANDED

    @property
    def follows(self) -> bool:
        """Return whether the guest follows its monitors."""
        return self.report.state is GuestState.FOLLOWING

    @property
    def commands(self) -> tuple[QmpCommand, ...]:
        """Return what QEMU would get; nothing if there is a refusal."""
        return (tuple(rescue_commands.everything(self.moves))
                if self.can_be_done else ())

    @property
    def domain(self) -> str:
        """Return libvirt's name of the guest, or its UUID."""
        return self.report.name or self.server.uuid

    @property
    def can_be_done(self) -> bool:
        """Return whether the guest may be rescued in place."""
        return not self.refusals


def plan_rescue(context: contexts.Context,
                request: RescueRequest) -> RescuePlan:
    """Look at a guest, and at its disks in QEMU; change nothing.

    :raises ConfigError: the guest does not run on this machine
    :raises Unreachable: libvirt or a database cannot be reached
    """
    begun = time.monotonic()
    found = _look(context, request)
    if not found.is_stranded:
        return found
    refused = [*_of_clusters(context, found), *rescue_claims.of_server(
        found.copies, found.report.host)]
    moves: tuple[DiskMove, ...] = ()
    # QEMU is asked only if nothing else speaks against.
    if not refused:
        moves, refused = _of_qemu(context, found)
    time.sleep(max(0.0, begun + APART - time.monotonic()))
    again = _look(context, request)
    if again.report.state is not GuestState.STRANDED:
        return again
    if _claims(again) != _claims(found):
        refused.append(Refusal(None, 'Its disks have just changed.'))
    refused += rescue_claims.of_server(again.copies, again.report.host)
    return dataclasses.replace(again, moves=moves,
                               refusals=tuple(dict.fromkeys(refused)))


def _look(context: contexts.Context, request: RescueRequest) -> RescuePlan:
    copies: list[Copy] = []
    found = running_guests.guests(context, selections.ScanRequest(
        request.hosts, instances=(request.server,),
        stores=('domain', rescue_claims.LIVE)), copies.extend)
    reports = [report for report in found.guests if report.is_domain]
    if len(reports) != 1 or not copies:
        raise exceptions.ConfigError(
            f'Server {request.server} does not run on {found.host} with an '
            'RBD disk, or its process is not visible.',
            "Run it as root on the guest's compute host; in a container, in "
            "the host's PID namespace.")
    report = reports[0]
    return RescuePlan(report, copies[0].instance, found.clusters,
                      tuple(copies), (), tuple(_not_stranded(report, copies)))


def _not_stranded(report: running_guests.GuestReport,
                  copies: Sequence[Copy]) -> Iterator[Refusal]:
    if report.state is GuestState.FOLLOWING:
        yield Refusal(None, 'The guest is not stranded: it follows the '
                      'monitors.')
    elif report.state is GuestState.UNKNOWN:
        why = ('Its connections cannot be read: run this as root.'
               if report.connected_to is None else next(
                   (copy.note for copy in copies if copy.note),
                   'The cluster of a disk is not known.'))
        yield Refusal(None, 'Nothing tells whether the guest is stranded. '
                      f'{why}')


def _claims(found: RescuePlan) -> list[DiskClaim]:
    return list(rescue_claims.claims(found.copies, found.report.lost))


def _of_clusters(context: contexts.Context, found: RescuePlan
                 ) -> Iterator[Refusal]:
    """Yield the reasons that lie in the lists of monitors."""
    lost = found.report.lost
    if context.answering is None:
        yield Refusal(None, '--offline: no monitor was asked.')
    else:
        yield from rescue_claims.of_clusters(found.clusters, lost,
                                             context.answering)
    folder = context.journal_dir
    try:
        guard.check_clusters(
            [each for each in found.clusters if each.name in lost],
            tuple(cluster_identity.swaps(
                found.clusters, known_clusters.load(folder))), None,
            known_clusters.path(folder))
    except exceptions.Refused as error:
        yield Refusal(None, error.message)


def _of_qemu(context: contexts.Context, found: RescuePlan
             ) -> tuple[tuple[DiskMove, ...], list[Refusal]]:
    """Return the moves of the disks, and the reasons that QEMU gives."""
    from rbd_mon_fix.clients import libvirt
    hypervisor = context.hypervisor(found.report.host)
    uuid = found.server.uuid
    failure: Optional[exceptions.RbdMonFixError] = None
    try:
        if hypervisor.at_work(uuid) or hypervisor.has_job(uuid):
            return (), [Refusal(None, 'Libvirt is busy with the guest.')]
        return _judged(functools.partial(hypervisor.qmp, uuid),
                       live_disks.read(hypervisor.live_xml(uuid)),
                       _claims(found))
    except (libvirt.Declined, exceptions.Gone,
            exceptions.Unreadable) as error:
        failure = error
    return (), [Refusal(None, f'{failure.message.rstrip(".")}.')]


def _judged(ask: block_graph.Ask, disks: Sequence[LiveDisk],
            claims: Sequence[DiskClaim]
            ) -> tuple[tuple[DiskMove, ...], list[Refusal]]:
    """Judge the disks; look at the images only if nothing speaks against."""
    state = block_graph.state(ask)
    refused = [*rules.of_guest(state), *rules.of_xml(claims, disks),
               *rules.of_nodes(claims, disks, state)]
    refused = refused or _hanging(ask, state, disks, claims)
    if refused:
        return (), refused
    results = list(rules.of_disks(claims, disks, block_graph.graph(ask)))
    moves = tuple(each for each in results if isinstance(each, DiskMove))
    refused = [each for each in results if isinstance(each, Refusal)]
    if not results:
        refused.append(Refusal(None, 'It has no RBD disk of that cluster.'))
    return moves, refused


def _hanging(ask: block_graph.Ask, state: QemuState,
             disks: Sequence[LiveDisk], claims: Sequence[DiskClaim]
             ) -> list[Refusal]:
    """Look at the requests until none seems to hang, for some seconds."""
    looks = [block_graph.requests(ask, state.commands)]
    end = time.monotonic() + APART
    while list(rules.hanging(claims, disks, looks)) and (
            time.monotonic() < end):
        time.sleep(_PAUSE)
        looks.append(block_graph.requests(ask, state.commands))
    return list(rules.hanging(claims, disks, looks))
