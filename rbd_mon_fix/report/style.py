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

"""The colours and the severity of words."""

from __future__ import annotations

from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.summary import Summary

BAD = 'bold red'

# In order of severity, worst last.
_STYLES = {
    'current': 'dim',
    'yes': 'green',
    'fixed': 'green',
    'drifted': 'yellow',
    'stale (shielded)': 'yellow',
    'unknown-cluster': 'magenta',
    'unreadable': 'magenta',
    'no': 'red',
    'fails': 'red',
    'stale': 'red',
    'unverified': BAD,
    'failed': BAD,
    'conflict': BAD,
}
_SEVERITY = {word: severity for severity, word in enumerate(_STYLES)}
_OF_SEVERITY = tuple(_STYLES.values())


def of(word: str) -> str:
    """Return the style of a word in the syntax of rich; '' for no style."""
    return _STYLES.get(word, '')


def severity(word: str) -> int:
    """Return the rank of a word: the higher, the worse."""
    return _SEVERITY.get(word, 0)


def of_severity(severity: int) -> str:
    """Return the style of the words of a rank."""
    return _OF_SEVERITY[severity]


def of_run(summary: Summary) -> str:
    """Return the style of the first sentence of a summary."""
    if summary.left[Operation.START]:
        return BAD
    unfixed = summary.due > summary.outcomes[Verdict.FIXED]
    if (summary.still_broken or summary.skipped_writable or unfixed
            or summary.not_judged):
        return 'yellow'
    return 'green'
