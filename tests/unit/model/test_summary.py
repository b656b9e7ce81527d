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

from __future__ import annotations

import dataclasses

import pytest

from rbd_mon_fix.model import summary
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.model.summary import Host
from tests.unit.report import sample
from tests.unit.report.sample import START

SERVERS = [sample.current(1), sample.stale(2), sample.stale(3),
           sample.busy(4), sample.unreadable(5)]


def test_what_only_hands_addresses_on_fails_nowhere():
    copies = [live(State.STALE, breaks=SUSPEND)]

    counted = sample.summary([copies], {})
    assert (counted.broken, counted.still_broken,
            counted.broken_after_plan) == (0, 0, 0)
    assert counted.found == counted.left == {Operation.SUSPEND: 1}

    counted = sample.summary([[*copies, *sample.stale(1)]])
    assert (counted.broken, counted.still_broken) == (1, 1)


def test_counts_what_was_found():
    counted = sample.summary(SERVERS)

    assert (counted.servers, counted.broken, counted.still_broken) == (
        5, 3, 3)
    assert counted.found == counted.left == {
        Operation.START: 3, Operation.HARD_REBOOT: 3,
        Operation.SOFT_REBOOT: 2}
    assert counted.copies == 11
    assert counted.states == {State.CURRENT: 5, State.STALE: 5,
                              State.UNREADABLE: 1}
    assert counted.skipped == {SkipReason.BUSY: 1, SkipReason.UNREADABLE: 1}
    assert counted.hosts == {'cmp1': Host(
        servers=5, lost=3, not_judged=1, lost_before=3, lost_after_plan=1)}
    assert (counted.lost_before, counted.lost, counted.lost_after_plan) == (
        3, 3, 1)
    assert (counted.not_judged, counted.doubtful) == (1, 1)
    assert counted.due == 4
    assert counted.outcomes == {}


def test_counts_what_is_left_when_some_is_fixed():
    bdm, domain = SERVERS[1][1:]
    counted = sample.summary(SERVERS, {
        **sample.outcomes([bdm]),
        **sample.outcomes([domain], Verdict.CONFLICT),
        **sample.outcomes(SERVERS[2])})

    assert counted.found[Operation.START] == 3
    assert counted.left[Operation.START] == 1
    assert (counted.broken, counted.still_broken) == (3, 2)
    assert counted.outcomes == {Verdict.FIXED: 3, Verdict.CONFLICT: 1}


@pytest.mark.parametrize('verdict, left', [
    (Verdict.FIXED, ()),
    (Verdict.CONFLICT, sample.START + sample.SOFT),
    (Verdict.FAILED, sample.START + sample.SOFT),
    (Verdict.UNVERIFIED, sample.START + sample.SOFT)])
def test_only_what_is_fixed_no_longer_breaks(verdict, left):
    copies = sample.stale(1)
    done = sample.outcomes(copies, verdict)

    assert summary.breaks_left(copies, done) == left


def test_operations_are_named_once_in_the_order_of_reports():
    copies = [sample.copy(sample.instance(1), breaks=sample.SOFT),
              *sample.stale(1)]

    assert summary.breaks(copies) == sample.START + sample.SOFT


@pytest.mark.parametrize('copies, verdict, incomplete', [
    (sample.current(1), None, False),
    (sample.unreadable(1), None, True),
    (sample.stale(1), Verdict.FIXED, False),
    (sample.stale(1), Verdict.CONFLICT, True),
    (sample.stale(1), Verdict.FAILED, True),
    (sample.stale(1), Verdict.UNVERIFIED, True),
    (sample.busy(1), None, True)])
def test_incomplete_is_what_should_have_been_fixed_and_was_not(
        copies, verdict, incomplete):
    done = sample.outcomes(copies, verdict) if verdict else {}

    assert sample.summary([copies], done).incomplete is incomplete


LIVE = (Operation.LIVE_MIGRATE,)
SUSPEND = (Operation.SUSPEND,)


