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

"""The colours of words, and which of them weighs more."""

from __future__ import annotations

from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.summary import Summary

BAD = 'bold red'

# From the lightest to the heaviest.
_OF_WORD = {
    'current': 'dim',
    'yes': 'green',
    'fixed': 'green',
    'drifted': 'yellow',
    'unknown-cluster': 'magenta',
    'unreadable': 'magenta',
    'no': 'red',
    'fails': 'red',
    'stale': 'red',
    'unverified': BAD,
    'failed': BAD,
    'conflict': BAD,
}
_WEIGHT = {word: weight for weight, word in enumerate(_OF_WORD)}


def of(word: str) -> str:
    """Return the style of a word in the words of rich; '' for none."""
    return _OF_WORD.get(word, '')


def weight(word: str) -> int:
    """Return how much a word should catch the eye."""
    return _WEIGHT.get(word, 0)


def of_run(tally: Summary) -> str:
    """Return the style of the first sentence of a summary."""
    if tally.left[Operation.START]:
        return BAD
    unfixed = tally.due > tally.outcomes[Verdict.FIXED]
    if tally.still_broken or tally.left_alone or unfixed:
        return 'yellow'
    return 'green'
