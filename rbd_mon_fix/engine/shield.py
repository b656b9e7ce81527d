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
from typing import Iterator, Mapping, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import qemu_on_host
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import shield_conf
from rbd_mon_fix.engine import shield_proof
from rbd_mon_fix.engine import shield_states
from rbd_mon_fix.engine import shield_survey
from rbd_mon_fix.engine import verification
from rbd_mon_fix.model.shield import Override
from rbd_mon_fix.model.shield import ShieldPlan
from rbd_mon_fix.state import locks

_UNREAD = ("The same text opens it from elsewhere: check that QEMU's user may "
           'read {path} and enter its folder, in the mounts of libvirt.')


@dataclasses.dataclass(frozen=True)
class ShieldRequest:
    """The limits for the images that are opened as a proof."""

    limits: verification.Limits = verification.Limits(timeout=10.0)


@dataclasses.dataclass(frozen=True)
class ShieldResult:
    """The shield of this host.

    :param path: the ceph.conf
    :param users: one for each user of images or sections
    :param changed: whether this run changed the file
    """

    path: str
    users: tuple[shield_states.ShieldedUser, ...]
    changed: bool = False


def shield_status(context: contexts.Context) -> ShieldResult:
    """Compare the shield with the cluster, and change nothing.

    :raises RbdMonFixError: as ``shield_survey.survey``
    """
    found = shield_survey.survey(context)
    return ShieldResult(found.conf.path, tuple(
        shield_states.users(found.plan, found.conf.before, {})))


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
        conf = shield_conf.read(context)
        if not conf.before:
            return ShieldResult(conf.path, ())
        conf.write((), qemu_on_host.is_mounted(conf.path))
        return ShieldResult(conf.path, (), True)


def _written(context: contexts.Context, found: shield_survey.Survey,
             plan: ShieldPlan, limits: verification.Limits,
             listener: reporting.Listener) -> ShieldResult:
    """Write the sections of a plan, and keep those that are proven.

    The first proof reads the new text from elsewhere, so that no guest meets
    a section that does not work; the second shows that QEMU reads the file.
    """
    before = found.conf.before
    if plan.overrides == before:
        return _result(found, before, before, {})
    prover = shield_proof.ShieldProver(context, found.host, found.conf.path,
                                       limits, listener)
    in_place = qemu_on_host.is_mounted(found.conf.path)
    failures = dict(_untestable(found, plan))
    failures.update(prover.failures(
        _new(plan.overrides, before), found.samples,
        found.conf.having(plan.overrides).text))
    wanted = tuple(_kept(plan.overrides, before, failures))
    if wanted == before:
        return _result(found, before, before, failures)
    new = _new(wanted, before)
    written: Optional[shield_conf.ConfText] = None
    kept = before
    try:
        written = found.conf.write(tuple(
            dataclasses.replace(each, is_proven=each.user not in new)
            for each in wanted), in_place)
        failures.update(
            (user, f'{each} {_UNREAD.format(path=found.conf.path)}')
            for user, each in prover.failures(new, found.samples).items())
        kept = tuple(_kept(wanted, before, failures))
    finally:
        # Whatever ends the run, no section stays that is not proven. Being
        # killed is left; the next run proves the section, or removes it.
        if written and kept != written.before:
            _settle(written, kept, in_place)
    return _result(found, before, kept, failures)


def _new(overrides: tuple[Override, ...],
         before: tuple[Override, ...]) -> list[str]:
    return [each.user for each in overrides if each not in before]


def _untestable(found: shield_survey.Survey,
                plan: ShieldPlan) -> Iterator[tuple[str, str]]:
    """Yield the users that no disk can prove, each with the reason.

    A proven section may get other monitors though no disk of its user is
    left: they come from the same cluster.
    """
    proven = {each.user for each in found.conf.before if each.is_proven}
    for each in plan.overrides:
        if each.user not in found.samples and each.user not in proven:
            yield each.user, 'No disk on this host has this user.'


def _settle(written: shield_conf.ConfText, kept: tuple[Override, ...],
            in_place: bool) -> None:
    """Replace the sections that were written by those to keep.

    :raises Conflict: others have changed the file, so the sections stay
    """
    try:
        written.write(kept, in_place)
    except exceptions.Conflict as error:
        raise exceptions.Conflict(
            f'{written.path} was changed by others while the shield was '
            'being proven. New sections are marked as not proven.',
            "Run 'shield refresh': it proves them, or removes them."
            ) from error


def _kept(wanted: tuple[Override, ...], before: tuple[Override, ...],
          failures: Mapping[str, str]) -> Iterator[Override]:
    """Yield the wanted sections, and former ones in place of failures."""
    former = {each.user: each for each in before if each.is_proven}
    for each in wanted:
        if each.user not in failures:
            yield each
        elif each.user in former:
            yield former[each.user]


def _result(found: shield_survey.Survey, before: tuple[Override, ...],
            now: tuple[Override, ...], failures: Mapping[str, str]
            ) -> ShieldResult:
    return ShieldResult(found.conf.path, tuple(
        shield_states.users(found.plan, now, failures)), now != before)
