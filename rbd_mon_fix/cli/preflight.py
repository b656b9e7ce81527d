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

"""``preflight``: check what a run needs, without changing anything."""

from __future__ import annotations

import dataclasses
import functools
from typing import TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.preflight import runner
from rbd_mon_fix.preflight.check import Check
from rbd_mon_fix.preflight.check import Works
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import preflight_screen
from rbd_mon_fix.report import schema

COLUMNS = tuple(field.name for field in dataclasses.fields(Check))


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code.

    A failed check never ends the command: an unusable config file or an
    unreachable service counts as a failed check, with exit code 1.
    """
    columns = consoles.columns(conf, COLUMNS)
    with engine.Context(conf) as context:
        found = list(runner.run(context, conf.command.host))
    rows = [_row(each) for each in found]
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            preflight_screen.screen, list(map(_line, found)),
            conf.command.host, consoles.view(conf)))
    else:
        listing.write(conf.command.format, out, columns, rows,
                      schema.document(checks=rows))
    broken = any(each.works is Works.NO for each in found)
    return (exit_codes.ExitCode.WRONG if broken
            else exit_codes.ExitCode.OK)


def _row(check: Check) -> dict[str, object]:
    return {**dataclasses.asdict(check), 'works': check.works.value,
            'advice': check.advice or None}


def _line(check: Check) -> preflight_screen.CheckLine:
    return preflight_screen.CheckLine(
        check.check, check.subject, check.works.value, check.finding,
        check.advice)
