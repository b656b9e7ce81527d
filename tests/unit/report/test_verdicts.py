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

"""The verdict on a run."""

import dataclasses

import pytest

from rbd_mon_fix import exceptions
from rbd_mon_fix.model.plan import Operation
from rbd_mon_fix.model.plan import State
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import SkipReason
from rbd_mon_fix.report import ending
from rbd_mon_fix.report import schema
from rbd_mon_fix.report import verdicts
from rbd_mon_fix.report import view as views
from tests.unit.report import sample

STATUS, DRY_RUN = schema.Kind.STATUS, schema.Kind.DRY_RUN
REFRESH, ROLLBACK = schema.Kind.REFRESH, schema.Kind.ROLLBACK
VIEW = views.View(scope=('--host', 'cmp1'), options=('--lock',))
LOST = {'cmp7': exceptions.Unreachable('No answer.')}
IF = 'if the power failed now'
SOFT = sample.stale(1)[2:]
RUNNING = [sample.copy(sample.instance(1), 'live-domain', State.STALE,
                       skip=SkipReason.READ_ONLY,
                       breaks=(Operation.SUSPEND,))]
LEFTOVER = [dataclasses.replace(each, skip=SkipReason.OTHER_HOST)
            for each in sample.stale(1, host='cmp9')]


def shielded(number, *breaks):
    return [dataclasses.replace(copy, shielded=True, breaks=breaks)
            for copy in sample.stale(number)]


@pytest.mark.parametrize(('servers', 'lines'), [
    ([shielded(1), sample.current(2)],
     [f'cmp1: all 2 servers would come back {IF}.',
      '1 server is shielded on this host: QEMU ignores the wrong addresses, '
      'but only here.']),
    ([shielded(1, Operation.LIVE_MIGRATE), shielded(2), sample.stale(3)],
     [f'cmp1: 1 of 3 servers would not come back {IF}.',
      '2 servers are shielded on this host: QEMU ignores the wrong '
      'addresses, but only here.'])])
def test_status_tells_of_a_shield(servers, lines):
    assert verdicts.first(end(servers), STATUS) == lines
    assert end(servers).summary.needs_attention


def end(servers, done=None, **fields):
    return ending.Ending(sample.summary(servers, done), **fields)


@pytest.mark.parametrize(('servers', 'line'), [
    ([], 'No RBD disk was found.'),
    ([sample.current(1)], f'cmp1: 1 server would come back {IF}.'),
    ([sample.current(1), sample.current(2)],
     f'cmp1: all 2 servers would come back {IF}.'),
    ([sample.stale(1), sample.current(2)],
     f'cmp1: 1 of 2 servers would not come back {IF}.'),
    ([sample.stale(1), sample.unreadable(2)],
     f'cmp1: at least 1 of 2 servers would not come back {IF}.'),
    ([sample.unreadable(1), sample.current(2)],
     f'cmp1: 1 of 2 servers might not come back {IF}.'),
    ([SOFT], f'cmp1: 1 server would come back {IF}, but soft-reboot would '
             'fail on 1.'),
    ([RUNNING], f'cmp1: 1 server would come back {IF}, but suspend would save '
                'stale addresses on 1.'),
    ([sample.stale(1), sample.current(2, host='cmp2')],
     f'2 hosts, 2 servers: 1 would not come back {IF}.'),
    ([sample.current(1), sample.current(2, host='cmp2')],
     f'2 hosts, 2 servers: all 2 servers would come back {IF}.'),
])
def test_status(servers, line):
    assert verdicts.first(end(servers), STATUS) == [line]


@pytest.mark.parametrize('kind', schema.Kind)
def test_hosts_that_were_not_looked_at_are_counted(kind):
    for lost, line in ((LOST, '1 host was not looked at.'),
                       ({**LOST, 'cmp8': LOST['cmp7']},
                        '2 hosts were not looked at.')):
        assert verdicts.first(end([sample.current(1)], lost=lost), kind)[
            -1] == line


@pytest.mark.parametrize(('servers', 'line'), [
    ([sample.stale(1)], 'cmp1: 2 changes planned. Nothing is written.'),
    ([sample.stale(1)[:2]], 'cmp1: 1 change planned. Nothing is written.'),
    ([sample.current(1)], 'cmp1: nothing to change.')])
def test_dry_run(servers, line):
    assert verdicts.first(end(servers), DRY_RUN) == [line]


@pytest.mark.parametrize(('done', 'lines'), [
    (sample.outcomes(sample.stale(1)),
     ['cmp1: 2 changes written, 0 failed.',
      '0 of 1 would not come back if the power failed now (before: 1).']),
    (sample.outcomes(sample.stale(1), Verdict.UNVERIFIED),
     ['cmp1: 0 changes written, 2 unverified.',
      '1 of 1 would not come back if the power failed now (before: 1).']),
    (sample.outcomes(sample.stale(1)[:2]),
     ['cmp1: 1 change written, 1 not made.',
      '0 of 1 would not come back if the power failed now (before: 1).']),
])
def test_refresh(done, lines):
    assert verdicts.first(end([sample.stale(1)], done), REFRESH) == lines


