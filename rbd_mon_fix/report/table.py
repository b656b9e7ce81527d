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

"""The report for people: server by server, what is wrong in the eye."""

from __future__ import annotations

import collections
from typing import (
    Any,
    Iterable,
    Iterator,
    Mapping,
    Optional,
    Protocol,
    Sequence,
)

from rbd_mon_fix.model import summary
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import machine
from rbd_mon_fix.report import matrix
from rbd_mon_fix.report import plain
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import style

_HANG = 8


class Printer(Protocol):
    """Where lines of styled text go."""

    def line(self, spans: Sequence[plain.Span], hang: int = 0) -> None:
        """Write one line; a folded rest is indented by ``hang``."""


class Table:
    """A block of lines for each server, under the name of its host."""

    def __init__(self, printer: Printer, kind: schema.Kind):
        self._printer = printer
        self._kind = kind
        self._host: Optional[str] = None
        self._failing = matrix.Matrix()

    def clusters(self, clusters: machine.Clusters,
                 answering: machine.Answering) -> None:
        """Write the right monitors of each cluster."""
        for cluster in clusters:
            self._printer.line(_cluster(cluster, answering), _HANG)

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write one server; one without a copy is worth no line."""
        if not copies:
            return
        if host != self._host:
            self._end_host()
            self._host = host
            self._printer.line([])
            self._printer.line([('Host ', ''), (host, 'bold')])
        self._printer.line(_head(instance, copies, outcomes), _HANG)
        for spans in _details(copies, outcomes):
            self._printer.line(spans, _HANG)
        self._failing.add(instance, summary.breaks_left(copies, outcomes))

    def findings(self, found: Iterable[Finding]) -> None:
        """Write what cannot be put right, and what to do about it."""
        self._end_host()
        for number, each in enumerate(found):
            if not number:
                self._printer.line([])
                self._printer.line([('Cannot be put right here', 'bold')])
            self._printer.line(_finding(each), _HANG)
            self._printer.line([(f'    {each.advice}', '')], _HANG)

    def close(self, tally: Summary, run: Optional[str]) -> None:
        """Write what it all comes to."""
        self._end_host()
        self._printer.line([])
        first, *rest = sentences.sentences(tally, self._kind, run)
        self._printer.line([(first, style.of_run(tally))])
        for sentence in rest:
            self._printer.line([(sentence, '')])

    def _end_host(self) -> None:
        for number, spans in enumerate(self._failing.lines(self._host or '')):
            if not number:
                self._printer.line([])
            self._printer.line(spans, _HANG)
        self._failing = matrix.Matrix()


def _cluster(cluster: Mapping[str, Any],
             answering: machine.Answering) -> list[plain.Span]:
    monitors = machine.flat(cluster['monitors'])
    name = [('Cluster ', ''), (str(cluster['name']), 'bold')]
    if not monitors:
        return [*name, (': its monitors are not known', 'yellow')]
    return [*name, (f', from {cluster["source"]}: {monitors}', ''),
            _answers(cluster['addresses'], answering)]


def _answers(monitors: Sequence[Sequence[str]],
             answering: machine.Answering) -> plain.Span:
    if answering is None:
        return ' (not asked)', 'dim'
    answered = {str(addr) for addr in answering}
    alive = sum(not answered.isdisjoint(addrs) for addrs in monitors)
    if not alive:
        return ' (none answers)', style.BAD
    if alive < len(monitors):
        return f' ({alive} of {len(monitors)} answer)', 'yellow'
    return ' (all answer)', 'dim'


def _finding(found: Finding) -> list[plain.Span]:
    old = machine.flat(found.monitors)
    right = machine.flat(found.desired) or 'not known'
    return [('  ', ''), (f'{found.host}  {found.subject}', 'yellow'),
            (f'  {old} -> {right}' if old else '', '')]


def _head(instance: Instance, copies: Sequence[Copy],
          outcomes: Outcomes) -> list[plain.Span]:
    name = f'  {instance.name}' if instance.name else ''
    states = [each for each in (instance.vm_state, instance.task_state)
              if each]
    state = f'  ({", ".join(states)})' if states else ''
    return [('  ', ''), (instance.uuid, 'bold'), (f'{name}{state}  ', ''),
            _verdict(copies, outcomes)]


def _verdict(copies: Sequence[Copy],
             outcomes: Outcomes) -> plain.Span:
    failing = [each.value for each in summary.breaks_left(copies, outcomes)]
    if Operation.START.value in failing:
        failing.remove(Operation.START.value)
        start = 'would not start' if outcomes is None \
            else 'still would not start'
        also = f'; {sentences.failing(failing)} too' if failing else ''
        return f'{start}{also}', style.BAD
    if failing:
        return sentences.failing(failing), 'red'
    return _counts(copies, outcomes)


def _counts(copies: Sequence[Copy],
            outcomes: Outcomes) -> plain.Span:
    counts = collections.Counter(
        _last_word(copy, outcomes) for copy in copies)
    if len(counts) == 1:
        (word, count), = counts.items()
        return f'{sentences.copies(count)} {word}', style.of(word)
    words = sorted(counts, key=style.weight, reverse=True)
    told = sentences.enumerate_counts({word: counts[word] for word in words})
    return told, style.of(words[0])


def _last_word(copy: Copy, outcomes: Outcomes) -> str:
    outcome = outcome_of(copy, outcomes)
    return outcome.verdict.value if outcome else copy.state.value


def _details(copies: Sequence[Copy],
             outcomes: Outcomes) -> Iterator[list[plain.Span]]:
    """Yield a line for each copy that is not plainly right.

    Those that are share one line, and none when there are no others.
    """
    told = [copy for copy in copies if copy.state is not State.CURRENT
            or outcome_of(copy, outcomes)]
    if not told:
        return
    cells = [_cells(copy, outcomes) for copy in told]
    widths = [max(map(len, column)) for column in zip(*cells)]
    widths[0] = max(widths[0], len(State.CURRENT.value))
    for copy, (word, *place) in zip(told, cells):
        rest = zip(place, widths[1:])
        yield [('    ', ''),
               (word.ljust(widths[0]), style.of(_last_word(copy, outcomes))),
               (''.join(f'  {each.ljust(width)}' for each, width in rest),
                ''),
               ('  ' + '  '.join(_remarks(copy, outcomes)), '')]
    right = [f'{copy.locator.store} {copy.device or ""}'.strip()
             for copy in copies if copy not in told]
    if right:
        yield [('    ', ''), ('current'.ljust(widths[0]), 'dim'),
               (f'  {", ".join(right)}', 'dim')]


def _cells(copy: Copy, outcomes: Outcomes) -> tuple[str, ...]:
    outcome = outcome_of(copy, outcomes)
    state = copy.state.value
    return (f'{state}, {outcome.verdict.value}' if outcome else state,
            copy.locator.store, copy.device or '-')


def _remarks(copy: Copy, outcomes: Outcomes) -> Iterator[str]:
    if copy.disk:
        cluster = f' ({copy.cluster})' if copy.cluster else ''
        yield f'{copy.disk.image}{cluster}'
        old = machine.flat(copy.disk.monitors) or 'none'
        right = machine.flat(copy.desired)
        yield f'{old} -> {right}' if _differs(copy) else old
    # An unknown cluster and an unreadable record are said by the state.
    if copy.skip and copy.skip.value != copy.state.value:
        yield f'left alone: {copy.skip.value}'
    outcome = outcome_of(copy, outcomes)
    reason = (outcome and outcome.reason) or copy.note
    if reason:
        yield reason


def _differs(copy: Copy) -> bool:
    if copy.disk is None or not copy.desired:
        return False
    return (sorted(map(str, copy.disk.monitors))
            != sorted(map(str, copy.desired)))
