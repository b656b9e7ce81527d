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

"""The screen of ``preflight``: failed checks first, each with its advice."""

from __future__ import annotations

import collections
import dataclasses
import re
from typing import Iterable, Iterator, Sequence

from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sheets
from rbd_mon_fix.report import style
from rbd_mon_fix.report import view as views

# A statement to type stands on a line of its own.
_STATEMENT = re.compile(r'(GRANT [^;]+;)')
_HANG = 6
_CAUSES = 10
_INDENT = ' ' * _HANG


@dataclasses.dataclass(frozen=True)
class CheckLine:
    """The result of one check.

    :param works: 'yes', 'no' or 'not asked'
    """

    check: str
    subject: str
    works: str
    finding: str
    advice: str


def screen(checks: Sequence[CheckLine], hosts: Sequence[str],
           view: views.View, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the verdict, what fails, what works, and whether to go on.

    :param hosts: the hosts that were given; empty for this machine
    """
    failed, fine, rest = (_which(checks, works)
                          for works in ('no', 'yes', 'not asked'))
    where = (f'{len(hosts)} hosts' if len(hosts) > 3 else
             sheet.cut(', '.join(hosts) or 'this machine', 40))
    verdict, colour = _verdict(len(failed), len(failed) + len(fine))
    yield from sheet.prose(f'preflight on {where}: {verdict}', colour)
    yield []
    yield from _failed(failed, hosts, sheet)
    yield from _fine(fine, sheet)
    yield from _rest(rest, sheet)
    yield []
    if failed:
        yield from sheet.prose(
            f'Do not go on: {verdict.partition(".")[0]}. Correct what is '
            'marked NO, and run this again.', style.BAD)
    else:
        yield sheets.command('Go on', view.scoped('status'))


def _which(checks: Sequence[CheckLine], works: str) -> list[CheckLine]:
    return [each for each in checks if each.works == works]


def _verdict(failed: int, asked: int) -> tuple[str, str]:
    if not failed:
        return f'all {asked} checks pass. Go on.', 'green'
    verb = 'fails' if failed == 1 else 'fail'
    return f'{failed} of {asked} checks {verb}. Do not go on.', style.BAD


def _failed(failed: Iterable[CheckLine], hosts: Sequence[str],
            sheet: sheets.Sheet) -> Iterator[lines.Line]:
    causes: dict[tuple[str, str, str], list[CheckLine]] = {}
    for each in failed:
        causes.setdefault(_cause(each, hosts), []).append(each)
    for (_, finding, advice), alike in list(causes.items())[:_CAUSES]:
        first = alike[0]
        if len(alike) == 1:
            finding, advice = first.finding, first.advice
            if not finding.startswith(first.subject):
                finding = f'{first.subject}: {finding}'
        yield from sheet.prose(finding, style.BAD, f'  NO  {first.check}  ',
                               _HANG)
        if len(alike) > 1:
            yield from sheet.prose(
                _named([each.subject for each in alike], 12), '', _INDENT,
                _HANG)
        yield from _advice(advice, sheet)
    if len(causes) > _CAUSES:
        yield from sheet.prose(
            f'and {len(causes) - _CAUSES} more causes (-f csv lists all)',
            'dim', _INDENT, _HANG)


def _cause(check: CheckLine, hosts: Sequence[str]) -> tuple[str, str, str]:
    """Return what a check shares with those of other hosts."""
    host = next((host for host in hosts if len(hosts) > 1
                 and f' {check.subject}'.endswith(f' {host}')), None)
    finding, advice = (text.replace(host, 'HOST') if host else text
                       for text in (check.finding, check.advice))
    return check.check, finding, advice


def _advice(advice: str, sheet: sheets.Sheet) -> Iterator[lines.Line]:
    for part in filter(None, map(str.strip, _STATEMENT.split(advice))):
        if _STATEMENT.match(part):
            yield [(_INDENT + part, '')]
        else:
            yield from sheet.prose(part, '', _INDENT, _HANG)


def _fine(fine: Sequence[CheckLine],
          sheet: sheets.Sheet) -> Iterator[lines.Line]:
    if fine:
        counts = collections.Counter(each.check for each in fine)
        kinds = ', '.join(f'{check} {count}'
                          for check, count in counts.items())
        yield from sheet.prose(kinds, '', f'  ok  {len(fine)}: ', _HANG)


def _rest(rest: Sequence[CheckLine],
          sheet: sheets.Sheet) -> Iterator[lines.Line]:
    """Yield the checks that were not asked, by the reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in rest:
        reasons.setdefault((each.check, each.finding), []).append(
            each.subject)
    for (check, reason), subjects in reasons.items():
        yield from sheet.prose(
            f'{len(subjects)} not asked: {_named(subjects, 3)}. {reason}',
            'dim', f'  --  {check}  ', _HANG)


def _named(subjects: Sequence[str], most: int) -> str:
    more = len(subjects) - most
    tail = f' and {more} more' if more > 0 else ''
    return f'{", ".join(subjects[:most])}{tail}'
