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

"""``shield``: overrides of stale lists in the ceph.conf of this host."""

from __future__ import annotations

import dataclasses
import enum
from typing import Iterator, Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import shield_proof
from rbd_mon_fix.engine import shield_survey
from rbd_mon_fix.engine import verification
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.shield import Override
from rbd_mon_fix.model.shield import ShieldPlan
from rbd_mon_fix.state import locks


class ShieldState(str, enum.Enum):
    """The state of the section of a cephx user."""

    SHIELDED = 'shielded'
    OUTDATED = 'outdated'
    MISSING = 'missing'
    BARRED = 'barred'
    NOT_PROVEN = 'not proven'


@dataclasses.dataclass(frozen=True)
class ShieldRequest:
    """The limits for the images that are opened as a proof."""

    limits: verification.Limits = verification.Limits(timeout=10.0)


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


@dataclasses.dataclass(frozen=True)
class ShieldResult:
    """The shield of this host.

    :param path: the ceph.conf
    :param users: one for each user of images or sections
    :param changed: whether this run changed the file
    """

    path: str
    users: tuple[ShieldedUser, ...]
    changed: bool = False


def shield_status(context: contexts.Context) -> ShieldResult:
    """Compare the shield with the cluster, and change nothing.

    :raises RbdMonFixError: as ``shield_survey.survey``
    """
    found = shield_survey.survey(context)
    return ShieldResult(found.conf.path, tuple(
        _users(found, found.conf.before, {})))


def install_shield(context: contexts.Context, request: ShieldRequest,
                   listener: reporting.Listener = reporting.SILENCE
                   ) -> ShieldResult:
    """Shield all users of this host that may be shielded.

    :raises RbdMonFixError: nothing was changed, unless the file was changed
        by others meanwhile
    """
    with locks.held(context.journal_dir, [context.local_host.name]):
        found = shield_survey.survey(context)
        return _written(context, found, found.plan, request.limits,
                        listener)


def refresh_shield(context: contexts.Context, request: ShieldRequest,
                   listener: reporting.Listener = reporting.SILENCE
                   ) -> ShieldResult:
    """Give the sections that exist the right monitors.

    :raises RbdMonFixError: as ``install_shield``
    """
    with locks.held(context.journal_dir, [context.local_host.name]):
        found = shield_survey.survey(context)
        return _written(context, found, found.refreshed, request.limits,
                        listener)


def remove_shield(context: contexts.Context) -> ShieldResult:
    """Remove the block; no cluster needs to be reached.

    :raises RbdMonFixError: the file cannot be read or written, or the block
        in it was edited
    """
    with locks.held(context.journal_dir, [context.local_host.name]):
        conf = shield_survey.read(context)
        if not conf.before:
            return ShieldResult(conf.path, ())
        conf.write((), shield_proof.is_mounted(conf.path))
        return ShieldResult(conf.path, (), True)


def _written(context: contexts.Context, found: shield_survey.Survey,
             plan: ShieldPlan, limits: verification.Limits,
             listener: reporting.Listener) -> ShieldResult:
    """Write the sections of a plan, and keep those that are proven."""
    before = found.conf.before
    new = [each for each in plan.overrides if each not in before]
    if not new:
        return ShieldResult(found.conf.path, tuple(
            _users(found, before, {})))
    path = found.conf.path
    prover = shield_proof.ShieldProver(context, found.host, path, limits,
                                       listener)
    in_place = shield_proof.is_mounted(path)
    written: Optional[shield_survey.ConfText] = None
    kept = before
    try:
        written = found.conf.write(plan.overrides, in_place)
        failures = prover.failures([each.user for each in new],
                                   found.samples)
        kept = tuple(_kept(plan, before, failures))
    finally:
        # Whatever ends the run, no section stays that is not proven.
        if written and kept != plan.overrides:
            _restore(written, kept, in_place)
    return ShieldResult(path, tuple(_users(found, kept, failures)),
                        kept != before)


def _restore(written: shield_survey.ConfText, kept: tuple[Override, ...],
             in_place: bool) -> None:
    """Replace the sections that were written by those to keep.

    :raises Conflict: others have changed the file, so the sections stay
    """
    try:
        written.write(kept, in_place)
    except exceptions.Conflict as error:
        raise exceptions.Conflict(
            f'{written.path} was changed by others while the shield was '
            'being proven, and has sections that are not proven.',
            "Run 'shield remove', then 'shield install' again.") from error


def _kept(plan: ShieldPlan, before: tuple[Override, ...],
          failures: Mapping[str, str]) -> Iterator[Override]:
    """Yield the proven sections, and the former ones of other users."""
    former = {each.user: each for each in before}
    for each in plan.overrides:
        if each.user not in failures:
            yield each
        elif each.user in former:
            yield former[each.user]


def _users(found: shield_survey.Survey, now: tuple[Override, ...],
           failures: Mapping[str, str]) -> Iterator[ShieldedUser]:
    """Yield the users of this host with the sections they have now."""
    has = {each.user: each for each in now}
    right = {each.user: each for each in found.plan.overrides}
    barred = {each.user or '': each for each in found.plan.barred}
    for name in sorted({*barred, *right}):
        section = has.get(name)
        state, note = ShieldState.SHIELDED, ''
        if name in failures:
            state, note = ShieldState.NOT_PROVEN, failures[name]
        elif name in barred:
            state, note = ShieldState.BARRED, barred[name].detail
        elif section is None:
            state = ShieldState.MISSING
        elif section != right[name]:
            state = ShieldState.OUTDATED
        yield ShieldedUser(
            name or None, state, section.fsid if section else None,
            section.addrs if section else (), note)
