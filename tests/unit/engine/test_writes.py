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

"""Plans of several hosts whose changes are made at the same time."""

from __future__ import annotations

import functools
import threading
import types

import pytest
import tenacity

from rbd_mon_fix import exceptions
from rbd_mon_fix.core import apply
from rbd_mon_fix.engine import selection
from rbd_mon_fix.engine import writes
from rbd_mon_fix.model.plan import Outcome
from rbd_mon_fix.model.plan import Verdict
from rbd_mon_fix.model.record import Locator

BOUND = 30.0


def plan(host, *servers):
    """Return a plan with a change for each server of a host."""
    return types.SimpleNamespace(changes=tuple(
        types.SimpleNamespace(locator=Locator('domain', host, server, server))
        for server in servers))


def fixed(of):
    """Return the outcomes of changes that are made."""
    return [Outcome(change.locator, Verdict.FIXED) for change in of]


def make(of, proceed):
    """Make changes, one server in a batch."""
    for outcome in fixed(of):
        if not proceed(1):
            return
        yield outcome


def together(number=4, patience=BOUND, proceed=lambda servers: True):
    return writes.Writes(selection.Pace(number, patience), proceed)


def waited(those):
    """Wait for all plans; return each host with its outcomes and its end."""
    found = []
    while len(those):
        error = None
        try:
            those.wait(lambda number: None)
        except (exceptions.Unreachable, KeyboardInterrupt) as failure:
            error = failure
        write = those.take()
        found.append((write.host, sorted(
            locator.instance for locator in write.outcomes), write.whole,
            type(error).__name__ if error else ''))
    return found


@pytest.mark.parametrize('number', [1, 2, 4])
def test_the_order_is_that_of_the_plans(number):
    those = together(number)
    advanced = []
    for host in 'cab':
        those.begin(plan(host, '1', '2'), make)
    assert those.first.host == 'c'
    for host in 'cab':
        those.wait(advanced.append)
        write = those.take()
        assert (write.host, write.whole) == (host, True)
        assert list(write.outcomes.values()) == fixed(write.plan.changes)
    assert sum(advanced) == 6


def test_a_plan_without_changes():
    those = together()
    those.begin(plan('a'), make)
    assert waited(those) == [(None, [], True, '')]


def test_one_at_once_is_made_by_the_caller():
    threads = set()

    def traced(of, proceed):
        threads.add(threading.current_thread())
        yield from make(of, proceed)

    those = together(1)
    those.begin(plan('a', '1'), traced)
    assert not threads
    assert waited(those) == [('a', ['1'], True, '')]
    assert threads == {threading.current_thread()}


@pytest.fixture
def small(monkeypatch):
    """Make batches of one server each."""
    monkeypatch.setattr(apply, 'BATCH', 1)


def test_batches_of_a_host_alone_are_made_at_the_same_time(small):
    barrier = threading.Barrier(writes.AT_ONCE)

    def meeting(of, proceed):
        barrier.wait(BOUND)
        yield from make(of, proceed)

    those = together(1)
    those.begin(plan('a', *'12345'), meeting)
    assert waited(those) == [('a', [*'12345'], True, '')]


def test_several_hosts_have_a_batch_each(small):
    made = []

    def noting(of, proceed):
        made.append(len(of))
        yield from make(of, proceed)

    those = together()
    for host in 'ab':
        those.begin(plan(host, *'123'), noting)
    assert waited(those) == [(host, [*'123'], True, '') for host in 'ab']
    assert made == [3, 3]


@tenacity.retry(retry=tenacity.retry_if_result(lambda error: error is None),
                wait=tenacity.wait_fixed(0.01),
                stop=tenacity.stop_after_delay(BOUND))
def error_of(write):
    return write.error


def test_an_error_of_a_batch_lets_the_other_be_the_last(small):
    """What was made is known, and no further batch is begun."""
    begun, asked = threading.Event(), []

    def meeting(of, proceed):
        if of[0].locator.instance == '1':
            assert begun.wait(BOUND)
            yield from failing(of, proceed)
        assert proceed(1)
        begun.set()
        assert error_of(those.first)
        yield fixed(of)[0]
        asked.append(proceed(1))

    those = together(1)
    those.begin(plan('a', *'1234'), meeting)
    assert waited(those) == [('a', ['1', '2'], False, 'Unreachable')]
    assert asked == [False]


def test_the_second_interrupt_ends_batches_in_hand(small):
    """After the first one, they had their time."""
    begun, never = threading.Event(), threading.Event()
    those = writes.Writes(selection.ONE, lambda servers: True, lambda: True)

    interrupt(those, begun)
    those.begin(plan('a', '1', '2'), functools.partial(stuck, begun, never))
    try:
        with pytest.raises(KeyboardInterrupt):
            those.wait(lambda number: None)
    finally:
        never.set()
    assert not those.take().whole


