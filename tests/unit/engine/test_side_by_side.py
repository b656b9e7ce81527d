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

"""Work on several hosts at the same time."""

from __future__ import annotations

import threading

from hypothesis import given
from hypothesis import strategies as st
import pytest

from rbd_mon_fix.clients import waiting
from rbd_mon_fix.engine import side_by_side

BOUND = 30.0


def told(lanes):
    return [(item, list(results)) for item, results in lanes]


@given(st.lists(st.integers(0, 3), max_size=12), st.integers(1, 5))
def test_the_order_is_that_of_the_items(counts, at_once):
    items = list(enumerate(counts))

    def work(item):
        number, count = item
        for each in range(count):
            yield number, each

    assert told(side_by_side.lanes(items, work, at_once, BOUND)) == [
        (item, [(item[0], each) for each in range(item[1])])
        for item in items]


@pytest.mark.parametrize('items, at_once', [([1], 4), ([1, 2], 1)])
def test_nothing_in_advance(items, at_once):
    """The caller's thread alone gets signals while it works."""
    threads = set()

    def work(item):
        threads.add(threading.current_thread())
        yield item

    told(side_by_side.lanes(items, work, at_once, BOUND))
    assert threads == {threading.current_thread()}


def test_items_are_worked_on_at_the_same_time():
    """Each waits for all others."""
    barrier = threading.Barrier(4)

    def work(item):
        barrier.wait(BOUND)
        yield item

    assert told(side_by_side.lanes([1, 2, 3, 4], work, 4, BOUND)) == [
        (1, [1]), (2, [2]), (3, [3]), (4, [4])]


def test_no_more_items_than_wanted():
    lock, now, most = threading.Lock(), set(), []

    def work(item):
        with lock:
            now.add(item)
            most.append(len(now))
        yield item
        with lock:
            now.remove(item)

    items = list(range(40))
    assert [item for item, _ in told(
        side_by_side.lanes(items, work, 3, BOUND))] == items
    # Those with a result that nobody has taken yet are not worked on.
    assert max(most) <= 3 * side_by_side.AHEAD


def test_a_slow_first_item_keeps_no_other_from_its_work():
    """With two at once, the third begins when the second has a result."""
    done = threading.Semaphore(0)

    def work(item):
        if item == 0:
            for _ in range(3):
                assert done.acquire(timeout=BOUND)
        else:
            done.release()
        yield item

    lanes = side_by_side.lanes(range(4), work, 2, BOUND)
    assert [item for item, _ in told(lanes)] == [0, 1, 2, 3]


def test_one_result_ahead():
    """More would fill the memory with hosts that nobody reads yet."""
    computed = []

    def work(item):
        for each in range(5):
            computed.append((item, each))
            yield each

    lanes = side_by_side.lanes(['a', 'b'], work, 2, BOUND)
    _, first = next(lanes)
    assert next(first) == 0
    assert {each for item, each in computed if item == 'b'} <= {0}
    assert list(first) == [1, 2, 3, 4]
    assert list(next(lanes)[1]) == [0, 1, 2, 3, 4]


def test_an_error_is_that_of_its_item():
    def work(item):
        yield item
        if item == 2:
            raise ZeroDivisionError

    seen = []
    for item, results in side_by_side.lanes([1, 2, 3], work, 3, BOUND):
        try:
            seen.append((item, list(results)))
        except ZeroDivisionError:
            seen.append((item, 'failed'))
    assert seen == [(1, [1]), (2, 'failed'), (3, [3])]


def test_silence_is_that_of_its_item():
    never = threading.Event()

    def work(item):
        if item == 1:
            never.wait()
        yield item

    seen = []
    try:
        for item, results in side_by_side.lanes([1, 2], work, 2, 1.0):
            try:
                seen.append((item, list(results)))
            except waiting.Silent:
                seen.append((item, 'silent'))
    finally:
        never.set()
    assert seen == [(1, 'silent'), (2, [2])]
