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

"""``lifeline plan``: the old addresses that bring stranded guests back."""

from __future__ import annotations

import functools
from typing import Any, Iterator, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import census
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import requests
from rbd_mon_fix.model.lifeline import ClusterLifelines
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import lifeline_screen
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import view as views

COLUMNS = ('cluster', 'address', 'name', 'epochs', 'way', 'monitor',
           'commands', 'back')


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    columns = consoles.columns(conf, COLUMNS)
    with engine.Context(conf) as context:
        found = _find(context, conf)
    silent = census.silent(found.censuses)
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            lifeline_screen.screen, found.plans, found.not_judged, silent,
            _checks(consoles.view(conf), conf.command.from_ceph)))
    else:
        rows = [row for each in found.plans for row in _rows(each)]
        listing.write(
            conf.command.format, out, columns, list(map(_flat, rows)),
            schema.document(
                census.failure(found.censuses),
                clusters=[schema.cluster(each, None)
                          for each in found.clusters],
                not_judged=found.not_judged,
                plans=list(map(_plan, found.plans)), lifelines=rows))
    return exit_codes.of_look(found.plans or found.not_judged, silent)


def _find(context: engine.Context, conf: cfg.ConfigOpts
          ) -> engine.LifelineResult:
    command = conf.command
    if not command.from_ceph:
        return engine.lifelines_on_host(
            context, requests.scan_request(conf), command.fsid)
    if command.host:
        raise exceptions.ConfigError('Ceph does not know the hosts of Nova.',
                                     'Use --from-ceph without --host.')
    return engine.lifelines_from_ceph(
        context, engine.CensusRequest(command.fsid))


def _checks(view: views.View, from_ceph: bool) -> tuple[str, ...]:
    """Return the commands that show whether clients follow again."""
    if not from_ceph:
        return (view.command('guests', *view.hosts),)
    return view.scoped('guests', '--from-ceph'), view.scoped('gate')


def _plan(each: ClusterLifelines) -> dict[str, Any]:
    plan = each.plan
    return {'cluster': each.cluster, 'fsid': each.fsid,
            'stranded': each.stranded, 'candidates': list(plan.candidates),
            'unknown_epochs': list(plan.unknown), 'taken': list(plan.taken),
            'unreached': list(plan.unreached),
            'is_smallest': plan.is_smallest}


def _rows(each: ClusterLifelines) -> Iterator[dict[str, Any]]:
    for lifeline in each.plan.lifelines:
        for way in lifeline.ways:
            yield {'cluster': each.cluster, 'address': lifeline.host,
                   'name': lifeline.name or None,
                   'epochs': list(lifeline.epochs), 'way': way.kind.value,
                   'monitor': way.monitor, 'commands': list(way.commands),
                   'back': list(way.back)}


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row whose commands are one line for a shell."""
    return {**row, 'commands': ' && '.join(row['commands']),
            'back': ' && '.join(row['back'])}
