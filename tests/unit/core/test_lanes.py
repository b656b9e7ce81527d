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

"""Several iterators at once."""

import threading

import pytest

from rbd_mon_fix.core import lanes

BOUND = 30


def counting(start, stop, said=None):
    try:
        for number in range(start, stop):
            yield number
    finally:
        if said is not None:
            said.append(('closed', start))


def failing(error, *first):
    yield from first
    raise error


def test_nothing():
    assert list(lanes.merged([])) == []
    assert list(lanes.merged([counting(0, 0), counting(0, 0)])) == []


def test_all_of_each_in_its_order():
    found = list(lanes.merged([counting(0, 50), counting(100, 120),
                               counting(200, 200)]))
    assert [each for each in found if each < 100] == list(range(50))
    assert [each for each in found if each >= 100] == list(range(100, 120))


def test_they_run_side_by_side():
    meeting = threading.Barrier(3)

    def lane(name):
        meeting.wait(BOUND)
        yield name

    assert sorted(lanes.merged([lane('a'), lane('b'), lane('c')])) == [
        'a', 'b', 'c']


def test_what_is_known_is_told_before_the_others_end():
    told = threading.Event()

    def slow():
        assert told.wait(BOUND)
        yield 'slow'

    found = lanes.merged([slow(), counting(0, 1)])
    assert next(found) == 0
    told.set()
    assert list(found) == ['slow']


@pytest.mark.parametrize('error', [KeyError, KeyboardInterrupt])
def test_one_that_fails_does_not_stop_the_others(error):
    found = []
    with pytest.raises(error):
        for each in lanes.merged([failing(error('x'), 7), counting(0, 5)]):
            found.append(each)
    assert sorted(found) == [0, 1, 2, 3, 4, 7]


def test_when_all_fail_one_error_is_raised():
    with pytest.raises(KeyError):
        list(lanes.merged([failing(KeyError()), failing(ValueError())]))


@pytest.mark.parametrize('stop', [
    lambda found: found.close(), lambda found: found.throw(KeyError)])
def test_a_caller_that_stops_closes_them(stop):
    said = []

    def endless(number):
        try:
            while True:
                yield number
        finally:
            said.append(number)

    before = threading.active_count()
    found = lanes.merged([endless(1), endless(2)])
    next(found)
    try:
        stop(found)
    except KeyError:
        pass
    assert sorted(said) == [1, 2]
    assert threading.active_count() == before


def test_each_is_closed_at_its_end():
    said = []
    list(lanes.merged([counting(0, 2, said), counting(10, 11, said)]))
    assert sorted(said) == [('closed', 0), ('closed', 10)]
