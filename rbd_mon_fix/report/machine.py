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

"""Machine-readable reports, written record by record."""

from __future__ import annotations

from typing import Mapping, Optional, Sequence, TextIO

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import syntax


class ObjectReport:
    """One object with the lists ``records`` and, often, ``findings``."""

    def __init__(self, written: syntax.Syntax, kind: schema.Kind):
        self._written = written
        self._kind = kind
        self._in_findings = False
        self._is_open = False

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Write everything before the first record."""
        self._written.begin(schema.document(
            clusters=[schema.cluster(cluster, answering)
                      for cluster in clusters]))
        self._written.open_list('records')
        self._is_open = True

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write the records of one server."""
        for row in schema.rows(self._kind, copies, outcomes):
            self._written.item(row)

    def finding(self, found: Finding) -> None:
        """Write one finding; the first one ends the list of records."""
        self._begin_findings()
        self._written.item(schema.finding(found))

    def close(self, how: ending.Ending) -> None:
        """Write everything after the last item."""
        if self._kind.has_findings:
            self._begin_findings()
        digest = {'digest': how.digest} if how.digest else {}
        self._end(how.run, {
            **digest, 'summary': schema.summary(how.summary, how.lost),
            **schema.error(how.failure)})

    def cut(self, failure: ending.Failure, run: Optional[str]) -> None:
        """End a report that was begun, if an error takes its summary's place.

        :param run: the id of the run, if one was begun
        """
        if self._is_open:
            self._end(run, schema.error(failure))

    def _end(self, run: Optional[str], values: Mapping[str, object]) -> None:
        self._is_open = False
        self._written.close_list()
        self._written.end(
            {**({'run': run} if self._kind.has_outcomes else {}), **values})

    def _begin_findings(self) -> None:
        if not self._in_findings:
            self._written.close_list()
            self._written.open_list('findings')
            self._in_findings = True


class Values:
    """Some keys of the records only, one record a line, without headings."""

    def __init__(self, stream: TextIO, kind: schema.Kind,
                 columns: Sequence[str]):
        self._kind = kind
        self._columns = columns
        self._write = self._writer(stream)

    def _writer(self, stream: TextIO) -> syntax.WriteRow:
        return syntax.value_writer(stream)

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Write nothing: values have no headings."""

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write the records of one server."""
        for row in schema.rows(self._kind, copies, outcomes):
            self._write([row[column] for column in self._columns])

    def finding(self, found: Finding) -> None:
        """Write nothing: findings and records have different keys."""

    def close(self, how: ending.Ending) -> None:
        """Write nothing: lines of records have no place for a summary."""


class Csv(Values):
    """The same as CSV, below a header line with the keys."""

    def _writer(self, stream: TextIO) -> syntax.WriteRow:
        return syntax.csv_writer(stream)

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Write the keys of the records."""
        self._write(self._columns)
