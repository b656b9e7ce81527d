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

"""``journal``: earlier runs and their changes."""

from __future__ import annotations

import functools
from typing import Any, Iterable, Iterator, Sequence, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import failures
from rbd_mon_fix.model.run import Condition
from rbd_mon_fix.model.run import Pruned
from rbd_mon_fix.model.run import Run
from rbd_mon_fix.model.run import RunSummary
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import journal_screen
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import prune_screen
from rbd_mon_fix.report import run_screen
from rbd_mon_fix.report import schema

RUNS = ('run', 'started', 'command', 'hosts', 'changes', 'result')
PRUNED = (*RUNS, 'outcome', 'reason')
CHANGES = ('host', 'instance', 'name', 'store', 'key', 'disk', 'image',
           'cluster', 'old', 'new', 'outcome', 'reason', 'evidence')
COLUMNS = {'list': RUNS, 'show': CHANGES, 'prune': PRUNED}


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    journal = engine.journal(engine.Context(conf))
    command = conf.command
    columns = consoles.columns(conf, COLUMNS[command.action])
    if command.action == 'list':
        _write_runs(conf, out, columns,
                    list(journal.summaries(command.last)))
    elif command.action == 'prune':
        _write_pruned(conf, out, columns, journal.prune(command.keep))
    else:
        _write_run(conf, out, columns, journal.read(command.run))
    return exit_codes.ExitCode.OK


def _write_runs(conf: cfg.ConfigOpts, out: TextIO, columns: Sequence[str],
                runs: Sequence[RunSummary]) -> None:
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            journal_screen.screen, runs, conf.command.last,
            consoles.view(conf)))
        return
    rows = [_run_row(each) for each in runs]
    listing.write(conf.command.format, out, columns, rows,
                  schema.document(runs=rows))


def _write_run(conf: cfg.ConfigOpts, out: TextIO, columns: Sequence[str],
               run: Run) -> None:
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            run_screen.screen, run, consoles.view(conf)))
        return
    rows = list(_change_rows(run))
    listing.write(conf.command.format, out, columns, rows,
                  schema.document(**_run_row(run.summary), changed=rows))


def _write_pruned(conf: cfg.ConfigOpts, out: TextIO, columns: Sequence[str],
                  pruned: Iterable[Pruned]) -> None:
    """Write what was pruned, even if an error ended it."""
    found: list[Pruned] = []
    failure = None
    try:
        for each in pruned:
            found.append(each)
    except BaseException as error:
        failure = failures.of_error(failures.ours(error))
        raise
    finally:
        if consoles.wants_screen(conf):
            factory.draw(out, functools.partial(prune_screen.screen, found))
        else:
            rows = [{**_run_row(each.run),
                     'outcome': 'kept' if each.kept else 'removed',
                     'reason': each.kept} for each in found]
            listing.write(conf.command.format, out, columns, rows,
                          schema.document(failure, pruned=rows))


def _run_row(run: RunSummary) -> dict[str, Any]:
    return {'run': run.id, 'started': run.started,
            'command': f'rollback {run.undoes}' if run.undoes
            else run.command, 'hosts': list(run.hosts),
            'changes': run.changes, 'result': _result(run)}


def _result(run: RunSummary) -> str:
    if run.condition is not Condition.WHOLE:
        return str(run.condition.value)
    words = [f'{count} {verdict.value if verdict else "not made"}'
             for verdict, count in run.outcomes.items()]
    if not run.finished:
        words.append('not finished')
    return ', '.join(words)


def _change_rows(run: Run) -> Iterator[dict[str, Any]]:
    for entry in run.entries:
        where = entry.locator
        for edit in entry.edits:
            yield {'host': where.host, 'instance': where.instance,
                   'name': entry.name or None,
                   'store': where.store, 'key': where.key,
                   'disk': entry.device_of(edit), 'image': edit.image,
                   'cluster': edit.cluster,
                   'old': list(map(str, edit.old)),
                   'new': list(map(str, edit.new)),
                   'outcome': entry.verdict.value if entry.verdict
                   else None, 'reason': entry.reason or None,
                   'evidence': edit.evidence or None}
