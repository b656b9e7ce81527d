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

"""A line for each server."""

import dataclasses

import pytest

from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import layout
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import servers
from tests.unit.report import reports
from tests.unit.report import sample

STATUS, DRY_RUN = schema.Kind.STATUS, schema.Kind.DRY_RUN
REFRESH, ROLLBACK = schema.Kind.REFRESH, schema.Kind.ROLLBACK


def drawn(kind, added, done=None, everything=False, width=80, most=40):
    found = servers.Servers(kind, everything, most)
    for copies in added:
        found.add(copies[0].instance, copies, done)
    return [''.join(text for text, _ in line) for line in found.drawn(width)]


def last_cells(lines):
    return [line.split('  ')[-1].strip() for line in lines[1:]]


SHIELDED = dataclasses.replace(sample.copy(
    sample.instance(1), state=State.STALE), shielded=True)
LIVE = sample.copy(sample.instance(1), 'live-domain', State.STALE,
                   skip=SkipReason.READ_ONLY)


@pytest.mark.parametrize(('copies', 'cell'), [
    (sample.stale(1), '2 stale'),
    (sample.busy(1), '1 busy'),
    (sample.unreadable(1), '1 unreadable'),
    (reports.unknown(1), '1 unknown-cluster'),
    (sample.stale(1) + sample.busy(1), '2 stale, 1 busy'),
    ([sample.copy(sample.instance(1), state=State.DRIFTED)], '1 drifted'),
    ([SHIELDED, *sample.busy(1)], '1 stale (shielded), 1 busy'),
    ([*sample.stale(1), SHIELDED], '2 stale, 1 stale (shielded)'),
    ([dataclasses.replace(SHIELDED, state=State.DRIFTED)], '1 drifted'),
    # Its guest keeps it until it is restarted.
    ([LIVE, *sample.stale(1)], '2 stale'),
])
def test_status_tells_the_copies_that_are_not_right(copies, cell):
    assert last_cells(drawn(STATUS, [copies])) == [cell]


@pytest.mark.parametrize('copies', [
    sample.current(1), [LIVE],
    [sample.copy(sample.instance(1), state=State.STALE,
                 skip=SkipReason.OTHER_HOST)]])
def test_a_server_in_order_takes_no_line(copies):
    assert drawn(STATUS, [copies]) == []
    assert last_cells(drawn(STATUS, [copies], everything=True)) == ['in order']


def test_servers_in_order_and_changes_are_counted():
    found = servers.Servers(STATUS, False, 40)
    for copies in (sample.current(1), sample.stale(2), sample.stale(3)):
        found.add(copies[0].instance, copies, None)

    assert found.in_order == 1
    assert found.stores == {'nova-bdm': 2, 'domain': 2}


def test_a_document_of_two_disks_is_one_change():
    copies = [sample.copy(sample.instance(1), 'domain', State.STALE,
                          device=device) for device in ('vda', 'vdb')]

    assert last_cells(drawn(DRY_RUN, [copies])) == ['1 to change']


@pytest.mark.parametrize(('done', 'cells'), [
    ({}, ['2 not made']),
    (sample.outcomes(sample.stale(1)), []),
    (sample.outcomes(sample.stale(1), Verdict.CONFLICT), ['2 conflict']),
    (sample.outcomes(sample.stale(1)[:2]), ['1 not made']),
])
@pytest.mark.parametrize('kind', [REFRESH, ROLLBACK])
def test_a_run_tells_what_it_did_not_write(kind, done, cells):
    assert last_cells(drawn(kind, [sample.stale(1)], done)) == cells


def test_a_run_that_lists_everything_tells_what_it_wrote():
    copies = sample.stale(1)

    assert last_cells(drawn(REFRESH, [copies], sample.outcomes(copies),
                            everything=True)) == ['2 fixed']


