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

"""``status``: every copy, its state, and the operations that would fail."""

from __future__ import annotations

from typing import TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.cli import console as consoles
from rbd_mon_fix.cli import exit_codes
from rbd_mon_fix.cli import requests
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import schema


def run(conf: cfg.ConfigOpts, out: TextIO, err: TextIO) -> int:
    """Run the command and return its exit code."""
    with consoles.Console(conf, schema.Kind.STATUS, out) as console:
        with engine.Context(conf) as context:
            found = engine.status(
                context, requests.scan_request(conf), console)
        console.close(ending.Ending(found.summary, lost=found.lost))
    return exit_codes.of_look(found.summary.needs_attention, found.lost)