def test_a_run_that_wrote_nothing():
    assert verdicts.first(end([sample.current(1)], {}), REFRESH)[0] == (
        'cmp1: nothing had to be written.')
    assert verdicts.first(end([sample.current(1)], {}), ROLLBACK)[0] == (
        'cmp1: nothing had to be rolled back.')


@pytest.mark.parametrize(('kind', 'servers', 'error', 'line'), [
    (STATUS, [sample.stale(1), sample.busy(2), sample.unreadable(3)], None,
     '2 of 3 would not come back. 2 left alone. 1 not judged. 0 stranded.'),
    (STATUS, [LEFTOVER], None, '0 left alone. 0 not judged. 0 stranded.'),
    (DRY_RUN, [sample.stale(1), sample.busy(2)], None,
     'Plan: 2 to change, 1 left alone, 0 not judged. Guard: ok. Digest d1.'),
    (DRY_RUN, [sample.stale(1)], exceptions.Refused('No.'),
     'Plan: 2 to change, 0 left alone, 0 not judged. Guard: refuses.')])
def test_last(kind, servers, error, line):
    found = end(servers, error=error, digest='' if error else 'd1')
    if servers == [LEFTOVER]:
        found.summary.hosts.clear()
    assert verdicts.last(found, kind)[0] == line


@pytest.mark.parametrize(('servers', 'lines'), [
    ([sample.stale(1), sample.busy(2)],
     ['After it, 1 of 2 servers would not come back (now 2).']),
    ([sample.stale(1), sample.unreadable(2)],
     ['After it, at least 0 of 2 servers would not come back (now 1).']),
    ([sample.busy(2)], [])])
def test_what_would_still_fail_after_a_plan(servers, lines):
    assert verdicts.last(end(servers), DRY_RUN)[1:] == lines


def following(kind, servers, done=None, view=VIEW, stranded=(), **fields):
    found = end(servers, done, **fields)
    found.summary.stranded += stranded
    return list(verdicts.following(found, kind, view))


FIXED = sample.outcomes(sample.stale(1))
ONLY = 'Next: rbd-mon-fix '


@pytest.mark.parametrize(('servers', 'stranded', 'line'), [
    ([sample.stale(1)], [], 'refresh --host cmp1 --dry-run'),
    ([sample.current(1)], [sample.uuid(1)], 'guests --host cmp1'),
    ([sample.unreadable(1)], [], 'status --host cmp1 --verbose'),
    ([sample.busy(1)], [], 'status --host cmp1')])
def test_the_next_command_after_status(servers, stranded, line):
    assert following(STATUS, servers, stranded=stranded) == [ONLY + line]


def test_nothing_is_left_to_do():
    for kind in (STATUS, DRY_RUN, REFRESH):
        assert following(kind, [sample.current(1)]) == ['Nothing to do.']


def test_what_a_verbose_status_has_told():
    view = dataclasses.replace(VIEW, verbose=True)

    assert following(STATUS, [sample.unreadable(1)], view=view) == [
        'See above for what is left.']


def test_a_plan_is_followed_by_its_run():
    assert following(DRY_RUN, [sample.stale(1)]) == [
        f'{ONLY}refresh --host cmp1 --lock --max-changes 2']
    assert following(DRY_RUN, [sample.stale(1)],
                     error=exceptions.Refused('No.')) == []


@pytest.mark.parametrize(('scope', 'command'), [
    (('--host', 'cmp1'), 'verify --host cmp1'), ((), 'verify'),
    (('--host', 'a', '--host', 'b'), 'status --host a --host b'),
    (('--host', 'a,b'), 'status --host a,b'),
    (('--host', '@hosts'), 'status --host @hosts'),
    (('--all-hosts',), 'status --all-hosts'),
    (('--store', 'nova-bdm'), 'status --store nova-bdm')])
def test_a_run_is_followed_by_its_proof(scope, command):
    view = views.View(scope=scope)

    assert following(REFRESH, [sample.stale(1)], FIXED, view, run='r1') == [
        'Take back: rbd-mon-fix rollback r1', ONLY + command]


def test_a_plan_of_a_rollback_is_followed_by_the_rollback():
    assert following(DRY_RUN, [sample.stale(1)], undoes='r1') == [
        f'{ONLY}rollback r1']


def test_a_saved_plan_is_followed_by_exactly_its_changes():
    assert following(DRY_RUN, [sample.stale(1)], saved='/tmp/a plan') == [
        f"{ONLY}refresh --plan '/tmp/a plan' --lock"]


def test_an_incomplete_run_is_repeated():
    assert following(REFRESH, [sample.stale(1)], {}, run='r1')[-1] == (
        f'{ONLY}refresh --host cmp1 --lock')


def test_a_rollback_can_be_taken_back_too():
    assert following(ROLLBACK, [sample.stale(1)], FIXED, run='r2') == [
        'Take back: rbd-mon-fix rollback r2',
        f'{ONLY}status --host cmp1']