@pytest.mark.parametrize('state, skip, breaks, attention, incomplete', [
    (State.CURRENT, None, (), False, False),
    (State.STALE, None, START, True, True),
    (State.STALE, SkipReason.BUSY, START, True, True),
    (State.STALE, SkipReason.UNMANAGED, START, True, True),
    # Drifted copies start.
    (State.DRIFTED, SkipReason.BUSY, (), True, False),
    # A running guest's copy matters if an operation reads it.
    (State.STALE, SkipReason.READ_ONLY, (), False, False),
    (State.STALE, SkipReason.READ_ONLY, LIVE, True, False),
    # The image that a suspend writes can be corrected.
    (State.STALE, SkipReason.READ_ONLY, SUSPEND, False, False),
    (State.STALE, SkipReason.READ_ONLY, SUSPEND + LIVE, True, False),
    (State.UNKNOWN_CLUSTER, SkipReason.READ_ONLY, (), True, False),
    (State.UNKNOWN_CLUSTER, SkipReason.UNKNOWN_CLUSTER, (), True, True),
    (State.UNKNOWN_CLUSTER, SkipReason.UNMANAGED, (), True, True),
    (State.UNREADABLE, SkipReason.UNREADABLE, (), True, True),
    *((state, skip, (), False, False)
      for state in (State.DRIFTED, State.STALE, State.UNKNOWN_CLUSTER,
                    State.UNREADABLE)
      for skip in (SkipReason.OTHER_HOST, SkipReason.TRANSIENT))])
def test_what_needs_attention_and_what_is_left(state, skip, breaks,
                                               attention, incomplete):
    copy = sample.copy(sample.instance(1), state=state, skip=skip,
                       breaks=breaks)
    assert sample.summary([[copy]]).needs_attention is attention
    assert sample.summary([[copy]], {}).incomplete is incomplete


def test_a_stranded_guest_needs_attention():
    counted = sample.summary([sample.current(1)])
    assert not counted.needs_attention
    counted.stranded.append('u')
    assert counted.needs_attention


def two_disks(second=State.STALE, **fields):
    """Return the copies of a server with a domain of two disks."""
    server = sample.instance(1)
    return [sample.copy(server, 'nova-bdm', State.STALE),
            sample.copy(server, 'domain', State.STALE),
            sample.copy(server, 'domain', second, device='vdb', **fields)]


@pytest.mark.parametrize('copies, changes', [
    (two_disks(), 2),
    (two_disks(State.CURRENT), 2),
    (two_disks(skip=SkipReason.BUSY), 2),
    (two_disks()[1:], 1)])
def test_a_document_of_two_disks_is_one_change(copies, changes):
    planned = sample.summary([copies])
    fixed = sample.summary([copies], sample.outcomes(copies))
    cut_off = sample.summary([copies], {})

    assert (planned.due, planned.unsettled) == (changes, 0)
    assert fixed.outcomes == {Verdict.FIXED: changes}
    assert (cut_off.due, cut_off.unsettled) == (changes, changes)
    assert planned.copies == len(copies)


def test_a_change_without_an_outcome_is_unsettled():
    counted = sample.summary([sample.stale(1)], {})

    assert (counted.due, counted.unsettled, counted.incomplete) == (2, 2, True)


def test_a_drifted_copy_left_alone_still_starts():
    copy = sample.copy(sample.instance(1), state=State.DRIFTED,
                       skip=SkipReason.BUSY)
    counted = sample.summary([[copy]], {})

    assert (counted.wrong, counted.incomplete) == (1, False)


def test_a_current_copy_left_alone_is_not_worth_a_word():
    copy = sample.copy(sample.instance(1), skip=SkipReason.BUSY)

    assert not sample.summary([[copy]]).skipped


def live(state, **fields):
    return sample.copy(sample.instance(1), 'live-domain', state,
                       skip=SkipReason.READ_ONLY, **fields)


@pytest.mark.parametrize('copy, wrong', [
    (live(State.CURRENT), 0), (live(State.DRIFTED), 0),
    (live(State.STALE), 0),
    (live(State.STALE, breaks=SUSPEND), 0),
    (live(State.STALE, breaks=LIVE), 1)])
