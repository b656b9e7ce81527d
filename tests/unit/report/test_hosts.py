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

"""A line for each host."""

import pytest

from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.report import hosts
from rbd_mon_fix.report import layout
from tests.unit.report import reports
from tests.unit.report import sample


def drawn(added, done=None, everything=False, width=80):
    found = hosts.Fleet(everything)
    for copies in added:
        found.add(copies[0].locator.host, copies, done)
    summary = sample.summary(added, done)
    return [''.join(text for text, _ in line)
            for line in found.drawn(summary.hosts, width)]


def cells(lines):
    return [line.split() for line in lines]


WELL, ILL = sample.current(1), sample.stale(2, host='cmp2')
DRIFTED = [sample.copy(sample.instance(3, host='cmp3'), state=State.DRIFTED)]
BUSY = sample.busy(4, host='cmp4')
DOUBT = sample.unreadable(5, host='cmp5')


def test_the_worst_host_comes_first():
    assert cells(drawn([WELL, DRIFTED, ILL, BUSY, DOUBT])) == [
        'HOST SERVERS LOST STALE DRIFTED LEFT ALONE NOT JUDGED'.split(),
        ['cmp2', '1', '1', '2', '0', '0', '0'],
        ['cmp4', '1', '1', '0', '0', '1', '0'],
        ['cmp5', '1', '0', '0', '0', '0', '1'],
        ['cmp3', '1', '0', '0', '1', '0', '0'],
        ['1', 'host', 'is', 'in', 'order.']]


def test_all_hosts_in_order():
    two = [WELL, sample.current(2, host='cmp2')]

    assert drawn(two) == ['  2 hosts are in order.']
    assert cells(drawn(two, everything=True)) == [
        ['HOST', 'SERVERS'], ['cmp1', '1'], ['cmp2', '1']]


def test_what_a_run_did_is_told_in_changes():
    copies = [sample.copy(sample.instance(1), 'domain', State.STALE,
                          device=device) for device in ('vda', 'vdb')]
    other = sample.stale(2, host='cmp2')
    done = {**sample.outcomes(copies),
            **sample.outcomes(other, Verdict.FAILED)}

    assert cells(drawn([copies, other], done, everything=True)) == [
        'HOST SERVERS LOST FIXED NOT FIXED'.split(),
        ['cmp2', '1', '1', '0', '2'], ['cmp1', '1', '0', '1', '0']]


@pytest.mark.parametrize('everything, count, rest', [
    (False, 22, '  20 worst of 30 shown (--all, -f csv).'), (True, 31, None)])
def test_only_the_worst_hosts_are_listed(everything, count, rest):
    lines = drawn([sample.stale(each, host=f'cmp{each}')
                   for each in range(30)], everything=everything)

    assert len(lines) == count
    assert rest is None or lines[-1] == rest


def test_five_hundred_hosts_have_one_screen():
    lines = drawn([server for number in range(500) for server in (
        sample.stale(2 * number, host=f'cmp{number}'),
        sample.current(2 * number + 1, host=f'cmp{number}'))])

    assert len(lines) == 22


@pytest.mark.parametrize('width', [80, 160])
def test_every_line_fits(width):
    name = 'a-host.of-a-very-long-domain.' * 9
    lines = drawn([sample.stale(1, host=name), BUSY, DOUBT, DRIFTED],
                  width=width)

    assert max(map(layout.cells, lines)) <= width
    assert lines[1].startswith('  a-host.of-a-very')


def test_names_of_hosts_do_not_end_up_beside_each_other():
    assert reports.text(reports.SCREENS['status-fleet'], 80).count(
        'cmp001') == 1
