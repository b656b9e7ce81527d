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

"""From the name of a format to the report that writes it."""

from __future__ import annotations

from typing import Iterable, Optional, Protocol, Sequence, TextIO

from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import machine
from rbd_mon_fix.report import plain
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import table

FORMATS = ('table', 'json', 'yaml', 'csv')


class Report(Protocol):
    """What a run shows while it goes on; it keeps no server in memory."""

    def clusters(self, clusters: machine.Clusters,
                 answering: machine.Answering) -> None:
        """Show the clusters; called once, first.

        :param clusters: name, fsid, source, monitors, addresses and so on,
            as dicts that the machine formats write as they are
        :param answering: the endpoints that answered; None where none was
            asked
        """

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Show one server; those of one host follow each other.

        :param outcomes: what became of the changes; None where none was
            made
        """

    def findings(self, found: Iterable[Finding]) -> None:
        """Show what cannot be put right; called after all servers."""

    def close(self, tally: Summary, run: Optional[str]) -> None:
        """Show what it comes to; called once, last.

        :param run: the id of the run; None where nothing was written
        """


def report(fmt: str, stream: TextIO, kind: schema.Kind) -> Report:
    """Return the report that writes to a stream.

    :param fmt: one of ``FORMATS``
    """
    if fmt == 'json':
        return machine.Json(stream, kind)
    if fmt == 'yaml':
        return machine.Yaml(stream, kind)
    if fmt == 'csv':
        return machine.Csv(stream, kind)
    return table.Table(printer(stream), kind)


def printer(stream: TextIO) -> table.Printer:
    """Return what prints lines: coloured and folded on a terminal only."""
    if not stream.isatty():
        return plain.Plain(stream)
    # Imported here: a pipe needs no rich.
    from rbd_mon_fix.report import terminal
    return terminal.Terminal(stream)
