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

"""``rollback``: take a run back."""

from __future__ import annotations

import argparse
import contextlib
from typing import Iterable, Optional, TextIO

from oslo_config import cfg

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.core import recovery
from rbd_mon_fix.core import rollback
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import execution
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import scan as surveys
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator
from rbd_mon_fix.model.record import Record
from rbd_mon_fix.model.run import Entry
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.report import schema


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    with contextlib.closing(contexts.Context(conf)) as site:
        name = conf.command.run
        past = execution.journal(site).read(name)
        survey = _survey(site, past)
        if conf.command.dry_run:
            plan = _plan(recovery.settled(past, survey.get), survey)
            shown = reporting.Showing(site, out, schema.Kind.DRY_RUN)
            shown.plan(plan)
            shown.close()
            return exit_codes.of_look(False, survey.lost)
        with execution.Session(site, survey) as session:
            session.settle()
            plan = _plan(execution.journal(site).read(name), survey)
            shown = reporting.Showing(site, out, schema.Kind.ROLLBACK)
            session.apply('rollback', plan, shown, err, undoes=name)
            left = shown.tally.incomplete or any(
                copy.skip for copy in plan.copies)
            return exit_codes.of_work(left, survey.lost)


def _survey(site: contexts.Context, past: Run) -> surveys.Survey:
    """Look at just the hosts and stores that the run wrote to."""
    stores = {entry.locator.store for entry in past.entries}
    return surveys.Survey(site, argparse.Namespace(
        host=list(past.hosts), all_hosts=False, instance=[],
        store=sorted(stores), unmanaged=True))


def _plan(past: Run, survey: surveys.Survey) -> Plan:
    """Plan what can be taken back; a host that is down waits."""
    entries = [entry for entry in past.entries
               if entry.verdict is Verdict.FIXED]
    records: dict[Locator, Optional[Record]] = {}
    for entry in entries:
        where = entry.locator
        if where.host not in survey.lost:
            try:
                records[where] = _record(survey, where)
            except exceptions.Unreachable as error:
                survey.lose(where.host, error)
    entries = [entry for entry in entries
               if entry.locator.host not in survey.lost]
    return rollback.plan(entries, records, _instances(entries, survey))


def _instances(entries: Iterable[Entry],
               survey: surveys.Survey) -> dict[str, Instance]:
    hosts = {entry.locator.instance: entry.locator.host for entry in entries}
    known = survey.roster.where(hosts)
    return {uuid: known.get(uuid) or Instance(uuid, host)
            for uuid, host in hosts.items()}


def _record(survey: surveys.Survey, locator: Locator) -> Optional[Record]:
    try:
        return survey.get(locator)
    except exceptions.Gone:
        return None
