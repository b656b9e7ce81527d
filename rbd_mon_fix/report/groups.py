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
"""Failures by cause: one heading for all that share it."""

from __future__ import annotations

import dataclasses
from typing import Iterator, Sequence

from rbd_mon_fix.report import lines
from rbd_mon_fix.report import sentences
from rbd_mon_fix.report import sheets

_ROWS = 20
_CAUSES = 5


@dataclasses.dataclass(frozen=True)
class Cause:
    """One cause, and the servers that share it.

    :param details: more about the cause, such as the addresses tried
    :param rows: one for each server
    :param noun: of a row, if that is no server
    """

    heading: str
    style: str
    details: Sequence[str]
    rows: Sequence[Sequence[lines.Span]]
    noun: str = 'server'


def show(causes: Sequence[Cause], narrow: Sequence[int], sheet: sheets.Sheet
         ) -> Iterator[lines.Line]:
    """Yield the causes, those with the most servers at full length.

    :param narrow: the columns of the rows that may be shortened
    """
    for cause in causes[:_CAUSES]:
        yield from sheet.prose(cause.heading, cause.style, '  ', 4)
        for detail in cause.details:
            yield from sheet.prose(detail, '', ' ' * 4, 8)
        shown = cause.rows[:_ROWS]
        yield from sheet.rows(shown, 6, narrow)
        yield from _more(len(cause.rows) - len(shown), cause.noun, ' ' * 6,
                         sheet)
    yield from _more(len(causes) - _CAUSES, 'cause', '  ', sheet)


def _more(count: int, noun: str, head: str,
          sheet: sheets.Sheet) -> Iterator[lines.Line]:
    if count > 0:
        yield from sheet.prose(
            f'and {sentences.number(count, f"more {noun}")} '
            '(-f csv lists all)', 'dim', head)
