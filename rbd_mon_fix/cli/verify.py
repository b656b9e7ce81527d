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

"""``verify``: proof that the disks open as a cold start would open them."""

from __future__ import annotations

import contextlib
from typing import Any, Sequence, TextIO

from oslo_config import cfg

from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import scan as surveys
from rbd_mon_fix.engine import verification
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.qemu import open_check
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import sentences

COLUMNS = ('host', 'instance', 'store', 'disk', 'image', 'opened', 'error',
           'seconds')


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    command = conf.command
    with contextlib.closing(contexts.Context(conf)) as site:
        survey = surveys.Survey(site, command)
        prover = verification.Prover(
            site, survey.request.hosts, command.timeout, command.parallel,
            err)
        copies = [copy for plan in survey.plans() for copy in plan.copies
                  if _counts(copy)]
        rows = [_row(copy, found)
                for copy, found in zip(copies, _proofs(prover, copies))]
    listing.write(command.format, out, COLUMNS, rows,
                  {'version': 1, 'disks': rows})
    if command.format == 'table':
        print('', _summary(rows), sep='\n', file=out)
    return (exit_codes.ExitCode.OK if all(row['opened'] for row in rows)
            else exit_codes.ExitCode.WRONG)


def _counts(copy: Copy) -> bool:
    """Tell whether a cold start on its host would read a copy."""
    return (copy.locator.store not in verification.NOT_COLD
            and copy.skip is not SkipReason.OTHER_HOST)


def _proofs(prover: verification.Prover,
            copies: Sequence[Copy]) -> list[open_check.Proof]:
    """Return the proofs; what cannot be read cannot be proved."""
    readable = [(copy.locator, copy.disk) for copy in copies
                if copy.disk and copy.state is not State.UNREADABLE]
    proofs = iter(prover.prove(readable))
    return [open_check.Proof(False, f'not tried: {copy.note}', 0.0)
            if copy.state is State.UNREADABLE else next(proofs)
            for copy in copies]


def _row(copy: Copy, found: open_check.Proof) -> dict[str, Any]:
    return {'host': copy.locator.host, 'instance': copy.locator.instance,
            'store': copy.locator.store, 'disk': copy.device,
            'image': copy.disk.image if copy.disk else None,
            'opened': found.opened, 'error': found.error,
            'seconds': round(found.seconds, 3)}


def _summary(rows: Sequence[dict[str, Any]]) -> str:
    closed = sum(not row['opened'] for row in rows)
    if not rows:
        return 'No RBD disk was found.'
    if closed:
        return (f'{closed} of {sentences.number(len(rows), "disk")} cannot be '
                'opened.')
    return f'{sentences.number(len(rows), "disk")} opened.'
