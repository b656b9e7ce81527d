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

"""``guests --rescue``: the ways out for a stranded guest."""

from __future__ import annotations

import contextlib
import functools
from typing import Any, Optional, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import stopping
from rbd_mon_fix.model.rescue import RescueKind
from rbd_mon_fix.model.rescue import RescueWay
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import rescue_screen
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import view as views

COLUMNS = ('way', 'possible', 'commands', 'refused')


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    command = conf.command
    if not command.rescue:
        raise exceptions.ConfigError('--in-place needs --rescue SERVER.')
    if command.from_ceph or command.fsid or command.instance:
        raise exceptions.ConfigError(
            '--rescue is about one guest of this host.',
            'Use it without --from-ceph, --fsid and --instance.')
    columns = consoles.columns(conf, COLUMNS)
    request = engine.RescueRequest(command.rescue, tuple(command.host))
    with engine.Context(conf) as context, contextlib.ExitStack() as stack:
        done: Optional[engine.RescueResult] = None
        if command.in_place:
            # Signals wait for the report, too: it tells what was done.
            done = engine.rescue(context, request, lambda: _entered(
                stack, stopping.held(err)))
        plan = done.plan if done else engine.plan_rescue(context, request)
        _write(conf, out, columns, plan, done)
    if done:
        return exit_codes.of_work(not done.is_done, False)
    return exit_codes.of_look(not plan.follows, False)


def _entered(stack: contextlib.ExitStack,
             block: contextlib.AbstractContextManager[None]
             ) -> contextlib.AbstractContextManager[None]:
    """Enter a block that ends with a stack."""
    stack.enter_context(block)
    return contextlib.nullcontext()


def _write(conf: cfg.ConfigOpts, out: TextIO, columns: tuple[str, ...],
           plan: engine.RescuePlan, done: Optional[engine.RescueResult]
           ) -> None:
    view = consoles.view(conf)
    found = _ways(plan, view)
    if not consoles.wants_screen(conf):
        rows = list(map(_row, found))
        listing.write(conf.command.format, out, columns, [
            {**row, 'refused': [str(each) for each in way.refusals]}
            for way, row in zip(found, rows)],
            _document(plan, done, rows))
    elif done:
        outcome = done.outcome
        factory.draw(out, functools.partial(
            rescue_screen.done, _guest(plan), done.run, outcome.verdict,
            outcome.reason, outcome.paused, view))
    else:
        factory.draw(out, functools.partial(
            rescue_screen.ways, _guest(plan), found, plan.commands, view))


def _ways(plan: engine.RescuePlan, view: views.View) -> list[RescueWay]:
    """Return the ways for a guest, the best first; without need, one."""
    in_place = RescueWay(
        RescueKind.IN_PLACE, tuple(map(str, plan.commands)),
        plan.refusals, plan.can_be_done)
    if not plan.is_stranded:
        return [in_place]
    uuid, name = plan.server.uuid, plan.domain
    again = functools.partial(view.command, 'refresh', *_scope(plan))
    saved = again('--store', 'managed-save')
    migrate, suspend = ((
        (again(), f'openstack server migrate --live-migration {uuid}'),
        (f'openstack server suspend {uuid}', saved,
         f'openstack server resume {uuid}')) if plan.server.managed else (
        (again(), f'virsh migrate --live {name} qemu+ssh://HOST/system'),
        (f'virsh managedsave {name}', saved, f'virsh start {name}')))
    return [RescueWay(RescueKind.LIVE_MIGRATION, migrate),
            RescueWay(RescueKind.SUSPEND, suspend), in_place]


def _scope(plan: engine.RescuePlan) -> tuple[str, ...]:
    return ('--instance', plan.server.uuid,
            *(() if plan.server.managed else ('--unmanaged',)))


def _guest(plan: engine.RescuePlan) -> rescue_screen.RescuedGuest:
    report = plan.report
    return rescue_screen.RescuedGuest(
        report.host, plan.server.uuid, report.name, report.state,
        report.lost, _scope(plan))


def _row(way: RescueWay) -> dict[str, Any]:
    return {'way': way.kind.value, 'possible': way.possible,
            'commands': list(way.commands),
            'refused': [{'disk': each.disk, 'reason': each.reason}
                        for each in way.refusals]}


def _document(plan: engine.RescuePlan, done: Optional[engine.RescueResult],
              rows: list[dict[str, Any]]) -> dict[str, object]:
    report = plan.report
    return schema.document(
        clusters=[schema.cluster(each, None) for each in plan.clusters],
        host=report.host, instance=plan.server.uuid,
        name=report.name or None, state=report.state.value,
        lost=list(report.lost),
        disks=[{'disk': each.claim.target, 'image': each.claim.image,
                'cluster': each.claim.cluster,
                'old': list(map(str, each.claim.old)),
                'new': list(map(str, each.claim.new))}
               for each in plan.moves], ways=rows,
        run=done.run if done else None,
        outcome=done.outcome.verdict.value if done else None,
        reason=(done.outcome.reason or None) if done else None,
        paused=round(done.outcome.paused, 3) if done else None)
