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

"""``check``: ``status`` and ``guests`` for monitoring."""

from __future__ import annotations

import time
from typing import TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import failures
from rbd_mon_fix.cli import requests
from rbd_mon_fix.cli import version
from rbd_mon_fix.report import listing
from rbd_mon_fix.report import metrics
from rbd_mon_fix.report import nagios
from rbd_mon_fix.report import schema


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    fmt, textfile = conf.command.format, conf.command.textfile
    if textfile or fmt == 'prometheus':
        metrics.require()
    started = time.monotonic()
    with engine.Context(conf) as context:
        found = engine.check(context, requests.scan_request(conf))
    stamp = metrics.Stamp(time.time(), time.monotonic() - started,
                          version.installed())
    if textfile:
        engine.replace_textfile(textfile, metrics.text(found.health, stamp))
    _write(fmt, out, found, stamp)
    if fmt == 'nagios':
        return nagios.CODES[found.health.severity]
    return exit_codes.of_look(found.health.needs_attention, found.lost)


def _write(fmt: str, out: TextIO, found: engine.CheckResult,
           stamp: metrics.Stamp) -> None:
    if fmt == 'prometheus':
        out.write(metrics.text(found.health, stamp).decode())
    elif fmt == 'nagios':
        out.write(f'{nagios.line(found.health)} | '
                  f'{nagios.perfdata(found.health)}\n')
    elif fmt == 'text':
        out.write(f'{nagios.line(found.health)}\n')
    else:
        listing.write(fmt, out, (), (), schema.document(
            failures.of_lost(found.lost),
            **schema.health(found.health, found.lost)))
