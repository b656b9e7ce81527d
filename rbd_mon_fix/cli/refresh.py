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

import dataclasses
from typing import Any, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import requests
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import schema


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    request = _request(conf)
    with engine.Context(conf) as context:
        if conf.command.dry_run:
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


def _request(conf: cfg.ConfigOpts) -> engine.RefreshRequest:
    """Return the request in the arguments of the command.

    :raises ConfigError: the arguments exclude each other, or the plan cannot
        be read
    """
    command: Any = conf.command
    if command.save_plan is not None and not command.dry_run:
        raise exceptions.ConfigError(
            '--save-plan saves the plan of a dry run.', 'Add --dry-run.')
    scan, plan = requests.scan_request(conf), None
    if command.plan is not None:
        _check_alone(command)
        plan = engine.read_plan(command.plan)
        scan = dataclasses.replace(engine.plan_scope(plan),
                                   parallel=scan.parallel)
    return engine.RefreshRequest(
        scan, command.max_changes, command.lock,
        engine.Limits() if command.verify else None, plan, command.save_plan)


def _check_alone(command: Any) -> None:
    """Check that nothing else says which servers and stores are meant."""
    for name in ('host', 'all_hosts', 'instance', 'store', 'unmanaged',
                 'save_plan'):
        if getattr(command, name):
            raise exceptions.ConfigError(
                f'--plan and --{name.replace("_", "-")} are mutually '
                'exclusive: the plan tells which servers and stores are '
                'meant.', 'Use only one of them.')


def _dry_run(context: engine.Context, request: engine.RefreshRequest,
             out: TextIO, err: TextIO) -> int:
    with consoles.Console(
            context.conf, schema.Kind.DRY_RUN, out) as console:
        found = engine.plan_refresh(context, request, console)
        console.close(ending.Ending(
            found.summary, lost=found.lost, error=found.refused,
            digest=found.digest,
            saved=None if found.error else request.save_plan))
    if found.refused is not None:
        print('rbd-mon-fix: refresh would be refused. '
              f'{encoding.printable(str(found.refused))}', file=err)
        if request.save_plan is not None:
            print('The plan was not saved.', file=err)
        return exit_codes.ExitCode.REFUSED
    if found.error is not None:
        raise found.error
    if request.save_plan is not None:
        print(encoding.printable(
            f'The plan was saved to {request.save_plan}.'), file=err)
    return exit_codes.of_look(found.summary.needs_attention, found.lost)
