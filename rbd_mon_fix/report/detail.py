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

"""The report for people, grouped by host and server."""

from __future__ import annotations

import collections
from typing import Iterator, Optional, Sequence

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.monmap import Monitor
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.summary import breaks_left
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import matrix
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

_HANG = 8


class Table:
    """A block of lines for each server, below the name of its host."""

    def __init__(self, printer: lines.Printer, kind: schema.Kind,
                 view: views.View = views.PLAIN):
        self._printer = printer
        self._kind = kind
        self._verbose = view.verbose
        # The cluster and the words for each old address.
        self._former: dict[tuple[str, str], None] = {}
        self._host: Optional[str] = None
        self._failing = matrix.Matrix()
        self._in_findings = False

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Write the right monitors of each cluster."""
        for cluster in clusters:
            self._printer.line(_cluster(cluster, answering), _HANG)

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write one server, unless it has no copies."""
        if not copies:
            return
        if host != self._host:
            self._end_host()
            self._host = host
            self._printer.line([])
            self._printer.line([('Host ', ''), (host, 'bold')])
        self._printer.line(_head(instance, copies, outcomes), _HANG)
        for spans in _details(copies, outcomes, self._verbose):
            self._printer.line(spans, _HANG)
        self._former.update(
            ((copy.cluster, address), None) for copy in copies
            if copy.cluster and copy.evidence
            for address in copy.evidence.addresses)
        self._failing.add(instance, breaks_left(copies, outcomes))

    def finding(self, found: Finding) -> None:
        """Write one finding with its advice."""
        if not self._in_findings:
            self._end_host()
            self._printer.line([])
            self._printer.line([('Findings that need attention', 'bold')])
            self._in_findings = True
        self._printer.line(_finding(found), _HANG)
        self._printer.line([(f'    {found.advice}', '')], _HANG)

    def close(self, how: ending.Ending) -> None:
        """Write whose the old addresses were, and the summary."""
        self._end_host()
        if self._former:
            self._printer.line([])
            self._printer.line([('Addresses of former monitors', 'bold')])
            for cluster, address in self._former:
                self._printer.line([(f'  {cluster}: {address}', '')], _HANG)
        self._printer.line([])
        first, *rest = sentences.sentences(
            how.summary, self._kind, how.run)
        self._printer.line([(first, style.of_run(how.summary))])
        for sentence in rest:
            self._printer.line([(sentence, '')])

    def _end_host(self) -> None:
        rows = self._failing.rows()
        self._failing = matrix.Matrix()
        if rows:
            self._printer.line([])
            self._printer.line([
                (f'  Operations that would fail on {self._host}', 'bold')])
            self._printer.table(rows)


def _cluster(cluster: Cluster, answering: Optional[frozenset[MonAddr]]
             ) -> list[lines.Span]:
    monitors = cluster.monmap.monitors
    name = [('Cluster ', ''), (cluster.name, 'bold')]
    if not monitors:
        return [*name, (': monitors unknown', 'yellow')]
    addrs = encoding.flat(cluster.monmap.addrs)
    return [*name, (f', from {cluster.origin}: {addrs}', ''),
            _answers(monitors, answering)]


def _answers(monitors: Sequence[Monitor],
             answering: Optional[frozenset[MonAddr]]) -> lines.Span:
    if answering is None:
        return ' (not asked)', 'dim'
    alive = sum(not answering.isdisjoint(monitor.addrs)
                for monitor in monitors)
    if not alive:
        return ' (no answer)', style.BAD
    if alive < len(monitors):
        return f' ({alive} of {len(monitors)} answer)', 'yellow'
    return ' (all answer)', 'dim'


def _finding(found: Finding) -> list[lines.Span]:
    old = encoding.flat(found.monitors)
    right = encoding.flat(found.desired) or 'unknown'
    return [('  ', ''), (f'{found.host}  {found.subject}', 'yellow'),
            (f'  {old} -> {right}' if old else '', '')]


