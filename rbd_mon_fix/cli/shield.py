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

"""``shield``: a block in ceph.conf that outranks stale lists on this host."""

from __future__ import annotations

import functools
from typing import Any, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import shield_screen

COLUMNS = ('user', 'state', 'fsid', 'monitors', 'note')

_NEXT = {'missing': 'install', 'outdated': 'refresh'}


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    columns = consoles.columns(conf, COLUMNS)
    action = conf.command.action
    with engine.Context(conf) as context:
        found = _act(action, context)
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            shield_screen.screen, list(map(_line, found.users)), found.path,
            action == 'remove', consoles.view(conf)))
    else:
        rows = list(map(_row, found.users))
        listing.write(conf.command.format, out, columns, rows,
                      schema.document(path=found.path, changed=found.changed,
                                      users=rows))
    # A refresh is not meant to add the sections that are missing.
    wrong = any(not each.fine and (each.addrs or action != 'refresh')
                for each in found.users)
    return (exit_codes.of_look(wrong, False) if action == 'status'
            else exit_codes.of_work(wrong, False))


def _act(action: str, context: engine.Context) -> engine.ShieldResult:
    if action == 'install':
        return engine.install_shield(context, engine.ShieldRequest())
    if action == 'refresh':
        return engine.refresh_shield(context, engine.ShieldRequest())
    if action == 'remove':
        return engine.remove_shield(context)
    return engine.shield_status(context)


def _row(user: engine.ShieldedUser) -> dict[str, Any]:
    return {'user': user.user, 'state': user.state.value, 'fsid': user.fsid,
            'monitors': list(map(str, user.addrs)), 'note': user.note}


def _line(user: engine.ShieldedUser) -> shield_screen.UserLine:
    state = user.state.value
    return shield_screen.UserLine(user.user, state, user.fsid, user.addrs,
                                  user.note, user.fine, _NEXT.get(state, ''))
