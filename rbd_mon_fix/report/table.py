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

"""The report for people: one screen, the verdict first and last."""

from __future__ import annotations

from typing import Iterable, Iterator, Optional, Sequence

from rbd_mon_fix.model.cluster import Cluster
from rbd_mon_fix.model.finding import Finding
from rbd_mon_fix.model.instance import Instance
from rbd_mon_fix.model.monmap import MonAddr
from rbd_mon_fix.model.plan import Copy
from rbd_mon_fix.model.plan import Outcomes
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.plan import outcome_of
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import Summary
from rbd_mon_fix.report import blocks
from rbd_mon_fix.report import causes
from rbd_mon_fix.report import detail
from rbd_mon_fix.report import encoding
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import hosts
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import lines
from rbd_mon_fix.report import moves
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import servers
from rbd_mon_fix.report import style
from rbd_mon_fix.report import verdicts
from rbd_mon_fix.report import view as views

# On several hosts, more servers than this are only counted.
_SERVERS = 40
# Lines for what is told about all servers. The verdict, the headings and the
# end take 9 more at most, and the screen of one host 25 beside its servers.
_ROOM = 16
# Moves, causes and findings that are told without --verbose.
_MOST = 2
# Findings that are named for each advice, and stranded guests.
_SUBJECTS, _NAMED = 2, 2

# Why copies are left alone, where the copy has no note of its own.
_WHY = {
    SkipReason.BUSY:
        'Nova is working on the server. Run the same command again later.',
    SkipReason.BLOCK_JOB:
        'a block job copies the disk. Run the same command again later.',
    SkipReason.UNMANAGED:
        'Nova does not know the guest. --unmanaged includes it.',
    SkipReason.UNKNOWN_CLUSTER: 'the monitors of its cluster are unknown.',
    SkipReason.READ_ONLY: 'it remains until the guest is restarted.',
    SkipReason.CONFIG_FILE: 'rbd-mon-fix does not write it.',
    SkipReason.CHANGED: 'its addresses have changed since the run.',
    SkipReason.GONE: 'the record does not exist any more.',
}


