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

"""The libvirt hook of this host, part by part."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Optional

from rbd_mon_fix import exceptions
from rbd_mon_fix.engine import context as contexts
from rbd_mon_fix.engine import hook_update
from rbd_mon_fix.hook import daemon
from rbd_mon_fix.hook import installation
from rbd_mon_fix.hook import knowledge

_INSTALL = ('rbd-mon-fix', 'hook', 'install')
_REFRESH = ('rbd-mon-fix', 'refresh')
_FINE = ('current', 'sees it', 'not running', 'runs first')


@dataclasses.dataclass(frozen=True)
class HookPart:
    """One part of the hook and its state.

    :param where: a path or a process; None if there is neither
    :param note: advice or details, or ''
    :param command: the words to type next; empty if there is no command
    """

    part: str
    state: str
    where: Optional[str]
    note: str
    command: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Return whether this part needs no action."""
        return self.state in _FINE


def hook_status(context: contexts.Context) -> tuple[HookPart, ...]:
    """Return the parts of the hook of this host.

    :raises ConfigError: the script of the hook cannot be read
    """
    return tuple(_parts(context, hook_update.installed(context)))


def _parts(context: contexts.Context,
           hook: installation.Installation) -> Iterator[HookPart]:
    state = hook.state
    yield HookPart('script', state.value, hook.script, {
        installation.ScriptState.MISSING: "run 'hook install'",
        installation.ScriptState.OUTDATED: "run 'hook install' to replace it",
        installation.ScriptState.FOREIGN:
            'not installed by rbd-mon-fix; inspect it and move it away if it '
            'is not used',
    }.get(state, ''), _INSTALL if state in (
        installation.ScriptState.MISSING,
        installation.ScriptState.OUTDATED) else ())
    if not hook.installed:
        return
    yield _monitors(context, hook)
    yield from _daemons(hook)
    if daemon.single_file(hook.folder):
        yield HookPart('other hook', 'runs first', hook.folder[:-len('.d')],
                   'this hook receives the XML that the other hook prints')


def _monitors(context: contexts.Context,
              hook: installation.Installation) -> HookPart:
    try:
        known, written = hook.known()
    except exceptions.Gone:
        return HookPart('monitors', 'missing', hook.knowledge,
                        "run 'refresh' on this host", _REFRESH)
    except exceptions.Unreadable as error:
        outdated = isinstance(error, knowledge.Outdated)
        return HookPart('monitors', 'outdated' if outdated else 'unreadable',
                        hook.knowledge, f"{error}; run 'hook install' again",
                        _INSTALL)
    state, note = _compared(context, known)
    usable = sum(bool(each.monitors) for each in known)
    return HookPart('monitors', state, hook.knowledge, '; '.join(filter(
        None, (f'{usable} clusters, written {written}', note))),
        _REFRESH if state == 'outdated' else ())


def _compared(context: contexts.Context,
              known: tuple[knowledge.Known, ...]) -> tuple[str, str]:
    """Compare with the clusters; return the state and a note, or ''."""
    try:
        facts = hook_update.gather(context)
    except exceptions.RbdMonFixError as error:
        return 'unknown', f'cannot compare with the right monitors: {error}'
    expected = facts.after(known)
    reliable = {cluster.fsid for cluster in facts.clusters}
    if not knowledge.alike(*([each for each in side if each.fsid in reliable]
                             for side in (known, expected))):
        return 'outdated', "run 'refresh' on this host"
    if facts.untaught:
        return 'unknown', '; '.join(
            f'cannot compare cluster {each.cluster.name}: {each.reason}'
            for each in facts.untaught)
    if not knowledge.alike(known, expected):
        return 'outdated', "run 'refresh' on this host"
    return 'current', ''


def _daemons(hook: installation.Installation) -> Iterator[HookPart]:
    try:
        readers = list(daemon.readers(hook.script))
        since = daemon.first_hook(hook.folder)
    except PermissionError:
        yield HookPart('libvirt', 'unknown', None,
                       'run this as root to check')
        return
    for each in readers:
        sees = each.calls_hooks(since)
        yield HookPart(each.name, 'sees it' if sees else 'restart',
                   f'process {each.pid}', '' if sees else
                   'started before the hook was installed: run "systemctl '
                   f'restart {each.name}"; guests keep running',
                   () if sees else ('systemctl', 'restart', each.name))
    if not readers:
        yield HookPart('libvirt', 'not running', None,
                   f'no running libvirt daemon uses hooks in {hook.folder}')