def _head(instance: Instance, copies: Sequence[Copy],
          outcomes: Outcomes) -> list[lines.Span]:
    name = f'  {instance.name}' if instance.name else ''
    states = [each for each in (instance.vm_state, instance.task_state)
              if each]
    state = f'  ({", ".join(states)})' if states else ''
    return [('  ', ''), (instance.uuid, 'bold'), (f'{name}{state}  ', ''),
            _verdict(copies, outcomes)]


def _verdict(copies: Sequence[Copy], outcomes: Outcomes) -> lines.Span:
    failing = [each.value for each in breaks_left(copies, outcomes)]
    if Operation.START.value in failing:
        failing.remove(Operation.START.value)
        start = 'would not start' if outcomes is None \
            else 'still would not start'
        also = f'; {sentences.failing(failing)} too' if failing else ''
        return f'{start}{also}', style.BAD
    if failing:
        return sentences.failing(failing), 'red'
    return _counts(copies, outcomes)


def _counts(copies: Sequence[Copy], outcomes: Outcomes) -> lines.Span:
    counts = collections.Counter(_word(copy, outcomes) for copy in copies)
    if len(counts) == 1:
        (word, count), = counts.items()
        return f'{sentences.copies(count)} {word}', style.of(word)
    words = sorted(counts, key=style.severity, reverse=True)
    text = sentences.enumerate_counts({word: counts[word] for word in words})
    return text, style.of(words[0])


def _word(copy: Copy, outcomes: Outcomes) -> str:
    """Return the outcome of a copy, or its state without an outcome."""
    outcome = outcome_of(copy, outcomes)
    return outcome.verdict.value if outcome else copy.state.value


def _details(copies: Sequence[Copy], outcomes: Outcomes,
             verbose: bool) -> Iterator[list[lines.Span]]:
    """Yield a line for each copy that is not simply current.

    Current copies share one line, which is omitted if all are current.

    :param verbose: whether to list current copies, and evidence
    """
    listed = [copy for copy in copies
              if verbose or copy.state is not State.CURRENT]
    if not listed:
        return
    cells = [_cells(copy, outcomes) for copy in listed]
    widths = [max(map(len, column)) for column in zip(*cells)]
    widths[0] = max(widths[0], len(State.CURRENT.value))
    for copy, (word, *place) in zip(listed, cells):
        rest = zip(place, widths[1:])
        yield [('    ', ''),
               (word.ljust(widths[0]), style.of(_word(copy, outcomes))),
               (''.join(f'  {each.ljust(width)}' for each, width in rest),
                ''),
               ('  ' + '  '.join(_remarks(copy, outcomes, verbose)), '')]
    current = [f'{copy.locator.store} {copy.device or ""}'.strip()
               for copy in copies if copy.state is State.CURRENT]
    if current and not verbose:
        yield [('    ', ''), ('current'.ljust(widths[0]), 'dim'),
               (f'  {", ".join(current)}', 'dim')]


def _cells(copy: Copy, outcomes: Outcomes) -> tuple[str, ...]:
    outcome = outcome_of(copy, outcomes)
    state = copy.state.value
    return (f'{state}, {outcome.verdict.value}' if outcome else state,
            copy.locator.store, copy.device or '-')


def _remarks(copy: Copy, outcomes: Outcomes, verbose: bool) -> Iterator[str]:
    if copy.disk:
        cluster = f' ({copy.cluster})' if copy.cluster else ''
        yield f'{copy.disk.image}{cluster}'
        yield _addresses(copy.disk.monitors, copy.desired)
    # The states unknown-cluster and unreadable have skips of these names.
    if copy.skip and copy.skip.value != copy.state.value:
        yield f'skipped: {copy.skip.value}'
    if verbose and copy.evidence:
        yield f'evidence: {copy.evidence.kind.value}'
    if copy.cluster and copy.evidence and copy.evidence.remark:
        yield copy.evidence.remark
    outcome = outcome_of(copy, outcomes)
    reason = (outcome and outcome.reason) or copy.note
    if reason:
        yield reason


def _addresses(monitors: Sequence[MonAddr],
               desired: Sequence[MonAddr]) -> str:
    old = encoding.flat(monitors) or 'none'
    if not desired or sorted(map(str, monitors)) == sorted(
            map(str, desired)):
        return old
    return f'{old} -> {encoding.flat(desired)}'