def test_a_rollback_that_lists_everything_tells_what_it_restored():
    copies = reports.RESTORED[0]
    done = {each.locator: Outcome(each.locator, Verdict.FIXED)
            for each in copies}

    lines = drawn(ROLLBACK, [copies], done)
    assert '  WOULD FAIL  ' in lines[0]
    assert last_cells(lines) == ['3 restored']


def test_a_rollback_lists_what_it_cannot_take_back():
    copies = [sample.copy(sample.instance(1), skip=SkipReason.CHANGED)]

    assert len(drawn(ROLLBACK, [copies], {})) == 2


def test_operations_have_short_names():
    copies = [sample.copy(sample.instance(1), state=State.STALE,
                          breaks=tuple(Operation))]

    assert (
        '  start hard soft resume unrescue rescue suspend snapshot live '
        'migrate revert  ') in drawn(STATUS, [copies], width=160)[1]


@pytest.mark.parametrize('breaks, listed', [
    ((Operation.SUSPEND,), False), ((Operation.LIVE_MIGRATE,), True),
    ((Operation.SUSPEND, Operation.SNAPSHOT), True)])
def test_a_running_guest_is_listed_if_an_operation_would_fail(breaks, listed):
    """A suspend succeeds; its image can be corrected before a resume."""
    copies = [sample.copy(sample.instance(1), 'live-domain', State.STALE,
                          skip=SkipReason.READ_ONLY, breaks=breaks)]

    assert bool(drawn(STATUS, [copies])) is listed


def test_a_plan_marks_what_it_changes():
    lines = drawn(DRY_RUN, [sample.stale(1), sample.busy(2)])

    assert [line[:4] for line in lines[1:]] == ['  ~ ', '  ! ']


def test_the_worst_server_comes_first():
    lines = drawn(STATUS, [
        [sample.copy(sample.instance(1), state=State.DRIFTED)],
        sample.busy(2), sample.stale(3), sample.unreadable(4)])

    assert [line.split()[1] for line in lines[1:]] == [
        'web-3', 'web-2', 'web-4', 'web-1']


def test_a_task_is_told_in_place_of_the_state():
    assert '  rebooting  ' in drawn(STATUS, [sample.busy(1)])[1]


@pytest.mark.parametrize(('uuids', 'digits'), [
    (['00000001-0000-4000-8000-000000000000'] * 2, 8),
    (['00000001-0000-4000-8000-000000000000',
      '00000001-0001-4000-8000-000000000000'], 13),
    (['00000001-0000-4000-8000-000000000000',
      '00000001-0000-4000-8000-000000000001'], 36)])
def test_uuids_have_as_many_digits_as_tell_them_apart(uuids, digits):
    added = [[sample.copy(sample.Instance(uuid, 'cmp1'), state=State.STALE)]
             for uuid in uuids]

    assert [line.split()[0] for line in drawn(STATUS, added, width=160)[1:]
            ] == [uuid[:digits] for uuid in uuids]


def test_hosts_are_named_if_there_are_several():
    lines = drawn(STATUS, [sample.stale(1), sample.stale(2, host='cmp2')])

    assert [line.split()[0] for line in lines] == ['HOST', 'cmp1', 'cmp2']


@pytest.mark.parametrize(('number', 'count'), [(5, 6), (6, 0)])
def test_many_servers_of_several_hosts_are_not_listed(number, count):
    added = [sample.stale(each, host=f'cmp{each}') for each in range(number)]

    assert len(drawn(STATUS, added, most=5)) == count


def test_all_servers_of_one_host_are_listed():
    assert len(drawn(STATUS, [sample.stale(each) for each in range(60)],
                     most=5)) == 61


@pytest.mark.parametrize('width', [80, 160])
@pytest.mark.parametrize('name', ['a' * 300, '\u732b' * 100])
def test_every_line_fits(name, width):
    lines = drawn(STATUS, [
        reports.stale(1, name=name, vm_state='a-state-that-nobody-has'),
        [sample.copy(sample.instance(2, name=name, host='cmp2' * 30),
                     state=State.STALE, breaks=tuple(Operation))]],
        width=width)

    assert max(map(layout.cells, lines)) <= width
