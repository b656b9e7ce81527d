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

"""Scan requests and listeners that the commands share."""

from __future__ import annotations

from typing import Any, ContextManager, Optional, Sequence, TextIO

from oslo_config import cfg

from rbd_mon_fix import engine
from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.report import factory
from rbd_mon_fix.report import progress
from rbd_mon_fix.report import schema


def scan_request(conf: cfg.ConfigOpts) -> engine.ScanRequest:
    """Return the scan request in the arguments of a command."""
    command: Any = conf.command
    return engine.ScanRequest(
        tuple(command.host), command.all_hosts, tuple(command.instance),
        tuple(command.store), command.unmanaged)


class Console:
    """Writes the report to one stream and progress to the other."""

    def __init__(self, conf: cfg.ConfigOpts, kind: schema.Kind, out: TextIO,
                 err: TextIO):
        self.report = factory.report(
            conf.command.format, out, kind,
            getattr(conf.command, 'verbose', False))
        self._err = err

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Report the clusters."""
        self.report.clusters(clusters, answering)

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Report one server."""
        self.report.server(host, instance, copies, outcomes)

    def finding(self, found: Finding) -> None:
        """Report one finding."""
        self.report.finding(found)

    def phase(self, what: str, total: Optional[int]
              ) -> ContextManager[progress.Advance]:
        """Show progress."""
        return progress.shown(self._err, what, total)


class Progress(engine.Silence):
    """Shows progress only, for a command that lists results at the end."""

    def __init__(self, err: TextIO):
        self._err = err

    def phase(self, what: str, total: Optional[int]
              ) -> ContextManager[progress.Advance]:
        """Show progress."""
        return progress.shown(self._err, what, total)
