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

"""``status``: every copy, its state, and what would fail now."""

from __future__ import annotations

import contextlib
import itertools
from typing import Iterator, TextIO

from oslo_config import cfg

from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import findings
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import scan as surveys
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.report import schema


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    with contextlib.closing(contexts.Context(conf)) as site:
        survey = surveys.Survey(site, conf.command)
        # Shown as it is read, which keeps memory bounded.
        plans = begun(survey.plans())
        shown = reporting.Showing(site, out, schema.Kind.STATUS)
        shown.plans(plans)
        shown.findings(findings.find(survey))
        shown.close()
        return exit_codes.of_look(
            shown.tally.wrong or shown.tally.stranded, survey.lost)


def begun(plans: Iterator[Plan]) -> Iterator[Plan]:
    """Take the first plan already, so that trouble shows before a report.

    A host that is not known, or a service that is down, is to end the
    command with nothing on stdout.
    """
    first = list(itertools.islice(plans, 1))

    def again() -> Iterator[Plan]:
        while first:
            yield first.pop()  # kept by nobody, as the others are
        yield from plans

    return again()
