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

"""The line of a check."""

from __future__ import annotations

import re

import pytest

from rbd_mon_fix.model.plan import State
from rbd_mon_fix.report import nagios
from tests.unit.report import healths
from tests.unit.report import sample

LOST = ('cmp3',)
CURRENT = sample.current(1)
DRIFTED = [sample.copy(sample.instance(2), state=State.DRIFTED)]
SOFT = [sample.copy(sample.instance(2), 'domain', State.STALE,
                    breaks=sample.SOFT)]
# Monitoring Plugins' guidelines, section "Performance data".
PERFDATA = re.compile(
    r'[^ =\']+=-?[0-9.]+(;[0-9.]*){0,4}( [^ =\']+=-?[0-9.]+(;[0-9.]*){0,4})*')


@pytest.mark.parametrize('health, line', [
    (healths.health(CURRENT), 'OK - 1 server would come back'),
    (healths.health(), 'OK - 0 servers would come back'),
    (healths.health(CURRENT, DRIFTED), 'WARNING - 1 copy drifted'),
    (healths.health(SOFT), 'WARNING - 1 copy stale'),
    (healths.health(sample.unreadable(1)), 'WARNING - 1 copy not judged'),
    (healths.health(CURRENT, not_judged=2), 'WARNING - 2 guests not judged'),
    (healths.health(CURRENT, doubts=('None answers.',)),
     'WARNING - None answers'),
    (healths.health(CURRENT, unreached=LOST), 'UNKNOWN - not reached: cmp3'),
    (healths.health(DRIFTED, unreached=LOST),
     'UNKNOWN - not reached: cmp3, 1 copy drifted'),
    (healths.health(sample.stale(1), unreached=LOST),
     'CRITICAL - 1 of 1 server would not come back, not reached: cmp3, '
     '2 copies stale'),
    (healths.health(CURRENT, stranded=2), 'CRITICAL - 2 guests stranded'),
    (healths.fleet(),
     'CRITICAL - 2 of 5 servers would not come back, 1 guest stranded, not '
     'reached: cmp3, 3 copies stale, 1 copy not judged')])
def test_the_worst_comes_first(health, line):
    assert nagios.line(health) == f'RBDMON {line}'
    assert PERFDATA.fullmatch(nagios.perfdata(health))


def test_perfdata():
    assert nagios.perfdata(healths.fleet()) == (
        'lost=2;0;0;0;5 stale=3 drifted=0 not_judged=1 stranded=1;0;0;0 '
        'unreached=1;0;;0')


@pytest.mark.parametrize('message, shown', [
    ('It is so.', 'It is so.'), ('a | b', 'a / b'), ('a\nb', 'a\\nb')])
def test_a_message_stays_in_its_place(message, shown):
    assert nagios.unknown(message) == f'RBDMON UNKNOWN - {shown}'
