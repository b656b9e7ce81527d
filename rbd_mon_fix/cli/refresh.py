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

"""``refresh``: correct the copies that ``status`` reports."""

from __future__ import annotations

from typing import TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import schema


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    command = conf.command
    request = engine.RefreshRequest(
        consoles.scan_request(conf), command.max_changes, command.lock,
        engine.Limits() if command.verify else None)
    with engine.Context(conf) as context:
        if command.dry_run:
            return _dry_run(context, request, out, err)
        with consoles.RunConsole(
                conf, schema.Kind.REFRESH, out, err) as console:
            done = engine.refresh(context, request, console)
            written = console.close(ending.Ending(
                done.summary, done.run, done.lost, done.error))
    if done.error is not None:
        raise done.error
    return exit_codes.of_work(
        done.summary.incomplete or not written, done.lost)


def _dry_run(context: engine.Context, request: engine.RefreshRequest,
             out: TextIO, err: TextIO) -> int:
    console = consoles.Console(context.conf, schema.Kind.DRY_RUN, out)
    found = engine.plan_refresh(context, request, console)
    console.close(ending.Ending(
        found.summary, lost=found.lost, error=found.refused))
    if found.refused is not None:
        print('rbd-mon-fix: refresh would be refused. '
              f'{encoding.printable(str(found.refused))}', file=err)
        return exit_codes.ExitCode.REFUSED
    return exit_codes.of_look(found.summary.needs_attention, found.lost)
