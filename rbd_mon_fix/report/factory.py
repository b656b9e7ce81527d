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

"""The report interface, and the choice of a class for each format."""

from __future__ import annotations

from typing import Callable, Iterable, Optional, Protocol, Sequence, TextIO

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.report import columns
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import machine
from rbd_mon_fix.report import plain
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import syntax
from rbd_mon_fix.report import table
from rbd_mon_fix.report import view as views

FORMATS = ('table', 'json', 'yaml', 'csv', 'value')


class Report(Protocol):
    """Writes a run as it proceeds, and keeps no server in memory."""

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Write the clusters; called once, first.

        :param answering: the endpoints that answered; None if none was
            asked
        """

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write one server; the servers of a host are consecutive.

        :param outcomes: the outcomes of changes; None if none was made
        """

    def finding(self, found: Finding) -> None:
        """Write one finding; called after all servers.

        Only ``status`` and ``refresh`` have findings.
        """

    def close(self, how: ending.Ending) -> None:
        """Write the summary; called once, last."""


def report(fmt: str, stream: TextIO, kind: schema.Kind,
           view: views.View = views.PLAIN, wanted: Sequence[str] = ()
           ) -> Report:
    """Return the report that writes to a stream.

    :param fmt: one of ``FORMATS``
    :param view: the options of a table
    :param wanted: columns of CSV and values; empty for all
    :raises ConfigError: a column is unknown, or the format has no columns
    """
    names = columns.chosen(fmt, schema.columns(kind), wanted,
                           ('csv', 'value'))
    if fmt == 'json':
        return machine.ObjectReport(syntax.Json(stream), kind)
    if fmt == 'yaml':
        return machine.ObjectReport(syntax.Yaml(stream), kind)
    if fmt == 'csv':
        return machine.Csv(stream, kind, names)
    if fmt == 'value':
        return machine.Values(stream, kind, names)
    return table.Table(printer(stream), kind, view)


def printer(stream: TextIO) -> lines.Printer:
    """Return a printer; only a terminal gets colours and folded lines."""
    if not stream.isatty():
        return plain.Plain(stream)
    # Imported here: a pipe needs no rich.
    from rbd_mon_fix.report import terminal
    return terminal.Terminal(stream)


def draw(stream: TextIO,
         screen: Callable[[sheets.Sheet], Iterable[lines.Line]]) -> None:
    """Write a screen, which breaks its own lines.

    :param screen: returns the lines for a sheet
    """
    to = printer(stream)
    for line in screen(sheets.Sheet(to.width, to.encodable)):
        to.whole(line)