class Table:
    """Collects what one screen tells, and draws it at the end.

    With ``--verbose``, each server is also described as it arrives.
    """

    def __init__(self, printer: lines.Printer, kind: schema.Kind,
                 view: views.View = views.PLAIN):
        self._printer = printer
        self._kind = kind
        self._view = view
        self._detail = detail.Detail(printer) if view.verbose else None
        self._moves = moves.Moves()
        self._servers = servers.Servers(kind, view.everything, _SERVERS)
        self._fleet = hosts.Fleet(view.everything)
        self._reasons = causes.Causes(1)
        self._findings = causes.Causes(_SUBJECTS)

    def clusters(self, clusters: Sequence[Cluster],
                 answering: Optional[frozenset[MonAddr]]) -> None:
        """Remember the clusters."""
        self._moves.begin(clusters, answering)

    def server(self, host: str, instance: Instance, copies: Sequence[Copy],
               outcomes: Outcomes) -> None:
        """Count one server, unless it has no copies."""
        if not copies:
            return
        if self._detail:
            self._detail.server(host, instance, copies, outcomes)
        self._fleet.add(host, copies, outcomes)
        self._servers.add(instance, copies, outcomes)
        self._moves.add([copy for copy in copies if copy.due or (
            copy.wrong and self._kind is schema.Kind.STATUS)])
        for copy in copies:
            reason = _reason(copy, outcomes)
            if reason:
                self._reasons.add(reason, host, _subject(instance, copy))

    def finding(self, found: Finding) -> None:
        """Remember one finding, and its advice."""
        if self._detail:
            self._detail.finding(found)
        self._findings.add(found.advice, found.host, found.subject)

    def close(self, how: ending.Ending) -> None:
        """Draw the screen."""
        if self._detail:
            self._printer.line([])
        self._verdict(how)
        self._write(self._list(how))
        if len(self._fleet) > 1:
            self._write(self._servers.drawn(self._printer.width))
        for block in blocks.fitted(list(self._blocks(how)), _ROOM):
            self._write(block)
        self._end(how)

    def _verdict(self, how: ending.Ending) -> None:
        line, *rest = verdicts.first(how, self._kind)
        self._printer.line([(line, style.of_run(how.summary))])
        for line in rest:
            self._printer.line([(line, '')])

    def _write(self, block: Iterable[lines.Line]) -> None:
        """Write lines below an empty line, if there are any."""
        for number, line in enumerate(block):
            if not number:
                self._printer.line([])
            self._printer.line(line)

    def _blocks(self, how: ending.Ending) -> Iterator[blocks.Block]:
        """Yield what is told about all servers, by title."""
        several, width = len(self._fleet) > 1, self._printer.width
        yield blocks.Block('NOT WRITTEN' if how.run else 'LEFT ALONE',
                           self._reasons.drawn(width, _MOST, several))
        yield blocks.Block('FINDINGS', self._findings.drawn(
            width, _MOST, several))
        yield blocks.Block(f'NOT LOOKED AT ({len(how.lost):,})',
                           self._lost(how))
        yield blocks.Block('STRANDED', _stranded(how.summary, width))
        yield blocks.Block('MONITORS', self._moves.drawn(width, _MOST))

    def _list(self, how: ending.Ending) -> Iterator[lines.Line]:
        """Yield the hosts of a fleet, the servers, and what is in order."""
        width = self._printer.width
        if len(self._fleet) > 1:
            yield from self._fleet.drawn(how.summary.hosts, width)
            return
        yield from self._servers.drawn(width)
        well = self._servers.in_order
        if (well and not self._view.everything
                and self._kind is not schema.Kind.ROLLBACK):
            told = ('1 server is in order (--all shows it).' if well == 1
                    else f'{well:,} servers are in order (--all shows them).')
            yield [(f'  {told}', '')]
        if self._kind is schema.Kind.DRY_RUN and self._servers.stores:
            counts = sentences.enumerate_counts(self._servers.stores)
            yield [(f'  To change: {counts}', '')]

    def _lost(self, how: ending.Ending) -> Iterator[lines.Line]:
        """Yield the hosts that could not be scanned, by reason."""
        by_reason: dict[str, list[str]] = {}
        for host, error in how.lost.items():
            by_reason.setdefault(str(error), []).append(host)
        for reason, names in by_reason.items():
            text = f'{", ".join(names)}: {reason}'
            for line in layout.wrapped(text, self._printer.width - 2, 3):
                yield [(f'  {line}', 'yellow')]

    def _end(self, how: ending.Ending) -> None:
        self._printer.line([])
        for line in verdicts.last(how, self._kind):
            self._printer.line([(line, '')])
        for line in verdicts.following(how, self._kind, self._view):
            self._printer.whole([(line, '')])


def _stranded(summary: Summary, width: int) -> Iterator[lines.Line]:
    """Yield which guests are stranded, and how to reconnect them."""
    if not summary.stranded:
        return
    shown = summary.stranded[:_NAMED]
    more = len(summary.stranded) - len(shown)
    for uuid in shown:
        yield [(f'  {uuid}', style.BAD)]
    if more:
        yield [(f'  and {more:,} more: rbd-mon-fix guests', '')]
    for line in layout.wrapped(
            'Cut off from all monitors. Refresh, then live-migrate or restart '
            'them.', width - 4, 2):
        yield [(f'    {line}', '')]


def _reason(copy: Copy, outcomes: Outcomes) -> str:
    """Return why a copy was left alone or not written, or ''."""
    outcome = outcome_of(copy, outcomes)
    if outcome is not None and outcome.verdict is not Verdict.FIXED:
        return f'{outcome.verdict.value}: {outcome.reason}'
    told = copy.amiss or copy.skip in (SkipReason.CHANGED, SkipReason.GONE)
    if not told or copy.skip is None:
        return ''
    why = copy.note or _WHY.get(copy.skip, '')
    return f'{copy.skip.value}: {why}' if why else copy.skip.value


def _subject(instance: Instance, copy: Copy) -> str:
    return '  '.join(filter(None, (
        instance.uuid[:8], encoding.printable(instance.name),
        copy.locator.store, copy.device)))
