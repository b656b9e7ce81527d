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

from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import sentences
from tests.unit.report import sample

DRIFTED = [sample.copy(sample.instance(9), state=State.DRIFTED)]
REPAIR = '"rbd-mon-fix refresh" would make '


def power(lost, servers, host='cmp1'):
    return (f'If the power failed now, {lost} of {servers} on {host} would '
            'not come back.')


def not_judged(what):
    return (f'{what} could not be judged: nothing tells whether the '
            'addresses are right.')


def told(servers, kind, done=None, run=None):
    return told_of(sample.summary(servers, done), kind, run)


def told_of(summary, kind, run=None):
    return sentences.sentences(summary, kind, run)


@pytest.mark.parametrize('servers, sentences', [
    ([], ['No server was found.']),
    ([[]], ['No RBD disk was found on 1 server.']),
    ([[], []], ['No RBD disk was found on 2 servers.']),
    ([sample.current(1)[:1]], ['The only copy is current.']),
    ([sample.current(1)],
     ['All 3 copies are current.', 'Checked 1 server.']),
    ([sample.current(1), sample.current(2)],
     ['All 6 copies are current.', 'Checked 2 servers.']),
    ([DRIFTED],
     ['Found 1 copy on 1 server: 1 drifted.', REPAIR + '1 change.']),
    ([sample.stale(1)],
     [power(1, '1 server'), '1 server would not start.',
      'Hard-reboot would fail on 1 server, soft-reboot on 1.',
      'Found 3 copies on 1 server: 2 stale, 1 current.',
      REPAIR + '2 changes.']),
    ([sample.stale(1)[2:], sample.stale(2)[2:]],
     ['Soft-reboot would fail on 2 servers.',
      'Found 2 copies on 2 servers: 2 stale.',
      REPAIR + '2 changes.']),
    ([sample.stale(1), sample.busy(2), sample.unreadable(3)],
     [not_judged('1 copy on 1 server'), power('at least 2', '3 servers'),
      '2 servers would not start.',
      'Hard-reboot would fail on 2 servers, soft-reboot on 1.',
      'Found 5 copies on 3 servers: 1 unreadable, 3 stale, 1 current.',
      'Skipped 2 copies: 1 busy, 1 unreadable.',
      REPAIR + '2 changes.']),
    ([sample.unreadable(1), sample.unreadable(2)],
     [not_judged('2 copies on 2 servers'),
      'If the power failed now, it is not certain that all 2 servers on cmp1 '
      'would come back.',
      'Found 2 copies on 2 servers: 2 unreadable.',
      'Skipped 2 copies: 2 unreadable.']),
    ([sample.unreadable(1)],
     [not_judged('1 copy on 1 server'),
      'If the power failed now, it is not certain that the only server on '
      'cmp1 would come back.',
      'Found 1 copy on 1 server: 1 unreadable.',
      'Skipped 1 copy: 1 unreadable.']),
    # What does not count is no reason for a doubt.
    ([[dataclasses.replace(each, skip=SkipReason.OTHER_HOST)
       for each in sample.unreadable(1)]],
     ['Found 1 copy on 1 server: 1 unreadable.',
      'Skipped 1 copy: 1 other-host.']),
])
def test_status(servers, sentences):
    assert told(servers, schema.Kind.STATUS) == sentences


def test_dry_run_says_what_would_be_done():
    assert told([DRIFTED], schema.Kind.DRY_RUN) == [
        'Found 1 copy on 1 server: 1 drifted.',
        'Nothing was written. Without --dry-run, 1 change would be made.']


ONE, TWO = sample.stale(1), sample.stale(2)
BOTH = 'Found 6 copies on 2 servers: 4 stale, 2 current.'
AGAIN = 'Run the same command again to retry.'
RUN = 'Run r1. To undo it: rbd-mon-fix rollback r1'


@pytest.mark.parametrize('done, sentences', [
    (sample.outcomes(ONE + TWO),
     ['2 servers would not have started; now they would.',
      'Fixed: 4 changes.', BOTH, RUN]),
    ({**sample.outcomes(ONE),
      **sample.outcomes(TWO, Verdict.CONFLICT)},
     [power(1, '2 servers'), '1 server still would not start.',
      '1 server would not have started; now it would.',
      'Hard-reboot would still fail on 1 server, soft-reboot on 1.',
      f'Not fixed: 2 conflict. {AGAIN}', 'Fixed: 2 changes.', BOTH, RUN]),
    (sample.outcomes(ONE, Verdict.FAILED),
     [power(2, '2 servers'), '2 servers still would not start.',
      'Hard-reboot would still fail on 2 servers, soft-reboot on 2.',
      f'Not fixed: 2 failed, 2 not made. {AGAIN}', BOTH, RUN]),
])
def test_refresh_says_what_is_left_first(done, sentences):
    assert told([ONE, TWO], schema.Kind.REFRESH, done, 'r1') == sentences