def test_a_running_guest_keeps_its_addresses_and_that_is_no_fault(
        copy, wrong):
    counted = sample.summary([[copy]], {})

    assert (counted.wrong, counted.incomplete) == (wrong, False)
    assert counted.read_only == (copy.state is not State.CURRENT)
    assert counted.skipped_writable == 0


@pytest.mark.parametrize('operation, lost', [
    (Operation.START, 1), (Operation.RESUME, 1), (Operation.UNRESCUE, 1),
    (Operation.HARD_REBOOT, 0), (Operation.SOFT_REBOOT, 0),
    *((operation, 0) for operation in (
        Operation.RESCUE, Operation.SUSPEND, Operation.SNAPSHOT,
        Operation.LIVE_MIGRATE, Operation.MIGRATE, Operation.REVERT))])
def test_what_a_power_failure_would_leave(operation, lost):
    copy = sample.copy(sample.instance(1), state=State.STALE,
                       breaks=(operation,))

    for done, expected in ((None, lost), (sample.outcomes([copy]), 0)):
        host = sample.summary([[copy], sample.current(2)], done).hosts['cmp1']
        assert (host.servers, host.lost) == (2, expected)


def test_what_is_left_after_the_plan():
    counted = sample.summary(SERVERS)

    assert counted.broken_after_plan == 1
    assert counted.left_by_plan == {Operation.START: 1,
                                    Operation.HARD_REBOOT: 1}


def test_servers_that_a_run_brings_back():
    done = sample.outcomes(SERVERS[1] + SERVERS[2])
    done.update(sample.outcomes(SERVERS[2], Verdict.CONFLICT))
    counted = sample.summary(SERVERS, done)

    assert (counted.lost_before, counted.lost, counted.lost_after_plan) == (
        3, 2, 1)
    assert counted.hosts['cmp1'].lost_before == 3


def test_the_servers_lost_on_several_hosts():
    servers = [sample.stale(1), sample.stale(2, host='cmp2')]
    counted = sample.summary(servers, sample.outcomes(servers[1]))

    assert (counted.lost_before, counted.lost, counted.lost_after_plan) == (
        2, 1, 0)
    assert [host.lost for host in counted.hosts.values()] == [1, 0]


RESTORED = sample.copy(sample.instance(1), breaks_after=START, restore=True)


@pytest.mark.parametrize('copy, counts', [
    (RESTORED, (0, 0, 1)),
    (dataclasses.replace(RESTORED, skip=SkipReason.BUSY), (0, 0, 0)),
    (dataclasses.replace(RESTORED, restore=False), (0, 0, 0)),
    # The addresses before the run were right, and the run's are not.
    (dataclasses.replace(RESTORED, state=State.STALE, breaks=START,
                         breaks_after=()), (1, 1, 0))])
def test_a_rollback_may_take_back_what_is_right(copy, counts):
    planned = sample.summary([[copy]])

    assert (planned.lost_before, planned.lost,
            planned.lost_after_plan) == counts
    assert planned.due == copy.due


def test_what_a_rollback_broke():
    done = {RESTORED.locator: Outcome(RESTORED.locator, Verdict.FIXED)}
    counted = sample.summary([[RESTORED]], done)

    assert (counted.lost_before, counted.lost) == (0, 1)
    assert counted.left == {Operation.START: 1, Operation.HARD_REBOOT: 1}
    assert summary.breaks_left([RESTORED], {}) == ()


def test_a_right_copy_that_a_rollback_leaves_alone_counts():
    counted = sample.summary([[dataclasses.replace(
        RESTORED, skip=SkipReason.BUSY)]])

    assert counted.skipped == {SkipReason.BUSY: 1}
    assert counted.skipped_writable == 1


def test_what_another_host_s_server_left_is_not_counted_for_the_host():
    copy = sample.copy(sample.instance(1))
    elsewhere = dataclasses.replace(
        copy, instance=dataclasses.replace(copy.instance, host='cmp2'))

    assert sample.summary([[elsewhere]]).hosts == {}
