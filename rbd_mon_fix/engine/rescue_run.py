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

"""``guests --rescue --in-place``: give a guest new connections while it runs.

The journal has an entry for it, though no document is changed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from typing import Callable, ContextManager

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import rescue_claims
from rbd_mon_fix.engine import connectivity
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import places
from rbd_mon_fix.engine import rescue_plan
from rbd_mon_fix.engine import rescue_steps
from rbd_mon_fix.engine import selection as selections
from rbd_mon_fix.engine import session as sessions
from rbd_mon_fix.model.guest import GuestState
from rbd_mon_fix.model.plan import Change
from rbd_mon_fix.model.plan import Edit
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.rescue import DiskMove
from rbd_mon_fix.model.run import RESCUE
from rbd_mon_fix.qemu import block_graph
from rbd_mon_fix.state import journal_records
from rbd_mon_fix.state import journal_writer
from rbd_mon_fix.state import locks
from rbd_mon_fix.stores import registry

# Seconds for the guest to show a session with a right monitor, and between
# two looks.
_SESSION_WITHIN = 10.0
_PAUSE = 0.25
_NO_SESSION = 'No connection to a right monitor was seen afterwards.'


@dataclasses.dataclass(frozen=True)
class RescueResult:
    """A rescue in place.

    :param run: the id of the run in the journal
    """

    plan: rescue_plan.RescuePlan
    run: str
    outcome: rescue_steps.RescueOutcome

    @property
    def is_done(self) -> bool:
        """Return whether the guest follows, and libvirt knows its disks."""
        return self.outcome.verdict is Verdict.FIXED


def rescue(context: contexts.Context, request: rescue_plan.RescueRequest,
           undisturbed: Callable[[], ContextManager[None]] =
           contextlib.nullcontext) -> RescueResult:
    """Connect a stranded guest to the right monitors while it runs.

    :param undisturbed: returns a context in which no signal ends the process
    :raises ConfigError: the guest does not run on this machine, or the
        journal cannot be written
    :raises Refused: the guest may not be touched, or another run holds the
        lock of the host
    :raises Unreachable: libvirt or a database cannot be reached
    """
    journal = sessions.journal(context)
    journal.prepare()
    # The host as Nova names it, like the other runs that write to it.
    hosts = selections.select(selections.ScanRequest(
        request.hosts, stores=('domain',)), context).hosts
    with locks.held(context.journal_dir, hosts):
        plan = rescue_plan.plan_rescue(context, request)
        if not plan.can_be_done:
            raise exceptions.Refused(
                f'Guest {plan.server.uuid} is not rescued in place. '
                + ' '.join(map(str, plan.refusals)),
                'The same command without --in-place shows the other ways.')
        change = _change(context, plan)
        with undisturbed():
            writer = journal.start(
                RESCUE, [plan.report.host],
                journal_records.told(plan.clusters))
            outcome = _journaled(context, plan, writer, change)
            writer.close()
    return RescueResult(plan, writer.run, outcome)


def _journaled(context: contexts.Context, plan: rescue_plan.RescuePlan,
               writer: journal_writer.Writer, change: Change
               ) -> rescue_steps.RescueOutcome:
    writer.begin([change])
    uuid, host = plan.server.uuid, plan.report.host
    outcome = rescue_steps.Rescue(
        functools.partial(context.hypervisor(host).qmp, uuid),
        functools.partial(_reach, context, host, uuid),
        plan.moves).carry_out()
    if outcome.verdict is Verdict.FIXED and not _follows(context, plan):
        outcome = dataclasses.replace(
            outcome, verdict=Verdict.UNVERIFIED, reason=_NO_SESSION)
    writer.end([Outcome(change.locator, outcome.verdict, outcome.reason)])
    return outcome


def _reach(context: contexts.Context, host: str, uuid: str
           ) -> block_graph.Ask:
    """Return a way to QEMU by a connection of its own."""
    from rbd_mon_fix.clients import libvirt
    return functools.partial(
        libvirt.connect(context.libvirt_uri(host)).qmp, uuid)


def _change(context: contexts.Context, plan: rescue_plan.RescuePlan
            ) -> Change:
    """Return the change of a rescue: that of no document.

    :raises Refused: the guest has just ended
    """
    uuid, host = plan.server.uuid, plan.report.host
    store = registry.SPECS[rescue_claims.LIVE].open(
        places.Places(context), host)
    try:
        record = store.get(Locator(rescue_claims.LIVE, host, uuid, uuid))
    except exceptions.Gone:
        record = None
    if record is None or record.document is None:
        raise exceptions.Refused(f'Guest {uuid} does not run any more.')
    return Change(record, record.document, tuple(map(_edit, plan.moves)),
                  plan.server.name)


def _edit(move: DiskMove) -> Edit:
    claim = move.claim
    return Edit(claim.target, claim.image, claim.cluster or '', claim.old,
                claim.new, '', '', move.storage.source.get('user'))


def _follows(context: contexts.Context, plan: rescue_plan.RescuePlan
             ) -> bool:
    """Wait for a connection to the right monitors; return whether it came."""
    end = time.monotonic() + _SESSION_WITHIN
    while True:
        watch = connectivity.Watch(context, plan.report.host)
        watch.add(plan.copies)
        states = [watch.state(guest, watch.disks(guest))
                  for guest in watch.guests
                  if guest.instance == plan.server.uuid]
        if states == [GuestState.FOLLOWING]:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)