def test_refresh_with_nothing_to_do():
    assert told([sample.current(1)], schema.Kind.REFRESH, {}) == [
        'All 3 copies are current.', 'Checked 1 server.',
        'Nothing was written.']


def test_rollback():
    server = sample.instance(1)
    bdm, domain = (sample.copy(server, store, State.STALE)
                   for store in ('nova-bdm', 'domain'))
    done = {each.locator: Outcome(each.locator, verdict)
            for each, verdict in ((bdm, Verdict.FIXED),
                                  (domain, Verdict.UNVERIFIED))}

    assert told([[bdm, domain]], schema.Kind.ROLLBACK, done, 'r2') == [
        f'Not rolled back: 1 unverified. {AGAIN}', 'Rolled back: 1 change.',
        'Run r2. To undo it: rbd-mon-fix rollback r2']
    assert told([], schema.Kind.ROLLBACK) == [
        'There was nothing to roll back.', 'Nothing was written.']


@pytest.mark.parametrize('operations, words', [
    (['resume'], 'resume would fail'),
    (['start', 'resume'], 'start and resume would fail'),
    (['a', 'b', 'c'], 'a, b and c would fail')])
def test_failing(operations, words):
    assert sentences.failing(operations) == words


def test_what_a_power_failure_would_leave_is_told_for_each_host():
    servers = [sample.current(1), sample.stale(2, host='cmp2'),
               sample.stale(3, host='cmp3')]

    assert told(servers, schema.Kind.DRY_RUN)[:2] == [
        power(1, '1 server', 'cmp2'), power(1, '1 server', 'cmp3')]


@pytest.mark.parametrize('count, sentence', [
    (1, '1 copy of a running guest cannot be changed: it remains until the '
        'guest is restarted.'),
    (2, '2 copies of running guests cannot be changed: they remain until the '
        'guest is restarted.')])
def test_copies_of_running_guests_are_not_among_the_skipped(count, sentence):
    live = sample.copy(sample.instance(1), 'live-domain', State.STALE,
                       skip=SkipReason.READ_ONLY)

    assert told([[live] * count + sample.busy(2)],
                schema.Kind.STATUS)[-2:] == [
        'Skipped 1 copy: 1 busy.', sentence]


@pytest.mark.parametrize('kind, done, sentence', [
    (schema.Kind.STATUS, None, REPAIR + '1 change.'),
    (schema.Kind.DRY_RUN, None, 'Nothing was written. Without --dry-run, 1 '
                                'change would be made.'),
    (schema.Kind.REFRESH, Verdict.FIXED, 'Fixed: 1 change.'),
    (schema.Kind.REFRESH, Verdict.FAILED, f'Not fixed: 1 failed. {AGAIN}'),
    (schema.Kind.ROLLBACK, Verdict.FIXED, 'Rolled back: 1 change.')])
def test_a_document_of_two_disks_is_one_change(kind, done, sentence):
    server = sample.instance(1)
    copies = [sample.copy(server, 'domain', State.STALE, device=device)
              for device in ('vda', 'vdb')]

    assert sentence in told(
        [copies], kind, done and sample.outcomes(copies, done))


@pytest.mark.parametrize('count, sentences', [
    (0, []), (1, ['1 finding needs attention; see above.']),
    (2, ['2 findings need attention; see above.'])])
def test_findings_are_counted(count, sentences):
    summary = sample.summary([sample.current(1)], findings=count)

    assert told_of(summary, schema.Kind.STATUS)[2:] == sentences


@pytest.mark.parametrize('guests, first', [
    ([], None), (['a'], '1 running guest is stranded: a.'),
    (['a', 'b'], '2 running guests are stranded: a, b.')])
def test_stranded_guests_are_named(guests, first):
    lines = sentences.stranded(guests)

    assert (lines[0] if lines else None) == first


@pytest.mark.parametrize('kind, told', [
    (schema.Kind.STATUS, True), (schema.Kind.DRY_RUN, True),
    (schema.Kind.REFRESH, True), (schema.Kind.ROLLBACK, False)])
def test_commands_that_look_at_guests_tell_of_stranded_ones(kind, told):
    summary = sample.summary([sample.current(1)])
    summary.stranded.append(sample.uuid(1))

    text = ' '.join(told_of(summary, kind))

    assert (f'stranded: {sample.uuid(1)}.' in text) is told
