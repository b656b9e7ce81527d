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

"""``hook``: the libvirt hook that corrects resuming and incoming guests."""

from __future__ import annotations

import functools
from typing import TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import hook_screen
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import schema

COLUMNS = ('part', 'state', 'where', 'note')


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    columns = consoles.columns(conf, COLUMNS)
    action = conf.command.action
    with engine.Context(conf) as context:
        if action == 'install':
            engine.install_hook(context)
        elif action == 'remove':
            engine.remove_hook(context)
        parts = engine.hook_status(context)
    rows = [{column: getattr(part, column) for column in COLUMNS}
            for part in parts]
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            hook_screen.screen, list(map(_line, parts)), action == 'remove',
            consoles.view(conf)))
    else:
        listing.write(conf.command.format, out, columns, rows,
                      schema.document(hook=rows))
    return (exit_codes.ExitCode.WRONG
            if action == 'status' and not all(part.fine for part in parts)
            else exit_codes.ExitCode.OK)


def _line(part: engine.HookPart) -> hook_screen.PartLine:
    return hook_screen.PartLine(part.part, part.state, part.where, part.note,
                                part.fine, part.command)
