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

"""Each copy of each server, for ``--verbose``."""

from __future__ import annotations

import collections
from typing import Iterator, Optional, Sequence

from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import HANDED_ON
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.summary import breaks_left
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import style

_HANG = 8


class Detail:
    """A block of lines for each server, below the name of its host."""

    def __init__(self, printer: lines.Printer):
        self._printer = printer
        self._host: Optional[str] = None
        self._in_findings = False

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Write one server and each of its copies, with the evidence."""
        if host != self._host:
            if self._host:
                self._printer.line([])
            self._printer.line([('Host ', ''), (host, 'bold')])
            self._host = host
        self._printer.line(_head(instance, copies, outcomes), _HANG)
        for spans in _details(copies, outcomes):
            self._printer.line(spans, _HANG)

    def finding(self, found: Finding) -> None:
        """Write one finding with its advice."""
        if not self._in_findings:
            self._printer.line([])
            self._printer.line([('Findings', 'bold')])
            self._in_findings = True
        self._printer.line(_finding(found), _HANG)
        self._printer.line([(f'    {found.advice}', '')], _HANG)


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
    left = breaks_left(copies, outcomes)
    failing = [each.value for each in left if each not in HANDED_ON]
    if Operation.START.value in failing:
        failing.remove(Operation.START.value)
        start = 'would not start' if outcomes is None \
            else 'still would not start'
        also = f'; {sentences.failing(failing)} too' if failing else ''
        return f'{start}{also}', style.BAD
    if failing:
        return sentences.failing(failing), 'red'
    if left:
        return sentences.handing_on(left), 'yellow'
    return _counts(copies, outcomes)


def _counts(copies: Sequence[Copy], outcomes: Outcomes) -> lines.Span:
    counts = collections.Counter(_word(copy, outcomes) for copy in copies)
    shield = (', shielded on this host'
              if any(copy.shielded for copy in copies) else '')
    if len(counts) == 1:
        (word, count), = counts.items()
        return f'{sentences.copies(count)} {word}{shield}', style.of(word)
    words = sorted(counts, key=style.severity, reverse=True)
    text = sentences.enumerate_counts({word: counts[word] for word in words})
    return f'{text}{shield}', style.of(words[0])


def _word(copy: Copy, outcomes: Outcomes) -> str:
    """Return the outcome of a copy, or its state without an outcome."""
    outcome = outcome_of(copy, outcomes)
    return outcome.verdict.value if outcome else copy.state.value


def _details(copies: Sequence[Copy],
             outcomes: Outcomes) -> Iterator[list[lines.Span]]:
    """Yield a line for each copy."""
    cells = [_cells(copy, outcomes) for copy in copies]
    widths = [max(map(len, column)) for column in zip(*cells)]
    for copy, (word, *place) in zip(copies, cells):
        rest = zip(place, widths[1:])
        yield [('    ', ''),
               (word.ljust(widths[0]), style.of(_word(copy, outcomes))),
               (''.join(f'  {each.ljust(width)}' for each, width in rest),
                ''),
               ('  ' + '  '.join(_remarks(copy, outcomes)), '')]


def _cells(copy: Copy, outcomes: Outcomes) -> tuple[str, ...]:
    outcome = outcome_of(copy, outcomes)
    state = copy.state.value
    return (f'{state}, {outcome.verdict.value}' if outcome else state,
            copy.locator.store, copy.device or '-')


def _remarks(copy: Copy, outcomes: Outcomes) -> Iterator[str]:
    if copy.disk:
        cluster = f' ({copy.cluster})' if copy.cluster else ''
        yield f'{copy.disk.image}{cluster}'
        yield _addresses(copy.disk.monitors, copy.desired)
    # The states unknown-cluster and unreadable have skips of these names.
    if copy.skip and copy.skip.value != copy.state.value:
        yield f'skipped: {copy.skip.value}'
    if copy.shielded:
        yield 'shielded on this host'
    if copy.evidence:
        yield f'evidence: {copy.evidence.kind.value}'
    if copy.cluster and copy.evidence and copy.evidence.detail:
        yield copy.evidence.detail
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
