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

"""``rollback``: undo a run."""

from __future__ import annotations

from typing import TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import schema


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    request = engine.RollbackRequest(
        conf.command.run, conf.command.hosts_at_once)
    with engine.Context(conf) as context:
        if conf.command.dry_run:
            return _dry_run(context, request, out)
        with consoles.RunConsole(
                conf, schema.Kind.ROLLBACK, out, err) as console:
            done = engine.rollback(context, request, console)
            written = console.close(ending.Ending(
                done.summary, done.run, done.lost, done.error))
    if done.error is not None:
        raise done.error
    left = (done.summary.incomplete or any(done.summary.skipped.values())
            or not written)
    return exit_codes.of_work(left, done.lost)


def _dry_run(context: engine.Context, request: engine.RollbackRequest,
             out: TextIO) -> int:
    with consoles.Console(
            context.conf, schema.Kind.DRY_RUN, out) as console:
        found = engine.plan_rollback(context, request, console)
        console.close(ending.Ending(
            found.summary, lost=found.lost, error=found.error,
            digest=found.digest, undoes=request.run))
    if found.error is not None:
        raise found.error
    return exit_codes.of_look(False, found.lost)
