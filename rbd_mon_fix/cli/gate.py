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

"""``gate``: whether monitors may be removed now."""

from __future__ import annotations

import functools
from typing import TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import census
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.report import census_screen
from rbd_mon_fix.report import factory

COLUMNS = census.COLUMNS


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    columns = consoles.columns(conf, COLUMNS)
    leaving = tuple(dict.fromkeys(conf.command.mon))
    with engine.Context(conf) as context:
        found = engine.take_census(context, engine.CensusRequest(
            conf.command.fsid, leaving))
    if consoles.wants_screen(conf):
        factory.draw(out, functools.partial(
            census_screen.gate, census.watchers(found), leaving,
            census.silent(found), consoles.view(conf)))
    else:
        census.write(conf, out, columns, found, leaving=list(leaving))
    return census.exit_code(found)
