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

"""Counts and lists in words."""

from __future__ import annotations

from typing import Iterable, Mapping

from rbd_mon_fix.model.plan import Operation


def number(count: int, one: str, many: str = '') -> str:
    """Return a count with its noun in singular or plural.

    :param many: the plural if it is not the singular with an s
    """
    return f'{count:,} {one if count == 1 else many or one + "s"}'


def copies(count: int) -> str:
    """Return a count of copies."""
    return number(count, 'copy', 'copies')


def changes(count: int) -> str:
    """Return a count of changes."""
    return number(count, 'change')


def enumerate_counts(counts: Mapping[str, int]) -> str:
    """Return, for example, ``2 stale, 1 drifted``, omitting zeros."""
    return ', '.join(f'{count:,} {word}' for word, count in counts.items()
                     if count)


def failing(operations: list[str]) -> str:
    """Return ``a would fail``, or ``a, b and c would fail``."""
    if len(operations) > 1:
        operations = [', '.join(operations[:-1]), operations[-1]]
    return f'{" and ".join(operations)} would fail'


def handing_on(operations: Iterable[Operation]) -> str:
    """Return what operations do that succeed, but keep stale addresses."""
    words = ' and '.join(each.value for each in operations)
    return f'{words} would save stale addresses'
