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

"""``hook``: the libvirt hook that mends guests on their way in."""

from __future__ import annotations

import contextlib
from typing import Any, Iterator, TextIO

from oslo_config import cfg

from rbd_mon_fix import exceptions
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.hook import installation
from rbd_mon_fix.report import listing

COLUMNS = ('part', 'state', 'where', 'note')
FINE = ('current', 'sees it', 'not running', 'runs first')

Row = dict[str, Any]


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    with contextlib.closing(contexts.Context(conf)) as site:
        hook = installation.Installation(conf.hook.dir)
        if conf.command.action == 'install':
            hook_update.install(site, hook)
        elif conf.command.action == 'remove':
            hook.remove()
        rows = list(_rows(site, hook))
        listing.write(conf.command.format, out, COLUMNS, rows,
                      {'version': 1, 'hook': rows})
        fine = all(row['state'] in FINE for row in rows)
        return (exit_codes.ExitCode.WRONG
                if conf.command.action == 'status' and not fine
                else exit_codes.ExitCode.OK)


def _rows(site: contexts.Context,
          hook: installation.Installation) -> Iterator[Row]:
    state = hook.state
    yield _row('script', state.value, hook.script, {
        installation.ScriptState.MISSING: "put it there: 'hook install'",
        installation.ScriptState.OUTDATED: "replace it: 'hook install'",
        installation.ScriptState.FOREIGN: 'it is not from rbd-mon-fix',
    }.get(state, ''))
    if not hook.installed:
        return
    yield _monitors(site, hook)
    yield from _daemons(hook)
    if daemon.single_file(hook.folder):
        yield _row('other hook', 'runs first', hook.folder[:-len('.d')],
                   'the XML that it prints is what this one is given')


def _monitors(site: contexts.Context, hook: installation.Installation) -> Row:
    try:
        known, written = hook.known()
    except exceptions.Gone:
        return _row('monitors', 'missing', hook.knowledge,
                    "run 'refresh' on this host")
    except exceptions.Unreadable as error:
        return _row('monitors', 'unreadable', hook.knowledge,
                    f"{error}; run 'hook install' again")
    note = f'{len(known)} clusters, written {written}'
    try:
        right = {cluster.name: cluster.monmap for cluster in site.clusters}
    except exceptions.RbdMonFixError as error:
        return _row('monitors', 'unknown', hook.knowledge,
                    f'{note}; cannot be compared: {error}')
    mended = {each.name: each.monitors for each in known if each.monitors}
    blind = [each.name for each in known if each.monitors and not each.disks]
    if blind:
        return _row('monitors', 'outdated', hook.knowledge,
                    f'{note}; it knows no disk of {", ".join(blind)}, and '
                    "mends none: run 'refresh' on this host")
    current = all(name in mended and monmap.is_current(mended[name])
                  for name, monmap in right.items() if monmap.monitors)
    return _row('monitors', 'current' if current else 'outdated',
                hook.knowledge,
                note if current else f"{note}; run 'refresh' on this host")


def _daemons(hook: installation.Installation) -> Iterator[Row]:
    try:
        readers = list(daemon.readers(hook.script))
        since = daemon.first_hook(hook.folder)
    except PermissionError:
        yield _row('libvirt', 'unknown', None, 'run this as root to see')
        return
    for each in readers:
        sees = each.calls_hooks(since)
        yield _row(each.name, 'sees it' if sees else 'restart',
                   f'process {each.pid}', '' if sees else
                   'it was started before the hook was there: "systemctl '
                   f'restart {each.name}"; guests run on')
    if not readers:
        yield _row('libvirt', 'not running', None,
                   f'no daemon that looks for hooks in {hook.folder}')


def _row(part: str, state: str, where: Any, note: str) -> Row:
    return {'part': part, 'state': state, 'where': where, 'note': note}
