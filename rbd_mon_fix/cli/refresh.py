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

"""``refresh``: put right what ``status`` shows."""

from __future__ import annotations

import contextlib
from typing import TextIO

from oslo_config import cfg

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.core import apply
from rbd_mon_fix.core import cluster_identity
from rbd_mon_fix.core import guard
from rbd_mon_fix.core import planning
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import execution
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.engine import reporting
from rbd_mon_fix.engine import scan as surveys
from rbd_mon_fix.model.plan import Plan
from rbd_mon_fix.report import progress
from rbd_mon_fix.report import schema
from rbd_mon_fix.state import known_clusters


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    with contextlib.closing(contexts.Context(conf)) as site:
        survey = surveys.Survey(site, conf.command)
        if conf.command.dry_run:
            return _dry_run(site, survey, out, err)
        complaints = _complaints(site, survey, err)
        with execution.Session(site, survey, conf.command.lock) as session:
            session.settle()
            plan = _read(survey, err)
            _check(site, plan)
            _learn(site)
            shown = reporting.Showing(site, out, schema.Kind.REFRESH)
            session.apply('refresh', plan, shown, err,
                          complaints=complaints)
            hook_update.feed(site, plan)
            return exit_codes.of_work(shown.tally.incomplete, survey.lost)


def _complaints(site: contexts.Context, survey: surveys.Survey,
                err: TextIO) -> apply.Complaints:
    """Return what asks QEMU about changes, where that is wanted.

    :raises ConfigError: a host is not this machine
    """
    command = site.conf.command
    if not command.verify:
        return lambda changes: {}
    from rbd_mon_fix.engine import verification
    return verification.Prover(site, survey.request.hosts, command.timeout,
                          command.parallel, err).complaints


def _dry_run(site: contexts.Context, survey: surveys.Survey, out: TextIO,
             err: TextIO) -> int:
    plan = _read(survey, err)
    shown = reporting.Showing(site, out, schema.Kind.DRY_RUN)
    shown.plan(plan)
    shown.close()
    try:
        _check(site, plan)
    except exceptions.Refused as error:
        print(f'rbd-mon-fix: refresh would be refused. {error}', file=err)
    return exit_codes.of_look(shown.tally.wrong, survey.lost)


def _read(survey: surveys.Survey, err: TextIO) -> Plan:
    plans = []
    with progress.shown(err, 'Reading', None) as advance:
        for plan in survey.plans():
            plans.append(plan)
            advance(len(plan.copies))
    return planning.merged(plans)


def _check(site: contexts.Context, plan: Plan) -> None:
    if plan.changes:
        folder = site.conf.journal_dir
        guard.check(plan, site.clusters, site.answering,
                    site.conf.command.max_changes,
                    known_clusters.load(folder),
                    known_clusters.path(folder))


def _learn(site: contexts.Context) -> None:
    """Keep which cluster each backend leads to, for later runs."""
    folder = site.conf.journal_dir
    known = known_clusters.load(folder)
    learnt = cluster_identity.learnt(site.clusters, known)
    if learnt != known:
        known_clusters.save(folder, learnt)