def test_hosts_are_written_to_at_the_same_time():
    """Each waits for all others."""
    barrier = threading.Barrier(4)

    def meeting(of, proceed):
        barrier.wait(BOUND)
        yield from make(of, proceed)

    those = together()
    for host in 'abcd':
        those.begin(plan(host, '1'), meeting)
    assert waited(those) == [(host, ['1'], True, '') for host in 'abcd']


def test_the_plans_of_a_host_follow_each_other():
    made = []

    def noting(of, proceed):
        for outcome in make(of, proceed):
            made.append(outcome.locator.instance)
            yield outcome

    those = together()
    for servers in (('1', '2'), ('3',), ('4', '5')):
        those.begin(plan('a', *servers), noting)
    assert [whole for _, _, whole, _ in waited(those)] == [True] * 3
    assert made == ['1', '2', '3', '4', '5']


def failing(of, proceed):
    yield fixed(of)[0]
    raise exceptions.Unreachable('Down.')


def stuck(begun, never, of, proceed):
    begun.set()
    never.wait()
    yield from fixed(of)


@pytest.mark.parametrize('number', [1, 4])
def test_an_error_is_that_of_its_plan(number):
    those = together(number)
    those.begin(plan('a', '1'), make)
    those.begin(plan('b', '1', '2'), failing)
    those.begin(plan('c', '1'), make)
    assert waited(those) == [
        ('a', ['1'], True, ''), ('b', ['1'], False, 'Unreachable'),
        ('c', ['1'], True, '')]


def test_no_plan_of_a_host_follows_one_that_failed():
    those = together()
    those.begin(plan('a', '1', '2'), failing)
    those.begin(plan('a', '3'), make)
    assert waited(those) == [('a', ['1'], False, 'Unreachable'),
                             ('a', [], False, 'Unreachable')]


@pytest.mark.parametrize('number', [1, 4])
def test_no_batch_is_begun_after_a_halt(number):
    those = together(number)
    those.halt()
    those.begin(plan('a', '1'), make)
    assert waited(those) == [('a', [], True, '')]


def test_the_servers_in_hand_are_those_of_all_hosts():
    """An operator who stops the run is told how many are finished first."""
    asked, barrier = [], threading.Barrier(3)

    def meeting(of, proceed):
        proceed(len(of))
        barrier.wait(BOUND)
        yield from fixed(of)

    those = together(proceed=lambda servers: asked.append(servers) or True)
    for host, servers in (('a', '12'), ('b', '1'), ('c', '123')):
        those.begin(plan(host, *servers), meeting)
    waited(those)
    assert max(asked) == 6


def test_what_is_settled_so_far():
    """Progress does not go back when a host is done."""
    those = together()
    for host in 'ab':
        those.begin(plan(host, '1', '2'), make)
    those.wait(lambda number: None)
    those.take()
    those.wait(lambda number: None)
    assert those.settled == 2


def test_a_host_that_sends_nothing():
    never = threading.Event()

    def silent(of, proceed):
        never.wait()
        yield from fixed(of)

    those = together(patience=1.0)
    those.begin(plan('a', '1'), silent)
    those.begin(plan('a', '2'), make)
    those.begin(plan('b', '1'), make)
    try:
        assert waited(those) == [('a', [], False, 'Unreachable'),
                                 ('a', [], False, 'Unreachable'),
                                 ('b', ['1'], True, '')]
    finally:
        never.set()


class Interrupted:
    """News that Ctrl-C precedes, once something has been begun."""

    def __init__(self, news, begun):
        self._news = news
        self._left = [begun]

    def get(self, timeout):
        if self._left:
            assert self._left.pop().wait(BOUND)
            raise KeyboardInterrupt
        return self._news.get(timeout=timeout)

    def put(self, new):
        self._news.put(new)


def interrupt(those, begun):
    those._news = Interrupted(those._news, begun)


def test_a_batch_in_hand_ends_after_an_interrupt():
    begun, go, those = threading.Event(), threading.Event(), together()

    def slow(of, proceed):
        for outcome in fixed(of):
            if not proceed(1):
                return
            begun.set()
            assert go.wait(BOUND)
            yield outcome

    interrupt(those, begun)
    halt = those.halt
    those.halt = lambda within: (halt(within), go.set())
    those.begin(plan('a', '1', '2'), slow)
    with pytest.raises(KeyboardInterrupt):
        those.wait(lambda number: None)
    write = those.take()
    assert ([each.instance for each in write.outcomes], write.whole) == (
        ['1'], True)


def test_a_batch_that_takes_too_long_after_an_interrupt(monkeypatch):
    monkeypatch.setattr(writes, 'GRACE', 0.2)
    begun, never, those = threading.Event(), threading.Event(), together()

    interrupt(those, begun)
    those.begin(plan('a', '1'), functools.partial(stuck, begun, never))
    try:
        with pytest.raises(KeyboardInterrupt):
            those.wait(lambda number: None)
    finally:
        never.set()
    assert not those.take().whole
